/** Fixed-size byte values as they are passed around: lowercase hexadecimal, checked where they come in. */

import type { Reader, Writer } from "./cbor.js";
import { fromHex, toHex } from "./text.js";

declare const kind: unique symbol;

/** A 32-byte BLAKE3 digest: 64 hexadecimal digits. */
export type Digest = string & { readonly [kind]: "digest" };
/** An account, an ed25519 public key: 64 hexadecimal digits. */
export type AccountId = string & { readonly [kind]: "account" };
/** An ed25519 signature, R then s: 128 hexadecimal digits. */
export type Signature = string & { readonly [kind]: "signature" };

/** How a fixed-size value is read and written. */
export interface Fixed<T extends string> {
  /** Checks a text form. */
  readonly parse: (text: string) => T;
  /** The value of some bytes, which must have the right number. */
  readonly of: (bytes: Uint8Array) => T;
  /** The bytes. */
  readonly bytes: (value: T) => Uint8Array;
  readonly write: (out: Writer, value: T) => void;
  readonly read: (r: Reader) => T;
}

function fixed<T extends string>(length: number, wanted: string): Fixed<T> {
  const parse = (text: string): T => {
    fromHex(text, length, wanted);
    return text as T;
  };
  return {
    parse,
    of: (bytes) => parse(toHex(bytes)),
    bytes: (value) => fromHex(value, length, wanted),
    write: (out, value) => {
      out.bytes(fromHex(value, length, wanted));
    },
    read: (r) => toHex(r.fixed(length)) as T,
  };
}

export const Digest: Fixed<Digest> = fixed(32, "a digest (64 hexadecimal digits)");
export const AccountId: Fixed<AccountId> = fixed(32, "an account (64 hexadecimal digits)");
export const Signature: Fixed<Signature> = fixed(64, "a signature (128 hexadecimal digits)");

/** The root of an empty tree and the parent of the first block. */
export const ZERO_DIGEST = "0".repeat(64) as Digest;
