/**
 * Who votes, epoch by epoch.
 *
 * ```text
 *  genesis ── committee 0 ──certifies── a block that names committee 1 ──► committee 1 ──certifies── ... committee 2
 *
 *  committee = [number, [account, ...]]     digest: what the last block of the epoch before names
 * ```
 *
 * The chain of blocks is cut into epochs of equal length, which the genesis fixes. Committees are counted, and each
 * votes under a namespace with its number: no vote of one can be shown as a vote of another, even where they have
 * members in common.
 */

import { InvalidError } from "../errors.js";
import { AccountId, type Digest } from "./bytes.js";
import type { Reader, Writer } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import { DOMAINS } from "./hash.js";
import { MAX_COMMITTEE_BYTES, MAX_EPOCH_BLOCKS, MAX_VALIDATORS, MIN_EPOCH_BLOCKS } from "./limits.js";
import { isReliableKey } from "./signature.js";

const n = String;

/** The replicas that vote in an epoch, or in several that follow each other. */
export interface Committee {
  /** Nought for the genesis's validators, one more for each committee that followed. */
  readonly number: number;
  /** Its members, sorted: a certificate names them by their places. */
  readonly members: readonly AccountId[];
}

export const Committee: Codec<Committee> = {
  maxBytes: MAX_COMMITTEE_BYTES,

  write(out, committee) {
    out.array(2);
    out.uint(committee.number);
    writeMembers(out, committee.members);
  },

  read(r) {
    r.array(2);
    const committee: Committee = { number: r.u32(), members: readMembers(r) };
    checkMembers("committee.members", committee.members);
    return committee;
  },
};

/** The digest by which a block names a committee. */
export function committeeDigest(committee: Committee): Digest {
  return DOMAINS.committee.digest(encode(Committee, committee));
}

/** The namespace of its votes: the network's first 16 digits and, for all but the first committee, its number. */
export function committeeNamespace({ number }: Committee, network: Digest): string {
  return `moot:${network.slice(0, 16)}${number === 0 ? "" : `:${n(number)}`}`;
}

/** How a network's committee may change. */
export interface Epochs {
  /** Blocks in an epoch: epoch e has the heights from `e * blocks` to `(e + 1) * blocks - 1`. */
  readonly blocks: bigint;
  /** The account that says who votes and who follows. */
  readonly authority: AccountId;
}

export const Epochs = {
  write(out: Writer, epochs: Epochs): void {
    out.array(2);
    out.uint(epochs.blocks);
    AccountId.write(out, epochs.authority);
  },

  read(r: Reader): Epochs {
    r.array(2);
    return { blocks: r.uint(), authority: AccountId.read(r) };
  },

  check({ blocks, authority }: Epochs): void {
    if (blocks < MIN_EPOCH_BLOCKS || blocks > MAX_EPOCH_BLOCKS) {
      const rule = `an epoch has ${n(MIN_EPOCH_BLOCKS)} to ${n(MAX_EPOCH_BLOCKS)} blocks`;
      throw new InvalidError("genesis.epochs", `${n(blocks)}; ${rule}`);
    }
    checkKey("genesis.epochs", authority);
  },
};

/** The epoch of a height. */
export function epochOf({ blocks }: Epochs, height: bigint): bigint {
  // A genesis made by hand, unchecked, may say nought.
  return blocks === 0n ? 0n : height / blocks;
}

/** Whether a height is the last of its epoch. */
export function isLastOfEpoch(epochs: Epochs, height: bigint): boolean {
  return epochOf(epochs, height + 1n) > epochOf(epochs, height);
}

/** Checks a list of those who vote: not too many, sorted, each a key that can be relied on. */
export function checkMembers(field: string, members: readonly AccountId[]): void {
  if (members.length < 1 || members.length > MAX_VALIDATORS) {
    throw new InvalidError(field, `${n(members.length)} of them; a network has 1 to ${n(MAX_VALIDATORS)}`);
  }
  members.forEach((member, i) => {
    const before = members[i - 1];
    if (before !== undefined && before >= member) {
      throw new InvalidError(field, "not sorted, each once");
    }
  });
  for (const member of members) {
    checkKey(field, member);
  }
}

/** Refuses a key of small order: with one, anybody could make its owner's votes. */
export function checkKey(field: string, account: AccountId): void {
  if (!isReliableKey(account)) {
    throw new InvalidError(field, `${account} is no ed25519 public key that can be relied on`);
  }
}

export function writeMembers(out: Writer, members: readonly AccountId[]): void {
  out.array(members.length);
  for (const member of members) {
    AccountId.write(out, member);
  }
}

export function readMembers(r: Reader): AccountId[] {
  return r.items(MAX_VALIDATORS, () => AccountId.read(r));
}
