/** Transactions: what changes the ledger's state. */

import { InvalidError, isFormatError } from "../errors.js";
import { Digest } from "./bytes.js";
import { type Reader, unknownNumber, type Writer, wrongLength } from "./cbor.js";
import { decode } from "./codec.js";
import { MAX_COMPONENT_BYTES, MAX_SPEC_BYTES } from "./limits.js";
import { FunctionName } from "./names.js";
import { Spec } from "./spec.js";

/** A new function, or a new version of one. */
export interface Deploy {
  readonly name: FunctionName;
  /** The component's digest. */
  readonly component: Digest;
  /** The component's length. */
  readonly component_bytes: bigint;
  /** The encoding of a {@link Spec}. */
  readonly spec: Uint8Array;
  /** The version that this one follows; none for a new function. A deploy that raced another is refused. */
  readonly previous: number | null;
}

/** A change of state, said by the account whose bundle carries it. */
export type Transaction =
  | { readonly deploy: Deploy }
  | { readonly rollback: { readonly name: FunctionName; readonly version: number } }
  | { readonly retire: { readonly name: FunctionName } };

/** How many fields it has in its array, after the entry's kind. */
export function transactionFields(transaction: Transaction): number {
  return "deploy" in transaction ? 6 : "rollback" in transaction ? 3 : 2;
}

export const Transaction = {
  write(out: Writer, transaction: Transaction): void {
    if ("deploy" in transaction) {
      const { name, component, component_bytes: bytes, spec, previous } = transaction.deploy;
      out.uint(0);
      FunctionName.write(out, name);
      Digest.write(out, component);
      out.uint(bytes);
      out.bytes(spec);
      out.option(previous, (version) => {
        out.uint(version);
      });
    } else if ("rollback" in transaction) {
      out.uint(1);
      FunctionName.write(out, transaction.rollback.name);
      out.uint(transaction.rollback.version);
    } else {
      out.uint(2);
      FunctionName.write(out, transaction.retire.name);
    }
  },

  /** Reads the fields after the entry's kind, of which there must be `fields`. */
  read(r: Reader, fields: number): Transaction {
    const at = r.position;
    const transaction = readFields(r, at);
    const wanted = transactionFields(transaction);
    if (fields !== wanted) {
      throw wrongLength("the transaction", at, fields, wanted);
    }
    if ("deploy" in transaction) {
      checkDeploy(transaction.deploy);
    }
    return transaction;
  },
};

function readFields(r: Reader, at: number): Transaction {
  const which = r.uint();
  switch (which) {
    case 0n:
      return {
        deploy: {
          name: FunctionName.read(r),
          component: Digest.read(r),
          component_bytes: r.uint(),
          spec: r.bytes(MAX_SPEC_BYTES).slice(),
          previous: r.option(() => r.u32()),
        },
      };
    case 1n:
      return { rollback: { name: FunctionName.read(r), version: r.u32() } };
    case 2n:
      return { retire: { name: FunctionName.read(r) } };
    default:
      throw unknownNumber("transaction", at, which);
  }
}

function checkDeploy({ component_bytes: bytes, spec }: Deploy): void {
  if (bytes === 0n || bytes > BigInt(MAX_COMPONENT_BYTES)) {
    const why = `${String(bytes)}; a component has 1 to ${String(MAX_COMPONENT_BYTES)} bytes`;
    throw new InvalidError("transaction.component_bytes", why);
  }
  try {
    decode(Spec, spec);
  } catch (error) {
    throw isFormatError(error) ? new InvalidError("transaction.spec", error.message) : error;
  }
}
