/**
 * An entry: one thing said to the ledger.
 *
 * ```text
 * [0, function, component, spec, kind, export|null, caller|null, input, time_us, fuel_limit, idempotency|null,
 *     parent|null]                                                                                 a call
 * [1, call, call_digest, component, status, output, fuel, metered, fee, touched, time_us, duration_us]  a receipt
 * [2, which, ...]                                                                           a transaction
 * [3, path, payload]                                                                              a value
 * ```
 */

import type { Digest } from "./bytes.js";
import { Call, CALL_FIELDS } from "./call.js";
import { unknownNumber, wrongLength } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import { DOMAINS } from "./hash.js";
import { MAX_ENTRY_BYTES, MAX_PATH_BYTES } from "./limits.js";
import { checkPath } from "./names.js";
import { Payload } from "./payload.js";
import { Receipt, RECEIPT_FIELDS } from "./receipt.js";
import { Transaction, transactionFields } from "./transaction.js";

/** A message written to a path: recorded by digest, never state. */
export interface Value {
  /** Where: `/chat/lobby/42`. */
  readonly path: string;
  /** The message. */
  readonly payload: Payload;
}

/** Fields of a value in its array, after the entry's kind. */
const VALUE_FIELDS = 2;

/** One thing said to the ledger. */
export type Entry =
  | { readonly call: Call }
  | { readonly receipt: Receipt }
  | { readonly transaction: Transaction }
  | { readonly value: Value };

/** What kind of entry, for people. */
export function entryKind(entry: Entry): string {
  return Object.keys(entry)[0] ?? "";
}

/** The digest of an entry's encoding. */
export function entryDigest(encoded: Uint8Array): Digest {
  return DOMAINS.entry.digest(encoded);
}

export const Entry: Codec<Entry> = {
  maxBytes: MAX_ENTRY_BYTES,

  write(out, entry) {
    if ("call" in entry) {
      out.array(1 + CALL_FIELDS);
      out.uint(0);
      Call.write(out, entry.call);
    } else if ("receipt" in entry) {
      out.array(1 + RECEIPT_FIELDS);
      out.uint(1);
      Receipt.write(out, entry.receipt);
    } else if ("transaction" in entry) {
      out.array(1 + transactionFields(entry.transaction));
      out.uint(2);
      Transaction.write(out, entry.transaction);
    } else {
      out.array(1 + VALUE_FIELDS);
      out.uint(3);
      out.text(entry.value.path);
      Payload.write(out, entry.value.payload);
    }
  },

  read(r) {
    const at = r.position;
    const fields = Math.max(r.list(1 + Math.max(CALL_FIELDS, RECEIPT_FIELDS)) - 1, 0);
    const expect = (wanted: number): void => {
      if (fields !== wanted) {
        throw wrongLength("the entry", at, fields + 1, wanted + 1);
      }
    };
    const numberAt = r.position;
    const number = r.uint();
    switch (number) {
      case 0n:
        expect(CALL_FIELDS);
        return { call: Call.read(r) };
      case 1n:
        expect(RECEIPT_FIELDS);
        return { receipt: Receipt.read(r) };
      case 2n:
        return { transaction: Transaction.read(r, fields) };
      case 3n: {
        expect(VALUE_FIELDS);
        const value = { path: r.text(MAX_PATH_BYTES), payload: Payload.read(r) };
        checkPath(value.path);
        Payload.check(value.payload);
        return { value };
      }
      default:
        throw unknownNumber("kind of entry", numberAt, number);
    }
  },
};

/** An entry's encoding with its digest. */
export function encodeEntry(entry: Entry): { readonly bytes: Uint8Array; readonly digest: Digest } {
  const bytes = encode(Entry, entry);
  return { bytes, digest: entryDigest(bytes) };
}
