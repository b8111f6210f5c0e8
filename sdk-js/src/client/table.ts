/**
 * A table of a manifest, read key by key.
 *
 * Every key that is asked for is remembered; what was never asked for is unknown and is refused at `finish`. So the
 * list of known keys cannot differ from the code.
 */

import { InvalidError, MootError, quoted } from "../errors.js";
import { parseDuration, parseSize } from "./units.js";

const n = String;

/** One table. */
export class Table {
  readonly #asked: string[] = [];
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(
    /** Its name, dotted, for messages. */
    readonly name: string,
    fields: unknown,
  ) {
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
      throw new InvalidError(name, `it must be a table, not ${describe(fields)}`);
    }
    this.#fields = fields as Readonly<Record<string, unknown>>;
  }

  /** The error for a key. */
  wrong(key: string, why: string): InvalidError {
    return new InvalidError(`${this.name}.${key}`, why);
  }

  /** Reads a value whose own rules may refuse it. */
  read<T>(key: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw error instanceof MootError ? this.wrong(key, error.message) : error;
    }
  }

  /** Every key of the table, with its value; all of them count as asked for. */
  entries(): [key: string, value: unknown][] {
    const entries = Object.entries(this.#fields).filter(([, value]) => value !== undefined);
    this.#asked.push(...entries.map(([key]) => key));
    return entries;
  }

  #get(key: string): unknown {
    this.#asked.push(key);
    return Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
  }

  #mustBe(key: string, wanted: string, value: unknown): InvalidError {
    return this.wrong(key, `it must be ${wanted}, not ${describe(value)}`);
  }

  /** A text. */
  text(key: string): string | undefined {
    const value = this.#get(key);
    if (value !== undefined && typeof value !== "string") {
      throw this.#mustBe(key, "a text", value);
    }
    return value;
  }

  /** One of a few texts. */
  oneOf<const T extends string>(key: string, known: readonly T[]): T | undefined {
    const value = this.#get(key);
    const found = known.find((one) => one === value);
    if (value !== undefined && found === undefined) {
      throw this.#mustBe(key, known.map((one) => `"${one}"`).join(" or "), value);
    }
    return found;
  }

  /** `true` or `false`. */
  flag(key: string): boolean | undefined {
    const value = this.#get(key);
    if (value !== undefined && typeof value !== "boolean") {
      throw this.#mustBe(key, "true or false", value);
    }
    return value;
  }

  /** A list of texts. */
  texts(key: string, wanted: string): string[] | undefined {
    const value = this.#get(key);
    if (value === undefined) {
      return undefined;
    }
    if (!Array.isArray(value)) {
      throw this.#mustBe(key, wanted, value);
    }
    return value.map((item: unknown) => {
      if (typeof item !== "string") {
        throw this.#mustBe(key, wanted, item);
      }
      return item;
    });
  }

  /** A text or a list of texts. */
  textOrTexts(key: string, wanted: string): string | string[] | undefined {
    const value = this.#get(key);
    return typeof value === "string" ? value : this.texts(key, wanted);
  }

  /** Whether a key holds a table. */
  isTable(key: string): boolean {
    const value = this.#get(key);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }

  /** A table below this one; empty when it is absent. */
  below(key: string): Table {
    return new Table(`${this.name}.${key}`, this.#get(key) ?? {});
  }

  /** A list of tables. */
  tables(key: string, wanted: string): Table[] {
    const value = this.#get(key) ?? [];
    if (!Array.isArray(value)) {
      throw this.#mustBe(key, wanted, value);
    }
    return value.map((item: unknown, i) => new Table(`${this.name}.${key}[${n(i)}]`, item));
  }

  /** A whole number from 1 to `max`. */
  count(key: string, max: bigint): bigint | undefined {
    const value = this.#get(key);
    return value === undefined
      ? undefined
      : this.#bounded(key, this.#integer(key, value, "a whole number"), max);
  }

  /** A size in bytes from 1 to `max`: a whole number or a text with a unit. */
  size(key: string, max: bigint): bigint | undefined {
    const value = this.#get(key);
    if (value === undefined) {
      return undefined;
    }
    const read =
      typeof value === "string"
        ? this.read(key, () => parseSize(value))
        : this.#integer(key, value, 'a size such as "64MiB"');
    return this.#bounded(key, read, max);
  }

  /** A duration in milliseconds from 1 to `max`. */
  duration(key: string, max: bigint): bigint | undefined {
    const value = this.#get(key);
    if (value === undefined) {
      return undefined;
    }
    if (typeof value !== "string") {
      throw this.#mustBe(key, 'a duration with its unit, such as "10s" or "500ms"', value);
    }
    const read = this.read(key, () => parseDuration(value));
    return this.#bounded(key, read, max, " ms");
  }

  #integer(key: string, value: unknown, wanted: string): bigint {
    if (typeof value === "bigint" || Number.isSafeInteger(value)) {
      return BigInt(value as bigint | number);
    }
    throw this.#mustBe(key, wanted, value);
  }

  #bounded(key: string, value: bigint, max: bigint, unit = ""): bigint {
    if (value < 1n || value > max) {
      throw this.wrong(key, `${n(value)}${unit}; it must be between 1 and ${n(max)}${unit}`);
    }
    return value;
  }

  /** Refuses every key that nobody asked for. */
  finish(): void {
    const unknown = Object.keys(this.#fields).find((key) => !this.#asked.includes(key));
    if (unknown !== undefined) {
      throw this.wrong(unknown, `there is no such key; known here are ${this.#asked.join(", ")}`);
    }
  }
}

function describe(value: unknown): string {
  if (typeof value === "string") {
    return `the text ${quoted(value)}`;
  }
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return n(value);
  }
  return value === null
    ? "null"
    : Array.isArray(value)
      ? "a list"
      : typeof value === "object"
        ? "a table"
        : typeof value;
}
