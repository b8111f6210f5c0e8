/** Accounts, what they paid and got, and what is bound, as the API tells them. Names are the API's own. */

import type { AccountId } from "../../record/bytes.js";
import type { EntryId, FunctionName } from "../../record/names.js";
import { type Prices, prices as pricesOf } from "../../record/prices.js";
import type { Fee } from "../../record/receipt.js";
import {
  account,
  type Decoder,
  entryId,
  flag,
  functionName,
  list,
  object,
  optional,
  text,
  u32,
  u64,
  units,
} from "../decode.js";

/** What an account has, in the network's smallest unit of account, and whether it may sign. */
export interface AccountView {
  readonly account: AccountId;
  readonly balance: bigint;
  /** What of that is reserved for calls that are under way at this node. */
  readonly reserved: bigint;
  /** Height of the block that revoked its key, which signs nothing any more since; null while it does. */
  readonly revoked: bigint | null;
  /** Height of the block after which that was so. */
  readonly height: bigint;
}

export const accountView: Decoder<AccountView> = object<AccountView>({
  account,
  balance: units,
  reserved: units,
  revoked: optional(u64),
  height: u64,
});

const priced = object<{ per_byte: bigint; per_mega_fuel: bigint; per_stored_byte: bigint | null }>({
  per_byte: u64,
  per_mega_fuel: u64,
  per_stored_byte: optional(u64),
});
const prices: Decoder<Prices> = (value, at) => {
  const { per_byte: perByte, per_mega_fuel: perMegaFuel, per_stored_byte: perStoredByte } = priced(value, at);
  return pricesOf(perByte, perMegaFuel, perStoredByte ?? 0n);
};

/** What things cost. */
export interface PricesView {
  /** Whether they are charged; if not, receipts state them and nobody pays. */
  readonly charged: boolean;
  readonly prices: Prices;
  /** What members of the committee would have instead. */
  readonly votes: readonly { readonly account: AccountId; readonly prices: Prices }[];
  /** How many members have to wish the same for it to be so. */
  readonly quorum: number;
  /** The members of the present committee. */
  readonly members: readonly AccountId[];
  /** Height of the block after which that was so. */
  readonly height: bigint;
}

export const pricesView: Decoder<PricesView> = object<PricesView>({
  charged: flag,
  prices,
  votes: list(object({ account, prices })),
  quorum: u32,
  members: list(account),
  height: u64,
});

/** One line of a statement: what an account paid or got in a block. */
export interface StatementLine {
  readonly height: bigint;
  /** `bundle`, `storage`, `calls`, `sent`, `bound`: paid. `received`, `work`, `committee`, `freed`: got. */
  readonly kind: string;
  /** Whether the account has less by it. */
  readonly paid: boolean;
  /** The function that it is about. */
  readonly function: FunctionName | null;
  readonly units: bigint;
  /** How many calls it is for; null when it is for none. */
  readonly calls: bigint | null;
  /** What was due beyond what the account had, and was not charged. */
  readonly unpaid: bigint | null;
}

export const statementView: Decoder<{ lines: StatementLine[]; next: bigint | null }> = object({
  lines: list(
    object<StatementLine>({
      height: u64,
      kind: text,
      paid: flag,
      function: optional(functionName),
      units,
      calls: optional(u64),
      unpaid: optional(units),
    }),
  ),
  next: optional(u64),
});

/** A receipt in an invoice, priced anew from the prices at its block, the bytes of both entries and the fuel. */
export interface BilledCall {
  /** Height of the receipt's block. */
  readonly height: bigint;
  readonly call: EntryId;
  /** The receipt's entry. */
  readonly receipt: EntryId;
  readonly function: FunctionName;
  /** Who pays. */
  readonly payer: AccountId | null;
  /** Who signed the receipt. */
  readonly worker: AccountId;
  /** Bytes of the call's entry and of the receipt's. */
  readonly bytes: bigint;
  /** Of these those that were paid for with the bundle that a client signed. */
  readonly paid_bytes: bigint;
  /** Fuel that is charged. */
  readonly fuel: bigint;
  /** The prices at its block. */
  readonly prices: Prices;
  /** What the payer pays for it: without what a client's bundle paid for. */
  readonly fee: Fee;
  /** What the receipt says that the call costs. */
  readonly stated: Fee;
  /** Whether the receipt states another fee than prices, bytes and fuel give. */
  readonly differs: boolean;
}

/** The same as the node sends it. */
export interface Billed extends Omit<BilledCall, "prices" | "fee" | "stated" | "differs"> {
  readonly stated_ordering: bigint;
  readonly stated_execution: bigint;
}

export const billView: Decoder<{
  calls: Billed[];
  prices: { height: bigint; prices: Prices }[];
  next: string | null;
}> = object({
  calls: list(
    object<Billed>({
      height: u64,
      call: entryId,
      receipt: entryId,
      function: functionName,
      payer: optional(account),
      worker: account,
      bytes: u64,
      paid_bytes: u64,
      fuel: u64,
      stated_ordering: units,
      stated_execution: units,
    }),
  ),
  prices: list(object({ height: u64, prices })),
  next: optional(text),
});

/** What is held for somebody. */
export interface HoldView {
  /** The transaction that made it. */
  readonly id: EntryId;
  /** Whose units they were, and who says how much of them is paid. */
  readonly from: AccountId;
  /** Whom they are held for. */
  readonly to: AccountId;
  readonly amount: bigint;
  /** The height at which all of them go back. */
  readonly until: bigint;
  /** Height of the block after which that was so. */
  readonly height: bigint;
}

export const holdView: Decoder<HoldView> = object<HoldView>({
  id: entryId,
  from: account,
  to: account,
  amount: units,
  until: u64,
  height: u64,
});

/** What an account has staked. */
export interface StakeView {
  readonly account: AccountId;
  /** What counts for seats. */
  readonly staked: bigint;
  /** What was unstaked and has not come back yet. */
  readonly waiting: readonly { readonly amount: bigint; readonly until: bigint }[];
  /** The replicas that it is behind. */
  readonly replicas: readonly {
    readonly account: AccountId;
    readonly ledger: string;
    readonly data: string;
    /** Whether it votes, or is settled to. */
    readonly seated: boolean;
    /** Units that were burned because it sealed or voted twice; null: it was never convicted. */
    readonly burned: bigint | null;
    /** Of one that was convicted by its votes: `two-blocks`, `two-final` or `skipped-and-final`. */
    readonly voted: string | null;
  }[];
  /** Height of the block after which that was so. */
  readonly height: bigint;
}

export const stakeView: Decoder<StakeView> = object<StakeView>({
  account,
  staked: units,
  waiting: list(object({ amount: units, until: u64 })),
  replicas: list(
    object({
      account,
      ledger: text,
      data: text,
      seated: flag,
      burned: optional(units),
      voted: optional(text),
    }),
  ),
  height: u64,
});

/** Who bids for a seat. */
export interface StakesView {
  /** Whether stake decides who votes in this network. */
  readonly by_stake: boolean;
  /** How many seats there are for it. */
  readonly seats: number;
  /** Blocks that what is unstaked waits. */
  readonly lockup_blocks: bigint;
  /** Every replica that a stake is behind, the best first. */
  readonly bids: readonly {
    readonly replica: AccountId;
    readonly staker: AccountId;
    /** Its share of the stake, rounded down. */
    readonly share: bigint;
    /** Whether it votes, or is settled to. */
    readonly seated: boolean;
  }[];
  /** Height of the block after which that was so. */
  readonly height: bigint;
}

export const stakesView: Decoder<StakesView> = object<StakesView>({
  by_stake: flag,
  seats: u32,
  lockup_blocks: u64,
  bids: list(object({ replica: account, staker: account, share: units, seated: flag })),
  height: u64,
});

/** What would come of transactions. Nothing was recorded. */
export interface DryRun {
  /** Whether everything would be done. */
  readonly accepted: boolean;
  /** What it would cost. */
  readonly fee: bigint;
  /** Each transaction, in order. */
  readonly transactions: readonly DryOutcome[];
  /** Height of the block after which that was so. */
  readonly height: bigint;
}

/** What would come of one transaction. */
export interface DryOutcome {
  /** `deploy`, `transfer`, and so on. */
  readonly kind: string;
  /** Why it would not be done; null: it would. */
  readonly refused: string | null;
  /** Of a function: the version that would answer calls. */
  readonly version: number | null;
  /** What was not looked at, and why. */
  readonly unchecked: string | null;
}

export const dryRun: Decoder<DryRun> = object<DryRun>({
  accepted: flag,
  fee: units,
  transactions: list(
    object<DryOutcome>({
      kind: text,
      refused: optional(text),
      version: optional(u32),
      unchecked: optional(text),
    }),
  ),
  height: u64,
});
