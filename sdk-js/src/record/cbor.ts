/**
 * The subset of CBOR (RFC 8949) that records are written in, with exactly one encoding for each value.
 *
 * Unsigned integers, byte strings, text, arrays, booleans and null; heads in their shortest form, lengths definite,
 * nothing after the end. Every length is checked against what is left and against the caller's bound before anything
 * is allocated. No maps: fields are positional, so there is no order of keys to get wrong.
 */

import { DecodeError, InvalidError } from "../errors.js";
import { MAX_U16, MAX_U8, MAX_U32, MAX_U64 } from "./limits.js";
import { fromUtf8, isBroken, utf8 } from "./text.js";

const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

const n = String;

/** Writes the subset. */
export class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  #reserve(more: number): void {
    if (this.#length + more > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #head(major: number, value: bigint): void {
    const width = value < 24n ? 0 : value <= 0xffn ? 1 : value <= 0xffffn ? 2 : value <= 0xffff_ffffn ? 4 : 8;
    this.#reserve(9);
    const info = width === 0 ? Number(value) : 24 + Math.log2(width);
    this.#bytes[this.#length] = (major << 5) | info;
    for (let i = 0; i < width; i += 1) {
      this.#bytes[this.#length + 1 + i] = Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn);
    }
    this.#length += 1 + width;
  }

  /** An unsigned integer of at most 64 bits. */
  uint(value: bigint | number): void {
    const wide = BigInt(value);
    if (wide < 0n || wide > MAX_U64) {
      throw new InvalidError("integer", `${n(value)} is not from 0 to 2^64-1`);
    }
    this.#head(UINT, wide);
  }

  /** A byte string. */
  bytes(value: Uint8Array): void {
    this.#head(BYTES, BigInt(value.length));
    this.raw(value);
  }

  /** A text. */
  text(value: string): void {
    if (isBroken(value)) {
      throw new InvalidError("text", `${JSON.stringify(value)} has half a character (a lone surrogate)`);
    }
    const bytes = utf8(value);
    this.#head(TEXT, BigInt(bytes.length));
    this.raw(bytes);
  }

  /** The head of an array; its `length` items follow. */
  array(length: number): void {
    this.#head(ARRAY, BigInt(length));
  }

  /** A boolean. */
  boolean(value: boolean): void {
    this.raw(Uint8Array.of(value ? TRUE : FALSE));
  }

  /** Null, or what `write` writes. */
  option<T>(value: T | null | undefined, write: (value: T) => void): void {
    if (value === null || value === undefined) {
      this.raw(Uint8Array.of(NULL));
    } else {
      write(value);
    }
  }

  /** What was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** Reads the subset, refusing every other form. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes were read. */
  get position(): number {
    return this.#at;
  }

  /** The bytes that were not read yet. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  get #left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next `length` bytes as they are. */
  take(length: number): Uint8Array {
    if (length > this.#left) {
      throw this.#truncated(this.#at, length);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #truncated(at: number, wanted: bigint | number): DecodeError {
    const found = `${n(wanted)} more bytes are announced, ${n(this.#left)} are left`;
    return new DecodeError(`truncated at byte ${n(at)}: ${found}`, at);
  }

  #head(major: number, wanted: string): bigint {
    const at = this.#at;
    const first = this.take(1)[0] ?? 0;
    if (first >> 5 !== major) {
      this.#at = at;
      throw new DecodeError(`byte ${n(at)} starts ${kindOf(first)}; the format has ${wanted} here`, at);
    }
    const info = first & 31;
    if (info < 24) {
      return BigInt(info);
    }
    if (info > 27) {
      throw new DecodeError(`indefinite or reserved length at byte ${n(at)}; lengths are definite`, at);
    }
    let value = 0n;
    for (const byte of this.take(1 << (info - 24))) {
      value = (value << 8n) | BigInt(byte);
    }
    const least = info === 24 ? 24n : 1n << BigInt(4 << (info - 24));
    if (value < least) {
      throw new DecodeError(`${n(value)} at byte ${n(at)} is not written in its shortest form`, at);
    }
    return value;
  }

  #length(major: number, wanted: string, max: number): number {
    const at = this.#at;
    const length = this.#head(major, wanted);
    if (length > BigInt(max)) {
      throw tooLong(wanted, at, length, max);
    }
    return Number(length);
  }

  /** An unsigned integer. */
  uint(): bigint {
    return this.#head(UINT, "an unsigned integer");
  }

  #small(max: number, bits: number): number {
    const at = this.#at;
    const value = this.uint();
    if (value > BigInt(max)) {
      throw new DecodeError(`${n(value)} at byte ${n(at)} does not fit ${n(bits)} bits`, at);
    }
    return Number(value);
  }

  /** An unsigned integer of 8 bits. */
  u8(): number {
    return this.#small(MAX_U8, 8);
  }

  /** An unsigned integer of 16 bits. */
  u16(): number {
    return this.#small(MAX_U16, 16);
  }

  /** An unsigned integer of 32 bits. */
  u32(): number {
    return this.#small(MAX_U32, 32);
  }

  /** A byte string of at most `max` bytes. A view, not a copy. */
  bytes(max: number): Uint8Array {
    return this.take(this.#length(BYTES, "a byte string", max));
  }

  /** A byte string of exactly `length` bytes. */
  fixed(length: number): Uint8Array {
    const at = this.#at;
    const found = this.#head(BYTES, "a byte string");
    if (found !== BigInt(length)) {
      throw wrongLength("a byte string", at, found, length);
    }
    return this.take(length);
  }

  /** A text of at most `max` bytes. */
  text(max: number): string {
    const at = this.#at;
    const text = fromUtf8(this.take(this.#length(TEXT, "text", max)));
    if (text === undefined) {
      throw new DecodeError(`text at byte ${n(at)} is not UTF-8`, at);
    }
    return text;
  }

  /** The head of an array of exactly `length` items. */
  array(length: number): void {
    const at = this.#at;
    const found = this.#head(ARRAY, "an array");
    if (found !== BigInt(length)) {
      throw wrongLength("an array", at, found, length);
    }
  }

  /** The head of an array of at most `max` items; never more than the bytes left, so an item a byte is the worst. */
  list(max: number): number {
    const at = this.#at;
    const length = this.#length(ARRAY, "an array", max);
    if (length > this.#left) {
      throw this.#truncated(at, length);
    }
    return length;
  }

  /** Whether a text comes next. */
  get atText(): boolean {
    return (this.#bytes[this.#at] ?? 0) >> 5 === TEXT;
  }

  /** An array of at most `max` items, each read by `read`. */
  items<T>(max: number, read: () => T): T[] {
    return Array.from({ length: this.list(max) }, read);
  }

  /** A boolean. */
  boolean(): boolean {
    const at = this.#at;
    const byte = this.take(1)[0] ?? 0;
    if (byte !== TRUE && byte !== FALSE) {
      throw new DecodeError(`byte ${n(at)} starts ${kindOf(byte)}; the format has a boolean here`, at);
    }
    return byte === TRUE;
  }

  /** Null, or what `read` reads. */
  option<T>(read: () => T): T | null {
    if (this.#bytes[this.#at] === NULL) {
      this.#at += 1;
      return null;
    }
    return read();
  }

  /** Ends reading: nothing may be left. */
  end(): void {
    if (this.#left > 0) {
      const what = `${n(this.#left)} bytes follow the end of the record at byte ${n(this.#at)}`;
      throw new DecodeError(`${what}; a record ends where its encoding ends`, this.#at);
    }
  }
}

/** The error for a string or array above its bound. */
export function tooLong(what: string, at: number, length: bigint | number, max: number): DecodeError {
  return new DecodeError(
    `${what} at byte ${n(at)} has length ${n(length)}; at most ${n(max)} is allowed`,
    at,
  );
}

/** The error for a string or array of another length than the format has. */
export function wrongLength(what: string, at: number, length: bigint | number, wanted: number): DecodeError {
  return new DecodeError(
    `${what} at byte ${n(at)} has length ${n(length)}; the format has ${n(wanted)} here`,
    at,
  );
}

/** The error for a number that stands for nothing. */
export function unknownNumber(what: string, at: number, value: bigint): DecodeError {
  return new DecodeError(`${n(value)} at byte ${n(at)} is no known ${what}; a newer version may know it`, at);
}

function kindOf(first: number): string {
  const kinds = [
    "an unsigned integer",
    "a negative integer",
    "a byte string",
    "text",
    "an array",
    "a map",
    "a tag",
  ];
  const simple =
    first === FALSE || first === TRUE
      ? "a boolean"
      : first === NULL
        ? "null"
        : "a float or another simple value";
  return kinds[first >> 5] ?? simple;
}
