/**
 * An entry: one thing said to the ledger.
 *
 * ```text
 * [0, function, component, spec, kind, export|null, caller|null, input, time_us, fuel_limit, idempotency|null,
 *     parent|null]                                                                                 a call
 * [1, call, call_digest, component, status, output, fuel, metered, fee, touched, time_us, duration_us]  a receipt
 * [2, which, ...]                                                                           a transaction
 * [3, path, payload]                                                      a value that nobody put a name to
 * [3, path, payload, account, function|null, parent|null]                 a value by an account, or by its function
 * ```
 */

import { InvalidError } from "../errors.js";
import { AccountId, type Digest } from "./bytes.js";
import { Call, CALL_FIELDS } from "./call.js";
import { type Reader, unknownNumber, type Writer, wrongLength } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import { DOMAINS } from "./hash.js";
import { MAX_ENTRY_BYTES, MAX_PATH_BYTES } from "./limits.js";
import { checkPath, EntryId, FunctionName } from "./names.js";
import { Payload } from "./payload.js";
import { Receipt, RECEIPT_FIELDS } from "./receipt.js";
import { Transaction, transactionFields } from "./transaction.js";

/** A message written to a path: recorded by digest, never state. */
export interface Value {
  /** Where: `/chat/lobby/42`. */
  readonly path: string;
  /** The message. */
  readonly payload: Payload;
  /** Who wrote it, when they proved it; of what a function wrote, the function's owner. */
  readonly account?: AccountId;
  /** The function that wrote it, if one did. */
  readonly function?: FunctionName;
  /** The call in which the function wrote it. */
  readonly parent?: EntryId;
}

/** Fields of a value that nobody has put a name to, after the entry's kind. */
const VALUE_FIELDS = 2;
/** Fields of one with a name. */
const NAMED_VALUE_FIELDS = 5;

const Value = {
  /** What nobody has put a name to has the short form, and nothing else has it. */
  fields: (value: Value): number => (value.account === undefined ? VALUE_FIELDS : NAMED_VALUE_FIELDS),

  write(out: Writer, value: Value): void {
    out.text(value.path);
    Payload.write(out, value.payload);
    if (value.account !== undefined) {
      AccountId.write(out, value.account);
      out.option(value.function, (name) => {
        FunctionName.write(out, name);
      });
      out.option(value.parent, (call) => {
        EntryId.write(out, call);
      });
    }
  },

  read(r: Reader, fields: number): Value {
    const plain = { path: r.text(MAX_PATH_BYTES), payload: Payload.read(r) };
    const value = fields === NAMED_VALUE_FIELDS ? readName(r, plain) : plain;
    checkPath(value.path);
    Payload.check(value.payload);
    return value;
  },
};

function readName(r: Reader, plain: Value): Value {
  const account = AccountId.read(r);
  const name = r.option(() => FunctionName.read(r));
  const parent = r.option(() => EntryId.read(r));
  if (name === null && parent === null) {
    return { ...plain, account };
  }
  if (name === null || parent === null) {
    throw new InvalidError("value.parent", "a function writes in a call: both are named or neither");
  }
  return { ...plain, account, function: name, parent };
}

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
      out.array(1 + Value.fields(entry.value));
      out.uint(3);
      Value.write(out, entry.value);
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
      case 3n:
        expect(fields === NAMED_VALUE_FIELDS ? NAMED_VALUE_FIELDS : VALUE_FIELDS);
        return { value: Value.read(r, fields) };
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
