/** Records as items: the one encoding that each type has, records inside records, and enums. */

import { InvalidError } from "../errors.js";
import { Reader, tooLong, unknownNumber, Writer } from "./cbor.js";

/** A value with one canonical encoding. */
export interface Codec<T> {
  /** The longest encoding. */
  readonly maxBytes: number;
  /** Appends the encoding. */
  write(out: Writer, value: T): void;
  /** Reads one item, leaving the reader behind it. */
  read(r: Reader): T;
}

/** The one encoding of a value. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const out = new Writer();
  codec.write(out, value);
  return out.finish();
}

/** Reads exactly what {@link encode} writes, and nothing else. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  if (bytes.length > codec.maxBytes) {
    throw tooLong("the record", 0, bytes.length, codec.maxBytes);
  }
  const r = new Reader(bytes);
  const value = codec.read(r);
  r.end();
  return value;
}

/** Writes a record inside another: a byte string, so that other languages hash it as it stands. */
export function writeNested<T>(out: Writer, codec: Codec<T>, value: T): void {
  out.bytes(encode(codec, value));
}

/** Reads a record inside a byte string. */
export function readNested<T>(r: Reader, codec: Codec<T>): T {
  return decode(codec, r.bytes(codec.maxBytes));
}

/** Codec of an enum whose members have a stable number (their place in `names`) and a stable name. */
export function numbered<const T extends string>(
  what: string,
  names: readonly T[],
): { write(out: Writer, name: T): void; read(r: Reader): T; number(name: T): number } {
  return {
    number: (name) => names.indexOf(name),
    write(out, name) {
      const number = names.indexOf(name);
      if (number < 0) {
        throw new InvalidError(what, `${JSON.stringify(name)} is no ${what}; known are ${names.join(" ")}`);
      }
      out.uint(number);
    },
    read(r) {
      const at = r.position;
      const value = r.uint();
      const name = value < BigInt(names.length) ? names[Number(value)] : undefined;
      if (name === undefined) {
        throw unknownNumber(what, at, value);
      }
      return name;
    },
  };
}
