/** Transactions: what changes the ledger's state. */

import { InvalidError, isFormatError } from "../errors.js";
import { AccountId, Digest } from "./bytes.js";
import { type Reader, unknownNumber, type Writer, wrongLength } from "./cbor.js";
import { decode, numbered } from "./codec.js";
import { checkKey } from "./committee.js";
import {
  MAX_COMPONENT_BYTES,
  MAX_PATH_BYTES,
  MAX_RULE_BYTES,
  MAX_SPEC_BYTES,
  MAX_TOGETHER,
} from "./limits.js";
import { checkPath, checkPattern, FunctionName } from "./names.js";
import { SocketAddress } from "./socket-address.js";
import { Spec } from "./spec.js";
import { utf8 } from "./text.js";

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

/**
 * What a replica does: nothing any more (the others do not talk to it), get blocks and batches, or vote as well, from
 * the epoch on whose committee it is in.
 */
export type Role = "out" | "follows" | "votes";

const ROLE = numbered<Role>("role of a replica", ["out", "follows", "votes"]);

/** A replica gets another role, or other addresses. Said by the authority that the genesis names. */
export interface Seat {
  /** The replica. */
  readonly account: AccountId;
  readonly role: Role;
  /** Where it takes votes and blocks; none: as before, or as the others' configurations have it. */
  readonly ledger: SocketAddress | null;
  /** Where it takes batches. */
  readonly data: SocketAddress | null;
}

/** Units go from the account that says it to another. */
export interface Transfer {
  /** Who gets them. */
  readonly to: AccountId;
  /** How many, in the network's smallest unit of account; at least one. */
  readonly amount: bigint;
}

/** A path gets another owner. Said by its owner, or by whoever comes first to a first label. */
export interface Own {
  readonly path: string;
  /** Who may change owners and rules there and below from now on; null: nobody ever again. */
  readonly owner: AccountId | null;
}

/** What may be written below a pattern. Said by the owner of its first labels. */
export interface Rule {
  readonly pattern: string;
  /** An expression; null: there is no rule any more. */
  readonly rule: string | null;
}

/** A change of state, said by the account whose bundle carries it. */
export type Transaction =
  | { readonly deploy: Deploy }
  | { readonly rollback: { readonly name: FunctionName; readonly version: number } }
  | { readonly retire: { readonly name: FunctionName } }
  | { readonly seat: Seat }
  | { readonly transfer: Transfer }
  /** The transactions that follow it in its bundle, so many of them, are all applied or none is. */
  | { readonly together: { readonly count: number } }
  | { readonly own: Own }
  | { readonly rule: Rule };

/** How many fields it has in its array, after the entry's kind. */
export function transactionFields(transaction: Transaction): number {
  if ("deploy" in transaction) {
    return 6;
  }
  if ("seat" in transaction) {
    return 5;
  }
  return "retire" in transaction || "together" in transaction ? 2 : 3;
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
    } else if ("retire" in transaction) {
      out.uint(2);
      FunctionName.write(out, transaction.retire.name);
    } else if ("transfer" in transaction) {
      out.uint(4);
      AccountId.write(out, transaction.transfer.to);
      out.uint(transaction.transfer.amount);
    } else if ("together" in transaction) {
      out.uint(5);
      out.uint(transaction.together.count);
    } else if ("own" in transaction) {
      out.uint(6);
      out.text(transaction.own.path);
      out.option(transaction.own.owner, (owner) => {
        AccountId.write(out, owner);
      });
    } else if ("rule" in transaction) {
      out.uint(7);
      out.text(transaction.rule.pattern);
      out.option(transaction.rule.rule, (rule) => {
        out.text(rule);
      });
    } else {
      const { account, role, ledger, data } = transaction.seat;
      const write = (address: SocketAddress): void => {
        SocketAddress.write(out, address);
      };
      out.uint(3);
      AccountId.write(out, account);
      ROLE.write(out, role);
      out.option(ledger, write);
      out.option(data, write);
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
    } else if ("seat" in transaction) {
      checkSeat(transaction.seat);
    } else if ("transfer" in transaction) {
      checkTransfer(transaction.transfer);
    } else if ("together" in transaction) {
      checkTogether(transaction.together.count);
    } else if ("own" in transaction) {
      checkOwn(transaction.own);
    } else if ("rule" in transaction) {
      checkRule(transaction.rule);
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
    case 3n:
      return {
        seat: {
          account: AccountId.read(r),
          role: ROLE.read(r),
          ledger: r.option(() => SocketAddress.read(r)),
          data: r.option(() => SocketAddress.read(r)),
        },
      };
    case 4n:
      return { transfer: { to: AccountId.read(r), amount: r.uint() } };
    case 5n:
      return { together: { count: r.u16() } };
    case 6n:
      return { own: { path: r.text(MAX_PATH_BYTES), owner: r.option(() => AccountId.read(r)) } };
    case 7n:
      return { rule: { pattern: r.text(MAX_PATH_BYTES), rule: r.option(() => r.text(MAX_RULE_BYTES)) } };
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

function checkTransfer({ to, amount }: Transfer): void {
  if (amount === 0n) {
    throw new InvalidError("transaction.amount", "0; a transfer is of one unit at least");
  }
  checkKey("transaction.to", to);
}

function checkTogether(count: number): void {
  if (count < 2 || count > MAX_TOGETHER) {
    const why = `${String(count)}; 2 to ${String(MAX_TOGETHER)} transactions are applied together`;
    throw new InvalidError("transaction.count", why);
  }
}

function checkOwn({ path, owner }: Own): void {
  checkPath(path, "transaction.path");
  if (owner !== null) {
    checkKey("transaction.owner", owner);
  }
}

function checkRule({ pattern, rule }: Rule): void {
  checkPattern(pattern);
  const length = rule === null ? 1 : utf8(rule).length;
  if (length < 1 || length > MAX_RULE_BYTES) {
    const why = `${String(length)} bytes; a rule has 1 to ${String(MAX_RULE_BYTES)}`;
    throw new InvalidError("transaction.rule", why);
  }
}

function checkSeat({ account, ledger, data }: Seat): void {
  checkKey("transaction.account", account);
  for (const [field, address] of Object.entries({ ledger, data })) {
    if (address !== null && !SocketAddress.isReachable(address)) {
      const why = `${address}; write an IP address that others can reach, and a port from 1 on`;
      throw new InvalidError(`transaction.${field}`, why);
    }
  }
  if (ledger !== null && ledger === data) {
    throw new InvalidError("transaction.data", "the same as for votes; batches need a port of their own");
  }
}
