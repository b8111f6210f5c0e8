/**
 * Codecs of WIT's types that have parts: from a value to JSON text, and from parsed JSON to a value.
 *
 * Text is written here and not by `JSON.stringify`, which has no exact 64-bit integers, and writes large doubles in a form
 * that the platform takes for an integer.
 */

import { MootError, quoted } from "../errors.js";

/** How a type of WIT is written and read. */
export interface Codec<T> {
  /** The value as JSON text. @throws MismatchError when it is none of the type. */
  write(value: T): string;
  /** What JSON text was parsed to, as a value. @throws MismatchError when it is none of the type. */
  read(json: unknown): T;
}

/** A value that is not of its type. */
export class MismatchError extends MootError {
  override name = "MismatchError";

  constructor(
    /** What the type has. */
    readonly wanted: string,
    /** What there was. */
    readonly found: string,
    /** Where in the value, outermost first. */
    readonly path: readonly (string | number)[] = [],
  ) {
    super(`${(path.length === 0 ? ["value"] : path).join(".")} is ${found}, and must be ${wanted}`);
  }
}

/** Refuses a value. */
export function mismatch(wanted: string, found: unknown): never {
  throw new MismatchError(wanted, shown(found));
}

function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "number":
    case "bigint":
    case "boolean":
    case "undefined":
      return String(value);
    default:
      return value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  }
}

/** Does `work` on a part of a value; what does not fit says where that is. */
function at<T>(step: string | number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MismatchError) {
      throw new MismatchError(error.wanted, error.found, [step, ...error.path]);
    }
    throw error;
  }
}

function elements(json: unknown, wanted: string, length?: number): readonly unknown[] {
  if (!Array.isArray(json) || (length !== undefined && json.length !== length)) {
    return mismatch(wanted, json);
  }
  return json;
}

function object(json: unknown, wanted: string): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return mismatch(wanted, json);
  }
  return json as Record<string, unknown>;
}

/** An object with one field, whose name says what its value is. */
function single(json: unknown, wanted: string): [string, unknown] {
  const [entry, ...more] = Object.entries(object(json, wanted));
  return entry === undefined || more.length > 0 ? mismatch(wanted, json) : entry;
}

/** Nothing: what a function answers that has no result. */
export const unit: Codec<undefined> = {
  write: () => "null",
  read: (json) => (json === null ? undefined : mismatch("null", json)),
};

/** `list<T>`. */
export function list<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    write: (values) => {
      const texts = elements(values, "an array").map((one, i) => at(i, () => element.write(one as T)));
      return `[${texts.join(",")}]`;
    },
    read: (json) => elements(json, "an array").map((one, i) => at(i, () => element.read(one))),
  };
}

/** `list<T, length>`. */
export function array<T>(element: Codec<T>, length: number): Codec<readonly T[]> {
  const all = list(element);
  const wanted = `an array of ${String(length)}`;
  return {
    write: (values) => all.write(elements(values, wanted, length) as readonly T[]),
    read: (json) => all.read(elements(json, wanted, length)),
  };
}

/** `tuple<...>`. */
export function tuple<T extends readonly unknown[]>(
  ...parts: { readonly [I in keyof T]: Codec<T[I]> }
): Codec<T> {
  const codecs = parts as readonly Codec<unknown>[];
  const wanted = `an array of ${String(codecs.length)}`;
  return {
    write: (values) => {
      const given = elements(values, wanted, codecs.length);
      return `[${codecs.map((one, i) => at(i, () => one.write(given[i]))).join(",")}]`;
    },
    read: (json) => {
      const given = elements(json, wanted, codecs.length);
      return codecs.map((one, i) => at(i, () => one.read(given[i]))) as unknown as T;
    },
  };
}

/** A value of an `option` in an `option`, where `null` alone would not say which of them has none. */
export interface Some<T> {
  readonly some: T;
}

/** `option<T>`, of a type that has no `null` itself. */
export function option<T>(inner: Codec<T>): Codec<T | null> {
  return {
    write: (value) => (value === null ? "null" : inner.write(value)),
    read: (json) => (json === null ? null : inner.read(json)),
  };
}

/** `option<option<T>>`: the outer one. */
export function some<T>(inner: Codec<T>): Codec<Some<T> | null> {
  const wanted = 'null or {"some": value}';
  return {
    write: (value) => {
      if (value === null) {
        return "null";
      }
      return `{"some":${at("some", () => inner.write((object(value, wanted) as unknown as Some<T>).some))}}`;
    },
    read: (json) => {
      if (json === null) {
        return null;
      }
      const [name, value] = single(json, wanted);
      return name === "some" ? { some: at("some", () => inner.read(value)) } : mismatch(wanted, json);
    },
  };
}

/** A `result` as a value. Of a function whose result is one, the answer is `val`, and the error is thrown. */
export type Result<T, E> = { readonly tag: "ok"; readonly val: T } | { readonly tag: "err"; readonly val: E };

/** `result<T, E>` anywhere but as a function's result. */
export function result<T, E>(ok: Codec<T>, err: Codec<E>): Codec<Result<T, E>> {
  const wanted = '{"ok": value} or {"err": value}';
  return {
    write: (value) => {
      const { tag } = object(value, wanted) as { tag: string };
      if (tag !== "ok" && tag !== "err") {
        return mismatch(wanted, tag);
      }
      return `{"${tag}":${at(tag, () => (value.tag === "ok" ? ok.write(value.val) : err.write(value.val)))}}`;
    },
    read: (json) => {
      const [tag, val] = single(json, wanted);
      switch (tag) {
        case "ok":
          return { tag, val: at(tag, () => ok.read(val)) };
        case "err":
          return { tag, val: at(tag, () => err.read(val)) };
        default:
          return mismatch(wanted, json);
      }
    },
  };
}

/** `record`: the name in WIT and the codec of each field, by the field's name here. */
export function record<T extends object>(fields: {
  readonly [K in keyof T]-?: readonly [name: string, codec: Codec<T[K]>];
}): Codec<T> {
  const all = Object.entries(
    fields as unknown as Readonly<Record<string, readonly [string, Codec<unknown>]>>,
  );
  return {
    write: (value) => {
      const given = object(value, "an object");
      const texts = all.map(
        ([own, [name, codec]]) => `${JSON.stringify(name)}:${at(own, () => codec.write(given[own]))}`,
      );
      return `{${texts.join(",")}}`;
    },
    read: (json) => {
      const given = object(json, "an object");
      const entries = all.map(([own, [name, codec]]): [string, unknown] => [
        own,
        at(name, () => codec.read(given[name])),
      ]);
      return Object.fromEntries<unknown>(entries) as T;
    },
  };
}

/** `enum`: a name of the list. */
export function enumeration<T extends string>(names: readonly T[]): Codec<T> {
  const wanted = `one of ${names.join(", ")}`;
  const checked = (name: unknown): T => (names.includes(name as T) ? (name as T) : mismatch(wanted, name));
  return { write: (name) => JSON.stringify(checked(name)), read: checked };
}

/** `flags`: names of the list, each at most once. */
export function flags<T extends string>(names: readonly T[]): Codec<readonly T[]> {
  const all = list(enumeration(names));
  const once = (set: readonly T[]): readonly T[] =>
    new Set(set).size === set.length ? set : mismatch("each flag once", set);
  return { write: (set) => all.write(once(set)), read: (json) => once(all.read(json)) };
}

type Cases = Readonly<Record<string, Codec<unknown> | null>>;

/** `variant`: for each case the codec of its payload, or null where it has none. */
export function variant<T extends { readonly tag: string }>(cases: {
  readonly [K in T["tag"]]: Extract<T, { readonly tag: K }> extends { readonly val: infer P }
    ? Codec<P>
    : null;
}): Codec<T> {
  const codecs = new Map(Object.entries(cases as unknown as Cases));
  const wanted = `one of the cases ${[...codecs.keys()].join(", ")}`;
  return {
    write: (value) => {
      const { tag, val } = object(value, wanted) as { tag: string; val?: unknown };
      const codec = codecs.get(tag);
      if (codec === undefined) {
        return mismatch(wanted, tag);
      }
      const name = JSON.stringify(tag);
      return codec === null ? name : `{${name}:${at(tag, () => codec.write(val))}}`;
    },
    read: (json) => {
      const [tag, payload] = typeof json === "string" ? [json, undefined] : single(json, wanted);
      const codec = codecs.get(tag);
      if (codec === undefined || (payload === undefined) !== (codec === null)) {
        return mismatch(wanted, json);
      }
      return (codec === null ? { tag } : { tag, val: at(tag, () => codec.read(payload)) }) as unknown as T;
    },
  };
}
