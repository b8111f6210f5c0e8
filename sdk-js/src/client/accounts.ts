/**
 * Accounts: what they have, paid and got, what calls cost, and units that change hands.
 *
 * ```text
 * balance ──transfer──► another's     ──hold──► release: a part is paid, the rest comes back
 *    └──stake──► unstake ──after the lock-up──► balance
 * ```
 */

import { MootError } from "../errors.js";
import type { Keypair } from "../keys/keypair.js";
import { type Candidate, consentMessage } from "../record/bond.js";
import { AccountId, Digest, type Signature } from "../record/bytes.js";
import { MAX_U64 } from "../record/limits.js";
import { type EntryId, formatEntryId, parseEntryId } from "../record/names.js";
import type { Prices } from "../record/prices.js";
import type { Fee } from "../record/receipt.js";
import type { Transaction } from "../record/transaction.js";
import type { Api, Limits } from "./api.js";
import { LISTED } from "./limits.js";
import {
  type AccountView,
  accountView,
  type Billed,
  type BilledCall,
  billView,
  type HoldView,
  holdView,
  type PricesView,
  pricesView,
  type StakeView,
  stakeView,
  type StakesView,
  stakesView,
  type StatementLine,
  statementView,
} from "./views/accounts.js";
import type { EntryOutcome } from "./views/functions.js";
import { type NodeStatus, nodeStatus } from "./views/node.js";

/** Which receipts an invoice has. */
export interface BillOptions extends Limits {
  /** Only what this account pays for. */
  readonly account?: string;
  /** The first height; the first block by default. */
  readonly from?: bigint | number;
  /** The last height; that of the last block by default. */
  readonly to?: bigint | number;
}

/** A replica that a stake is put behind, and its word for it. */
export interface Behind {
  readonly replica: Candidate;
  readonly consent: Signature;
}

/** A replica's word that an account of a network may stake for it, made with the replica's own key. */
export function consentTo(replica: Keypair, network: string, staker: string): Signature {
  return replica.signRaw(consentMessage(Digest.parse(network), AccountId.parse(staker)));
}

/** The accounts of a network, as a node knows them. */
export class Accounts {
  readonly #api: Api;
  readonly #transact: (transaction: Transaction) => Promise<readonly EntryOutcome[]>;

  constructor(api: Api, transact: (transaction: Transaction) => Promise<readonly EntryOutcome[]>) {
    this.#api = api;
    this.#transact = transact;
  }

  /** What an account has; that of the client's key by default. One that nobody ever gave anything has nothing. */
  async get(account = this.#own(), options: Limits = {}): Promise<AccountView> {
    return this.#api.read(accountView, `/_moot/accounts/${AccountId.parse(account)}`, options);
  }

  /** What an account paid and got lately, newest block first; asked for in parts, as they are read. */
  statement(account = this.#own(), options: Limits = {}): AsyncGenerator<StatementLine, void> {
    return this.#statement(AccountId.parse(account), options);
  }

  async *#statement(account: AccountId, limits: Limits): AsyncGenerator<StatementLine, void> {
    let below: bigint | null = null;
    do {
      const before: string = below === null ? "" : `&below=${String(below)}`;
      const target = `/_moot/accounts/${account}/statement?limit=${String(LISTED)}${before}`;
      const part: { lines: StatementLine[]; next: bigint | null } = await this.#api.read(
        statementView,
        target,
        limits,
      );
      yield* part.lines;
      below = part.next;
    } while (below !== null);
  }

  /** What things cost, and what members of the committee would have instead. */
  async prices(options: Limits = {}): Promise<PricesView> {
    return this.#api.read(pricesView, "/_moot/prices", options);
  }

  /**
   * The receipts of some blocks, each priced anew and held against the fee that it states, as `moot bill` does; asked for
   * in parts, as they are read.
   */
  bill(options: BillOptions = {}): AsyncGenerator<BilledCall, void> {
    const payer = options.account === undefined ? "" : `&account=${AccountId.parse(options.account)}`;
    return this.#bill(payer, options);
  }

  async *#bill(payer: string, options: BillOptions): AsyncGenerator<BilledCall, void> {
    // The same for all parts, while blocks come.
    const to = options.to ?? (await this.#status(options)).height;
    let from: string | null = String(options.from ?? 1);
    do {
      const target = `/_moot/bill?from=${from}&to=${String(to)}${payer}`;
      const part: ReturnType<typeof billView> = await this.#api.read(billView, target, options);
      for (const call of part.calls) {
        const list = part.prices.findLast(({ height }) => height <= call.height);
        if (list === undefined) {
          throw new MootError(`the node names no prices for block ${String(call.height)}`);
        }
        yield billed(call, list.prices);
      }
      from = part.next;
    } while (from !== null);
  }

  /** Gives units to another account; waits until that is final. */
  async transfer(to: string, amount: bigint): Promise<EntryOutcome> {
    return this.#say({ transfer: { to: AccountId.parse(to), amount } });
  }

  /**
   * Holds units for another account; what is still held at the height `until` comes back by itself. The outcome's `id` is
   * the hold's.
   */
  async hold(to: string, amount: bigint, until: bigint): Promise<EntryOutcome> {
    return this.#say({ hold: { to: AccountId.parse(to), amount, until } });
  }

  /** Pays what is held, or `part` of `whole` of it, rounded down; the rest comes back. */
  async release(hold: string, part = 1n, whole = 1n): Promise<EntryOutcome> {
    return this.#say({ release: { hold: idOf(hold), part, whole } });
  }

  /** What is held; null when it was released, went back, or never was. */
  async held(hold: string, options: Limits = {}): Promise<HoldView | null> {
    return this.#api.find(holdView, `/_moot/holds/${idOf(hold)}`, options);
  }

  /**
   * Adds units to the stake of the client's account, and puts it behind a replica if one is named. A replica takes part by
   * its own word only: the replica's key makes it with {@link consentTo}.
   */
  async stake(amount: bigint, behind?: Behind): Promise<EntryOutcome> {
    const { replica = null, consent = null } = behind ?? {};
    return this.#say({ stake: { amount, replica, consent } });
  }

  /** Takes units out of the stake; they come back after the lock-up. */
  async unstake(amount: bigint): Promise<EntryOutcome> {
    return this.#say({ unstake: { amount } });
  }

  /**
   * Revokes the client's key, for ever: nothing that it signs counts any more, at any node. Hand over first what is to go
   * on belonging to somebody, at best in one {@link Client.transact} with `{ revoke: {} }` as the last transaction.
   */
  async revokeKey(): Promise<EntryOutcome> {
    return this.#say({ revoke: {} });
  }

  /** Who bids for a seat, the best first, and who has one. */
  async stakes(options: Limits = {}): Promise<StakesView> {
    return this.#api.read(stakesView, "/_moot/stakes", options);
  }

  /** What an account has staked; that of the client's key by default. */
  async staked(account = this.#own(), options: Limits = {}): Promise<StakeView> {
    return this.#api.read(stakeView, `/_moot/stakes/${AccountId.parse(account)}`, options);
  }

  #own(): string {
    return this.#api.key().account;
  }

  async #status(limits: Limits): Promise<NodeStatus> {
    return this.#api.read(nodeStatus, "/_moot/status", limits);
  }

  async #say(transaction: Transaction): Promise<EntryOutcome> {
    const [outcome] = await this.#transact(transaction);
    if (outcome === undefined) {
      throw new MootError("the node left an outcome out");
    }
    return outcome;
  }
}

function idOf(hold: string): EntryId {
  return formatEntryId(parseEntryId(hold));
}

/** What ordering bytes and burning fuel costs; a part that fits no 64 bits is one that nobody can pay. */
function feeOf(prices: Prices, bytes: bigint, fuel: bigint): Fee {
  const fit = (value: bigint): bigint => (value > MAX_U64 ? MAX_U64 : value);
  const execution = (fuel * prices.per_mega_fuel + 999_999n) / 1_000_000n;
  return { ordering: fit(bytes * prices.per_byte), execution: fit(execution) };
}

function billed(call: Billed, prices: Prices): BilledCall {
  const { stated_ordering: ordering, stated_execution: execution, ...rest } = call;
  const whole = feeOf(prices, call.bytes, call.fuel);
  const paid = feeOf(prices, call.paid_bytes, 0n).ordering;
  const fee = { ...whole, ordering: whole.ordering > paid ? whole.ordering - paid : 0n };
  const differs = ordering !== whole.ordering || execution !== whole.execution;
  return { ...rest, prices, fee, stated: { ordering, execution }, differs };
}
