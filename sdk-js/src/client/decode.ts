/**
 * Checks JSON against the shape that is expected of it, once, where it comes in.
 *
 * Fields that are not expected are ignored: a newer node may say more. What is expected and is not there is an error
 * that names its place. 64-bit integers are `bigint`, smaller ones `number`.
 */

import { MootError } from "../errors.js";
import { AccountId, Digest } from "../record/bytes.js";
import { isObject, type Json } from "../record/json.js";
import { MAX_JSON_INTEGER, MAX_U32, MAX_U64 } from "../record/limits.js";
import {
  type EntryId,
  formatEntryId,
  type FunctionName,
  parseEntryId,
  parseFunctionName,
} from "../record/names.js";

/** Reads a value that stands at `at`. */
export type Decoder<T> = (value: Json | undefined, at: string) => T;

function wrong(at: string, wanted: string, value: Json | undefined): MootError {
  const kind = Array.isArray(value) ? "a list" : value === null ? "null" : typeof value;
  return new MootError(
    `${at === "" ? "it" : at} is ${value === undefined ? "absent" : kind} instead of ${wanted}`,
  );
}

export const text: Decoder<string> = (value, at) => {
  if (typeof value !== "string") {
    throw wrong(at, "a text", value);
  }
  return value;
};

export const flag: Decoder<boolean> = (value, at) => {
  if (typeof value !== "boolean") {
    throw wrong(at, "true or false", value);
  }
  return value;
};

/** An integer of 64 bits, as a number or (above 2^53-1) as a decimal string. */
export const u64: Decoder<bigint> = (value, at) => {
  const large =
    typeof value === "string" && /^[1-9][0-9]{15,19}$/u.test(value) && BigInt(value) > MAX_JSON_INTEGER;
  const read = large ? BigInt(value) : value;
  if (typeof read !== "bigint" || read < 0n || read > MAX_U64) {
    throw wrong(at, "an integer of 64 bits", value);
  }
  return read;
};

/** Units of account: always decimal digits, because they may be above 2^53. A fee may be beyond 64 bits. */
export const units: Decoder<bigint> = (value, at) => {
  if (typeof value !== "string" || !/^(?:0|[1-9][0-9]{0,38})$/u.test(value)) {
    throw wrong(at, "units in decimal digits", value);
  }
  return BigInt(value);
};

/** An integer of 32 bits. */
export const u32: Decoder<number> = (value, at) => {
  if (typeof value !== "bigint" || value < 0n || value > BigInt(MAX_U32)) {
    throw wrong(at, "an integer of 32 bits", value);
  }
  return Number(value);
};

const parsed =
  <T>(parse: (text: string) => T): Decoder<T> =>
  (value, at) => {
    try {
      return parse(text(value, at));
    } catch (error) {
      throw error instanceof MootError && at !== ""
        ? new MootError(`${at}: ${error.message}`, { cause: error })
        : error;
    }
  };

export const digest: Decoder<Digest> = parsed(Digest.parse);
export const account: Decoder<AccountId> = parsed(AccountId.parse);
export const functionName: Decoder<FunctionName> = parsed(parseFunctionName);
export const entryId: Decoder<EntryId> = parsed((id) => formatEntryId(parseEntryId(id)));

/** One of a few texts. */
export const oneOf =
  <const T extends string>(...known: readonly T[]): Decoder<T> =>
  (value, at) => {
    const found = known.find((one) => one === value);
    if (found === undefined) {
      throw wrong(at, `one of ${known.join(", ")}`, value);
    }
    return found;
  };

/** Null when the value is absent or null. */
export const optional =
  <T>(decoder: Decoder<T>): Decoder<T | null> =>
  (value, at) =>
    value === undefined || value === null ? null : decoder(value, at);

/** A list; an absent one is empty. */
export const list =
  <T>(decoder: Decoder<T>): Decoder<T[]> =>
  (value, at) => {
    if (value === undefined) {
      return [];
    }
    if (!Array.isArray(value)) {
      throw wrong(at, "a list", value);
    }
    return value.map((item, i) => decoder(item, `${at}[${String(i)}]`));
  };

/** Two texts. */
export const pair: Decoder<readonly [string, string]> = (value, at) => {
  const [first, second, more] = Array.isArray(value) ? value : [];
  if (more !== undefined) {
    throw wrong(at, "two texts", value);
  }
  return [text(first, `${at}[0]`), text(second, `${at}[1]`)];
};

/** An object with these fields. */
export const object =
  <T extends object>(fields: { readonly [K in keyof T]: Decoder<T[K]> }): Decoder<T> =>
  (value, at) => {
    if (!isObject(value)) {
      throw wrong(at, "an object", value);
    }
    const read: Partial<T> = {};
    for (const key of Object.keys(fields) as (keyof T & string)[]) {
      read[key] = fields[key](value[key], at === "" ? key : `${at}.${key}`);
    }
    return read as T;
  };

/** One of several forms, each of which is an object with one field. */
export const formOf =
  <T>(forms: Readonly<Record<string, Decoder<T>>>): Decoder<T> =>
  (value, at) => {
    const [name] = isObject(value) ? Object.keys(value) : [];
    const known = Object.entries(forms).find(([form]) => form === name);
    if (known === undefined) {
      const names = Object.keys(forms).join(", ");
      throw new MootError(`${at} is none of the forms that this version knows: ${names}`);
    }
    return known[1](value, at);
  };
