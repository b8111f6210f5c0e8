/** Transactions: what changes the ledger's state. */

import { InvalidError, isFormatError } from "../errors.js";
import {
  checkAddresses,
  checkPayment,
  CONVICT,
  type Convict,
  HOLD,
  type Hold,
  RELEASE,
  type Release,
  STAKE,
  type Stake,
  UNSTAKE,
  type Unstake,
} from "./bond.js";
import { AccountId, Digest } from "./bytes.js";
import { type Reader, unknownNumber, type Writer, wrongLength } from "./cbor.js";
import { decode, numbered } from "./codec.js";
import { checkKey } from "./committee.js";
import { type Kind, unchecked } from "./kind.js";
import {
  MAX_COMPONENT_BYTES,
  MAX_PATH_BYTES,
  MAX_RULE_BYTES,
  MAX_SPEC_BYTES,
  MAX_TOGETHER,
} from "./limits.js";
import { checkPath, checkPattern, checkRuleText, FunctionName } from "./names.js";
import { Prices } from "./prices.js";
import { SocketAddress } from "./socket-address.js";
import { Spec } from "./spec.js";
import { Trigger } from "./trigger.js";
import { WORK, type Work } from "./work.js";

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

/** A function is no longer what its owner can change or end: its upgrade and its destruction are given up for good. */
export interface Freeze {
  readonly name: FunctionName;
}

/** What makes a function run. Said by the owner of the pattern's first labels, or of the function. */
export interface SetTrigger {
  /** The trigger's name; it belongs to who set it, as long as it is set. */
  readonly name: FunctionName;
  /** The trigger; null: there is none any more. */
  readonly trigger: Trigger | null;
}

/** It says nothing: the account that signs the bundle is meant. */
export type Revoke = Readonly<Record<string, never>>;

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
  | { readonly rule: Rule }
  | { readonly hold: Hold }
  | { readonly release: Release }
  | { readonly stake: Stake }
  | { readonly unstake: Unstake }
  | { readonly convict: Convict }
  /** What things should cost, as a member of the committee would have it. */
  | { readonly prices: { readonly prices: Prices } }
  | { readonly freeze: Freeze }
  | { readonly trigger: SetTrigger }
  | { readonly work: Work }
  /** The key of the account that says it signs nothing any more, for ever. */
  | { readonly revoke: Revoke };

/** What each kind says, under its name. */
type Kinds = UnionToIntersection<Transaction>;
type UnionToIntersection<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

const KINDS: { readonly [K in keyof Kinds]: Kind<Kinds[K]> } = {
  deploy: {
    number: 0,
    fields: 6,
    write(out, { name, component, component_bytes: bytes, spec, previous }) {
      FunctionName.write(out, name);
      Digest.write(out, component);
      out.uint(bytes);
      out.bytes(spec);
      out.option(previous, (version) => {
        out.uint(version);
      });
    },
    read: (r) => ({
      name: FunctionName.read(r),
      component: Digest.read(r),
      component_bytes: r.uint(),
      spec: r.bytes(MAX_SPEC_BYTES).slice(),
      previous: r.option(() => r.u32()),
    }),
    check: checkDeploy,
  },
  rollback: {
    number: 1,
    fields: 3,
    write(out, { name, version }) {
      FunctionName.write(out, name);
      out.uint(version);
    },
    read: (r) => ({ name: FunctionName.read(r), version: r.u32() }),
    check: unchecked,
  },
  retire: named(2),
  seat: {
    number: 3,
    fields: 5,
    write(out, { account, role, ledger, data }) {
      const write = (address: SocketAddress): void => {
        SocketAddress.write(out, address);
      };
      AccountId.write(out, account);
      ROLE.write(out, role);
      out.option(ledger, write);
      out.option(data, write);
    },
    read: (r) => ({
      account: AccountId.read(r),
      role: ROLE.read(r),
      ledger: r.option(() => SocketAddress.read(r)),
      data: r.option(() => SocketAddress.read(r)),
    }),
    check({ account, ledger, data }) {
      checkKey("transaction.account", account);
      checkAddresses(ledger, data);
    },
  },
  transfer: {
    number: 4,
    fields: 3,
    write(out, { to, amount }) {
      AccountId.write(out, to);
      out.uint(amount);
    },
    read: (r) => ({ to: AccountId.read(r), amount: r.uint() }),
    check: checkPayment,
  },
  together: {
    number: 5,
    fields: 2,
    write(out, { count }) {
      out.uint(count);
    },
    read: (r) => ({ count: r.u16() }),
    check: checkTogether,
  },
  own: {
    number: 6,
    fields: 3,
    write(out, { path, owner }) {
      out.text(path);
      out.option(owner, (account) => {
        AccountId.write(out, account);
      });
    },
    read: (r) => ({ path: r.text(MAX_PATH_BYTES), owner: r.option(() => AccountId.read(r)) }),
    check: checkOwn,
  },
  rule: {
    number: 7,
    fields: 3,
    write(out, { pattern, rule }) {
      out.text(pattern);
      out.option(rule, (text) => {
        out.text(text);
      });
    },
    read: (r) => ({ pattern: r.text(MAX_PATH_BYTES), rule: r.option(() => r.text(MAX_RULE_BYTES)) }),
    check: checkRule,
  },
  hold: HOLD,
  release: RELEASE,
  stake: STAKE,
  unstake: UNSTAKE,
  convict: CONVICT,
  prices: {
    number: 13,
    fields: 2,
    write(out, { prices }) {
      Prices.write(out, prices);
    },
    read: (r) => ({ prices: Prices.read(r) }),
    check({ prices }) {
      Prices.checkVote(prices);
    },
  },
  freeze: named(14),
  trigger: {
    number: 16,
    fields: 3,
    write(out, { name, trigger }) {
      FunctionName.write(out, name);
      out.option(trigger, (set) => {
        Trigger.write(out, set);
      });
    },
    read: (r) => ({ name: FunctionName.read(r), trigger: r.option(() => Trigger.read(r)) }),
    check: unchecked,
  },
  work: WORK,
  revoke: {
    number: 18,
    fields: 1,
    write() {
      // Nothing follows the number.
    },
    read: () => ({}),
    check: unchecked,
  },
};

/** A kind that says nothing but a function's name. */
function named(number: number): Kind<{ readonly name: FunctionName }> {
  return {
    number,
    fields: 2,
    write(out, { name }) {
      FunctionName.write(out, name);
    },
    read: (r) => ({ name: FunctionName.read(r) }),
    check: unchecked,
  };
}

/** A transaction's kind and what it says. */
function taken(transaction: Transaction): { readonly kind: Kind<unknown>; readonly said: unknown } {
  const [name = "", said] = Object.entries(transaction)[0] ?? [];
  return { kind: KINDS[name as keyof Kinds], said };
}

/** How many fields it has in its array, after the entry's kind. */
export function transactionFields(transaction: Transaction): number {
  return taken(transaction).kind.fields;
}

export const Transaction = {
  write(out: Writer, transaction: Transaction): void {
    const { kind, said } = taken(transaction);
    out.uint(kind.number);
    kind.write(out, said);
  },

  /** Reads the fields after the entry's kind, of which there must be `fields`. */
  read(r: Reader, fields: number): Transaction {
    const at = r.position;
    const number = r.uint();
    const found = Object.entries(KINDS).find(([, { number: known }]) => BigInt(known) === number);
    if (found === undefined) {
      throw unknownNumber("transaction", at, number);
    }
    const [name, kind] = found as [string, Kind<unknown>];
    const said = kind.read(r);
    if (fields !== kind.fields) {
      throw wrongLength("the transaction", at, fields, kind.fields);
    }
    kind.check(said);
    return { [name]: said } as unknown as Transaction;
  },
};

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

function checkTogether({ count }: { readonly count: number }): void {
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
  if (rule !== null) {
    checkRuleText(rule, "transaction.rule");
  }
}
