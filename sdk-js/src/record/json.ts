/**
 * JSON as evidence: no repeated keys, integers exact, bounded length and depth.
 *
 * A parser that lets the last of two equal keys win would let a file show one thing to a person and another to the
 * verifier; one that reads numbers as doubles would let two different numbers pass for one. So integers are `bigint`
 * here, and what is not an integer is refused.
 */

import { MootError } from "../errors.js";
import { MAX_JSON_INTEGER, MAX_U64 } from "./limits.js";
import { isBroken, toBase64Url, utf8 } from "./text.js";

/** A JSON object. It has no prototype, so every key is one that the text has. */
export interface JsonObject {
  [key: string]: Json;
}
/** A JSON value whose numbers are integers. */
export type Json = null | boolean | bigint | string | Json[] | JsonObject;

/** Whether a value is an object (and no array). */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Deeper nesting is an attack on the stack: no file of this format has more than eight levels. */
const MAX_DEPTH = 64;
const MIN_INTEGER = -(2n ** 63n);

/**
 * Parses JSON of at most `maxBytes` bytes.
 *
 * @throws {MootError} Says what is wrong at which line and column.
 */
export function parseJson(text: string, maxBytes: number): Json {
  if (text.length > maxBytes || utf8(text).length > maxBytes) {
    throw new MootError(`${String(utf8(text).length)} bytes; at most ${String(maxBytes)} are allowed`);
  }
  if (isBroken(text)) {
    throw new MootError("it has half a character (a lone surrogate)");
  }
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// What JSON.parse takes as a string: no control characters, only the escapes of RFC 8259.
const STRING = /"(?:[^"\\\p{Control}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const WORD = /true|false|null/y;

class Parser {
  #at = 0;

  constructor(readonly text: string) {}

  #fail(what: string, at = this.#at): MootError {
    const before = this.text.slice(0, at).split("\n");
    const column = (before.at(-1) ?? "").length + 1;
    return new MootError(`${what} at line ${String(before.length)} column ${String(column)}`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  /** Skips space and gives the next character, not taken yet. */
  #peek(): string {
    this.#match(SPACE);
    return this.text.charAt(this.#at);
  }

  #expect(character: string): void {
    if (this.#peek() !== character) {
      throw this.#fail(`expected \`${character}\``);
    }
    this.#at += 1;
  }

  end(): void {
    if (this.#peek() !== "") {
      throw this.#fail("trailing characters");
    }
  }

  value(depth: number): Json {
    if (depth > MAX_DEPTH) {
      throw this.#fail(`more than ${String(MAX_DEPTH)} levels of nesting`);
    }
    switch (this.#peek()) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "":
        throw this.#fail("the text ends where a value is expected");
      default:
        return this.#numberOrWord();
    }
  }

  #object(depth: number): JsonObject {
    const object = Object.create(null) as JsonObject;
    this.#expect("{");
    if (this.#peek() === "}") {
      this.#at += 1;
      return object;
    }
    for (;;) {
      this.#peek();
      const at = this.#at;
      const key = this.#string();
      if (key in object) {
        throw this.#fail(`key ${JSON.stringify(key)} stands twice`, at);
      }
      this.#expect(":");
      object[key] = this.value(depth + 1);
      if (this.#peek() !== ",") {
        break;
      }
      this.#at += 1;
    }
    this.#expect("}");
    return object;
  }

  #array(depth: number): Json[] {
    const list: Json[] = [];
    this.#expect("[");
    if (this.#peek() === "]") {
      this.#at += 1;
      return list;
    }
    for (;;) {
      list.push(this.value(depth + 1));
      if (this.#peek() !== ",") {
        break;
      }
      this.#at += 1;
    }
    this.#expect("]");
    return list;
  }

  #string(): string {
    const at = this.#at;
    const found = this.#match(STRING);
    if (found === undefined) {
      throw this.#fail("expected a string in double quotes, without control characters");
    }
    const text = JSON.parse(found) as string;
    if (isBroken(text)) {
      throw this.#fail("an escape stands for half a character (a lone surrogate)", at);
    }
    return text;
  }

  #numberOrWord(): Json {
    const at = this.#at;
    const word = this.#match(WORD);
    if (word !== undefined) {
      return word === "null" ? null : word === "true";
    }
    const number = this.#match(NUMBER);
    if (number === undefined) {
      throw this.#fail("expected a value");
    }
    const integer = /^-?[0-9]+$/u.test(number) && number !== "-0" ? BigInt(number) : undefined;
    if (integer === undefined || integer > MAX_U64 || integer < MIN_INTEGER) {
      throw this.#fail(`${number} is not an integer of 64 bits; records have no fractions`, at);
    }
    return integer;
  }
}

/** An integer as JSON has it: a number up to 2^53-1, a decimal string above, because many readers use doubles. */
export function exact(value: bigint): Json {
  return value <= MAX_JSON_INTEGER ? value : String(value);
}

/** Anything that a record is made of. */
type Shown =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Shown[]
  | { readonly [key: string]: Shown | undefined };

/** The JSON view of a record: the same fields, bytes as base64url, integers as {@link exact} writes them. */
export function show(value: unknown): Json {
  return view(value as Shown);
}

function view(value: Shown): Json {
  if (typeof value === "bigint") {
    return exact(value);
  }
  if (typeof value === "number") {
    return BigInt(value);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  if (value instanceof Uint8Array) {
    return toBase64Url(value);
  }
  if (isList(value)) {
    return value.map(view);
  }
  const object = Object.create(null) as JsonObject;
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) {
      object[key] = view(field);
    }
  }
  return object;
}

function isList(value: Shown): value is readonly Shown[] {
  return Array.isArray(value);
}

/** The text of a JSON value; with an indent, one field a line. */
export function printJson(value: Json, indent = "", pad = ""): string {
  const [line, deeper, colon] = indent === "" ? ["", "", ":"] : [`\n${pad}`, `\n${pad}${indent}`, ": "];
  const joined = (parts: string[]): string => parts.map((part) => deeper + part).join(",") + line;
  if (typeof value === "bigint") {
    return String(value);
  }
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(value);
  }
  const below = (item: Json): string => printJson(item, indent, pad + indent);
  if (Array.isArray(value)) {
    return value.length === 0 ? "[]" : `[${joined(value.map(below))}]`;
  }
  const fields = Object.entries(value).map(([key, item]) => JSON.stringify(key) + colon + below(item));
  return fields.length === 0 ? "{}" : `{${joined(fields)}}`;
}

/** A place where a file says something else than what is proven. */
export interface Difference {
  readonly field: string;
  readonly found: string;
  readonly proven: string;
}

/** The first place where `found` differs from `proven`. */
export function firstDifference(
  found: Json | undefined,
  proven: Json | undefined,
  field = "",
): Difference | undefined {
  const below = (key: string, a: Json | undefined, b: Json | undefined): Difference | undefined =>
    firstDifference(a, b, field === "" ? key : key.startsWith("[") ? field + key : `${field}.${key}`);
  if (isObject(found) && isObject(proven)) {
    const extra = Object.keys(found).filter((key) => !Object.hasOwn(proven, key));
    for (const key of [...Object.keys(proven), ...extra]) {
      const difference = below(key, fieldOf(found, key), fieldOf(proven, key));
      if (difference !== undefined) {
        return difference;
      }
    }
    return undefined;
  }
  if (Array.isArray(found) && Array.isArray(proven)) {
    for (let i = 0; i < Math.max(found.length, proven.length); i += 1) {
      const difference = below(`[${String(i)}]`, found[i], proven[i]);
      if (difference !== undefined) {
        return difference;
      }
    }
    return undefined;
  }
  return found === proven ? undefined : { field, found: said(found), proven: said(proven) };
}

/** An object's own field: `toString` is none. */
function fieldOf(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function said(value: Json | undefined): string {
  return value === undefined ? "absent" : Array.from(printJson(value)).slice(0, 200).join("");
}
