/** Codecs of WIT's types that have no parts. */

import { MAX_JSON_INTEGER } from "../record/limits.js";
import { isBroken, toBase64 } from "../record/text.js";
import { type Codec, mismatch } from "./codec.js";

/** `bool`. */
export const bool: Codec<boolean> = {
  write: (value) => String(typeof value === "boolean" ? value : mismatch("true or false", value)),
  read: (json) => (typeof json === "boolean" ? json : mismatch("true or false", json)),
};

/** An integer that every double has exactly. */
function small(name: string, least: number, greatest: number): Codec<number> {
  const wanted = `${name}, an integer from ${String(least)} to ${String(greatest)}`;
  const checked = (value: unknown): number =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= greatest
      ? value
      : mismatch(wanted, value);
  return { write: (value) => String(checked(value)), read: checked };
}

export const u8 = small("u8", 0, 0xff);
export const u16 = small("u16", 0, 0xffff);
export const u32 = small("u32", 0, 0xffff_ffff);
export const s8 = small("s8", -0x80, 0x7f);
export const s16 = small("s16", -0x8000, 0x7fff);
export const s32 = small("s32", -0x8000_0000, 0x7fff_ffff);

/** An integer of 64 bits: a number in JSON as long as every reader has it exactly, beyond that decimal text. */
function long(name: string, least: bigint, greatest: bigint): Codec<bigint> {
  const wanted = `${name}, a bigint from ${String(least)} to ${String(greatest)}`;
  const checked = (value: unknown): bigint =>
    typeof value === "bigint" && value >= least && value <= greatest ? value : mismatch(wanted, value);
  return {
    write: (value) => {
      const text = String(checked(value));
      return value <= MAX_JSON_INTEGER && value >= -MAX_JSON_INTEGER ? text : `"${text}"`;
    },
    read: (json) => {
      const exact = typeof json === "number" && Number.isSafeInteger(json);
      const decimal = typeof json === "string" && /^-?[0-9]{1,20}$/u.test(json);
      return exact || decimal ? checked(BigInt(json)) : mismatch(wanted, json);
    },
  };
}

export const u64 = long("u64", 0n, 2n ** 64n - 1n);
export const s64 = long("s64", -(2n ** 63n), 2n ** 63n - 1n);

const NO_NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

function float(name: string, fits: (value: number) => boolean): Codec<number> {
  return {
    write: (value) => {
      if (typeof value !== "number" || (Number.isFinite(value) && !fits(value))) {
        return mismatch(`${name}, a number`, value);
      }
      if (!Number.isFinite(value)) {
        return `"${String(value)}"`;
      }
      if (Object.is(value, -0)) {
        return "-0.0";
      }
      // An integer in the text would be taken for an exact one.
      return Number.isSafeInteger(value) ? String(value) : value.toExponential();
    },
    read: (json) =>
      typeof json === "number" ? json : (NO_NUMBERS.get(json) ?? mismatch(`${name}, a number`, json)),
  };
}

export const f32 = float("f32", (value) => Number.isFinite(Math.fround(value)));
export const f64 = float("f64", () => true);

const CHARACTER = "one character";

/** `char`: one Unicode scalar value. */
export const char: Codec<string> = {
  write: (value) => JSON.stringify(scalar(value)),
  read: (json) => scalar(json),
};

function scalar(value: unknown): string {
  const one = typeof value === "string" && Array.from(value).length === 1 && !isBroken(value);
  return one ? value : mismatch(CHARACTER, value);
}

/** `string`. */
export const string: Codec<string> = {
  write: (value) =>
    typeof value === "string" && !isBroken(value)
      ? JSON.stringify(value)
      : mismatch("a string without half a character", value),
  read: (json) => (typeof json === "string" ? json : mismatch("a string", json)),
};

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u;

/** `list<u8>`: bytes, in JSON as base64. */
export const bytes: Codec<Uint8Array> = {
  write: (value) => (value instanceof Uint8Array ? `"${toBase64(value)}"` : mismatch("a Uint8Array", value)),
  read: (json) => {
    if (typeof json !== "string" || !BASE64.test(json)) {
      return mismatch("base64", json);
    }
    return Uint8Array.from(atob(json), (letter) => letter.charCodeAt(0));
  },
};
