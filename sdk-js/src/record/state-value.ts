/** What the state holds under the keys of each kind, as it is encoded there. */

import { DecodeError, InvalidError } from "../errors.js";
import { Candidate } from "./bond.js";
import { AccountId, Digest } from "./bytes.js";
import { Reader, wrongLength } from "./cbor.js";
import { decode } from "./codec.js";
import { CONTRADICTION, type Contradiction } from "./double-vote.js";
import {
  MAX_PATH_BYTES,
  MAX_RULE_BYTES,
  MAX_SPEC_BYTES,
  MAX_STAKED_REPLICAS,
  MAX_STATE_VALUE_BYTES,
  MAX_VALIDATORS,
  MAX_WAITING_PARTS,
  MAX_WORKER_FAULTS,
} from "./limits.js";
import { EntryId, FunctionName } from "./names.js";
import { Prices } from "./prices.js";
import { Spec } from "./spec.js";
import type { StateKind } from "./state.js";
import { Trigger } from "./trigger.js";
import { WorkOffer } from "./work.js";

/** What the state holds of an account. */
export interface AccountState {
  /** What it has, in the network's smallest unit of account. */
  readonly balance: bigint;
  /** The height of the block from which on nothing counts that its key signs; left out while it does. */
  readonly revoked?: bigint;
}

/** Who may change owners and rules at a path and below; null: nobody ever again. */
export interface OwnerState {
  readonly owner: AccountId | null;
}

/** A rule. */
export interface RuleState {
  /** What it is about. */
  readonly pattern: string;
  /** The expression. */
  readonly rule: string;
}

/** Units that left one account and have not come to another. */
export interface HoldState {
  /** Whose units they were, and who says how much of them is paid. */
  readonly from: AccountId;
  /** Whom they are held for. */
  readonly to: AccountId;
  readonly amount: bigint;
  /** The height at which all of them go back. */
  readonly until: bigint;
}

/** What an account has staked. */
export interface StakeState {
  /** What counts for seats. */
  readonly staked: bigint;
  /** What was unstaked and has not come back yet, by height. */
  readonly waiting: readonly { readonly until: bigint; readonly amount: bigint }[];
  /** The replicas that it is behind, in the order in which they were named. */
  readonly replicas: readonly Candidate[];
}

/** A replica that was proven to have sealed twice, or voted for two things in one view. */
export interface ConvictionState {
  /** The transaction with the proof. */
  readonly said: EntryId;
  /** How many units were burned for it. */
  readonly burned: bigint;
  /** What its votes say; left out: it sealed twice. */
  readonly voted?: Contradiction;
}

/** The prices in force, and what members of the committee would have instead. */
export interface PriceListState {
  readonly prices: Prices;
  readonly votes: readonly { readonly account: AccountId; readonly prices: Prices }[];
}

/** What was paid and not paid out yet. */
export interface PotState {
  readonly units: bigint;
}

/** A trigger that is set. */
export interface TriggerState {
  /** Who set it, may change it, and is the caller of what it makes run. */
  readonly owner: AccountId;
  readonly trigger: Trigger;
  /** Of a schedule: when it fires next, in milliseconds since 1970. */
  readonly next_ms: bigint;
}

/** What the state holds of a worker. */
export interface WorkerState {
  /** What it offers; null: it gets no calls any more. */
  readonly offer: WorkOffer | null;
  /** The height at which that was so first. */
  readonly since: bigint;
  /** How many of its receipts differed from what most said. */
  readonly faults: bigint;
  /** How many units were burned for them all. */
  readonly burned: bigint;
  /** The last of them, the newest last: its own receipt, and the first of those that agree. */
  readonly last: readonly {
    readonly call: EntryId;
    readonly receipt: EntryId;
    readonly agreed: EntryId;
    readonly burned: bigint;
  }[];
}

/** What is read of the values of each kind; of the kinds that are not here a proof has the bytes. */
export interface StateValues {
  readonly account: AccountState;
  readonly owner: OwnerState;
  readonly rule: RuleState;
  readonly hold: HoldState;
  readonly stake: StakeState;
  readonly conviction: ConvictionState;
  readonly prices: PriceListState;
  readonly pot: PotState;
  readonly trigger: TriggerState;
  readonly worker: WorkerState;
}

const READERS: { readonly [K in keyof StateValues]: (r: Reader) => StateValues[K] } = {
  account(r) {
    const at = r.position;
    const fields = r.list(2);
    if (fields === 0) {
      throw wrongLength("the account", at, fields, 1);
    }
    const balance = r.uint();
    return fields === 2 ? { balance, revoked: r.uint() } : { balance };
  },
  owner(r) {
    r.array(1);
    return { owner: r.option(() => AccountId.read(r)) };
  },
  rule(r) {
    r.array(2);
    return { pattern: r.text(MAX_PATH_BYTES), rule: r.text(MAX_RULE_BYTES) };
  },
  hold(r) {
    r.array(4);
    return { from: AccountId.read(r), to: AccountId.read(r), amount: r.uint(), until: r.uint() };
  },
  stake(r) {
    r.array(3);
    return {
      staked: r.uint(),
      waiting: r.items(MAX_WAITING_PARTS, () => {
        r.array(2);
        return { until: r.uint(), amount: r.uint() };
      }),
      replicas: r.items(MAX_STAKED_REPLICAS, () => Candidate.read(r)),
    };
  },
  conviction(r) {
    const at = r.position;
    const fields = r.list(3);
    if (fields < 2) {
      throw wrongLength("the conviction", at, fields, 2);
    }
    const found = { said: EntryId.read(r), burned: r.uint() };
    return fields === 3 ? { ...found, voted: CONTRADICTION.read(r) } : found;
  },
  prices(r) {
    r.array(2);
    const prices = Prices.read(r);
    const votes = r.items(MAX_VALIDATORS, () => {
      r.array(2);
      return { account: AccountId.read(r), prices: Prices.read(r) };
    });
    if (votes.some(({ account }, i) => i > 0 && account <= (votes[i - 1]?.account ?? ""))) {
      throw new InvalidError("prices.votes", "not sorted, each account once");
    }
    return { prices, votes };
  },
  pot(r) {
    r.array(1);
    return { units: r.uint() };
  },
  trigger(r) {
    r.array(3);
    return { owner: AccountId.read(r), trigger: Trigger.read(r), next_ms: r.uint() };
  },
  worker(r) {
    r.array(5);
    const offer = r.option(() => WorkOffer.read(r));
    if (offer !== null) {
      WorkOffer.check(offer);
    }
    return {
      offer,
      since: r.uint(),
      faults: r.uint(),
      burned: r.uint(),
      last: r.items(MAX_WORKER_FAULTS, () => {
        r.array(4);
        const [call, receipt, agreed] = [EntryId.read(r), EntryId.read(r), EntryId.read(r)];
        return { call, receipt, agreed, burned: r.uint() };
      }),
    };
  },
};

/** Reads a value of a kind; of a kind without a readable form the bytes are the value. */
export function readStateValue(
  kind: StateKind,
  bytes: Uint8Array,
): StateValues[keyof StateValues] | Uint8Array {
  if (!Object.hasOwn(READERS, kind)) {
    return bytes;
  }
  const r = new Reader(bytes);
  const value = READERS[kind as keyof StateValues](r);
  r.end();
  return value;
}

/** What the state holds of a function. */
export interface FunctionRecord {
  readonly name: FunctionName;
  /** Who may change it. */
  readonly owner: AccountId;
  /** Number of the version that runs. */
  readonly active: number;
  /** It was retired: it runs no more and its name stays spent. */
  readonly retired: boolean;
  /** Its owner gave up upgrade and destruction for good, whatever its manifest says. */
  readonly frozen: boolean;
  /** Its versions, ascending; the oldest may have been let go. */
  readonly versions: readonly {
    readonly number: number;
    readonly component: Digest;
    readonly component_bytes: bigint;
    readonly spec: Spec;
    /** Height of the block that made it so. */
    readonly height: bigint;
    /** The entry that deployed it. */
    readonly deployed: EntryId;
  }[];
}

/**
 * Reads what a proof shows of a function.
 *
 * @throws DecodeError or InvalidError when it is not in the form that this version knows. It is proven all the same.
 */
export function parseFunctionRecord(bytes: Uint8Array): FunctionRecord {
  const r = new Reader(bytes);
  const at = r.position;
  const fields = r.list(6);
  if (fields < 5) {
    throw new DecodeError("a function's record has five fields or six", at);
  }
  const name = FunctionName.read(r);
  const owner = AccountId.read(r);
  const active = r.u32();
  const retired = r.boolean();
  // A version takes more than a byte, so the bound of the value bounds their number.
  const versions = r.items(MAX_STATE_VALUE_BYTES, () => {
    r.array(6);
    return {
      number: r.u32(),
      component: Digest.read(r),
      component_bytes: r.uint(),
      spec: decode(Spec, r.bytes(MAX_SPEC_BYTES)),
      height: r.uint(),
      deployed: decode(EntryId, r.bytes(EntryId.maxBytes)),
    };
  });
  const frozen = fields === 6;
  if (frozen && !r.boolean()) {
    throw new InvalidError("frozen", "only a frozen function says whether it is");
  }
  r.end();
  return { name, owner, active, retired, frozen, versions };
}
