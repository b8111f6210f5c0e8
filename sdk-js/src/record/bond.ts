/** Transactions that bind units and free them: holds for somebody, stakes behind replicas, and who loses a stake. */

import { InvalidError, isFormatError } from "../errors.js";
import { AccountId, Digest, Signature } from "./bytes.js";
import { Reader, type Writer } from "./cbor.js";
import { decode } from "./codec.js";
import { checkKey } from "./committee.js";
import { DoubleVote } from "./double-vote.js";
import { DOMAINS } from "./hash.js";
import type { Kind } from "./kind.js";
import { MAX_OFFENCE_BYTES } from "./limits.js";
import { EntryId } from "./names.js";
import { Equivocation } from "./sealed.js";
import { SocketAddress } from "./socket-address.js";
import { concat } from "./text.js";

/** Units leave the account that says it and are held for another, under the address of this transaction. */
export interface Hold {
  /** Whom they are held for. */
  readonly to: AccountId;
  /** How many, at least one. */
  readonly amount: bigint;
  /** The height at which what is still held goes back by itself. */
  readonly until: bigint;
}

/** A hold ends: `part` of `whole` of it is paid, rounded down, and the rest goes back. */
export interface Release {
  /** The address of the transaction that made it. */
  readonly hold: EntryId;
  readonly part: bigint;
  readonly whole: bigint;
}

/** A replica that a stake is put behind: with it the replica is a candidate for a seat. */
export interface Candidate {
  readonly account: AccountId;
  /** Where it takes votes and blocks. */
  readonly ledger: SocketAddress;
  /** Where it takes batches. */
  readonly data: SocketAddress;
}

/** Units leave the balance of the account that says it for its stake. */
export interface Stake {
  /** How many; 0 only where a replica is named. */
  readonly amount: bigint;
  /** A replica that the stake is behind from now on, beside those named before; or new addresses of one of them. */
  readonly replica: Candidate | null;
  /** The replica's signature of {@link consentMessage}. With a replica, and only then. */
  readonly consent: Signature | null;
}

/** Units leave the stake of the account that says it, and come back after the lock-up. */
export interface Unstake {
  /** How many, at least one. */
  readonly amount: bigint;
}

/** A replica has sealed two batches with one number, or voted for two things in one view. Said by anybody. */
export interface Convict {
  /** The encoding of an {@link Equivocation}, or of a {@link DoubleVote}. */
  readonly evidence: Uint8Array;
}

/** What a replica's key signs, tag included, so that an account may stake for it. */
export function consentMessage(network: Digest, staker: AccountId): Uint8Array {
  return DOMAINS.candidate.message(concat(Digest.bytes(network), AccountId.bytes(staker)));
}

export const Candidate = {
  write(out: Writer, { account, ledger, data }: Candidate): void {
    out.array(3);
    AccountId.write(out, account);
    SocketAddress.write(out, ledger);
    SocketAddress.write(out, data);
  },
  read(r: Reader): Candidate {
    r.array(3);
    return { account: AccountId.read(r), ledger: SocketAddress.read(r), data: SocketAddress.read(r) };
  },
};

/** Checks where a replica is: others can reach the addresses that are given, and they differ. */
export function checkAddresses(ledger: SocketAddress | null, data: SocketAddress | null): void {
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

/** Checks how many units move. */
export function checkAmount({ amount }: { readonly amount: bigint }): void {
  if (amount === 0n) {
    throw new InvalidError("transaction.amount", "0; write one unit at least");
  }
}

/** Checks how many units go to whom. What goes to a key of small order is anybody's. */
export function checkPayment(said: { readonly to: AccountId; readonly amount: bigint }): void {
  checkAmount(said);
  checkKey("transaction.to", said.to);
}

export const HOLD: Kind<Hold> = {
  number: 8,
  fields: 4,
  write(out, { to, amount, until }) {
    AccountId.write(out, to);
    out.uint(amount);
    out.uint(until);
  },
  read: (r) => ({ to: AccountId.read(r), amount: r.uint(), until: r.uint() }),
  check: checkPayment,
};

export const RELEASE: Kind<Release> = {
  number: 9,
  fields: 4,
  write(out, { hold, part, whole }) {
    EntryId.write(out, hold);
    out.uint(part);
    out.uint(whole);
  },
  read: (r) => ({ hold: EntryId.read(r), part: r.uint(), whole: r.uint() }),
  check({ part, whole }) {
    if (whole === 0n || part > whole) {
      const rule = "a share is of one part at least, and no more than all of them";
      throw new InvalidError("transaction.part", `${String(part)} of ${String(whole)}; ${rule}`);
    }
  },
};

export const STAKE: Kind<Stake> = {
  number: 10,
  fields: 4,
  write(out, { amount, replica, consent }) {
    out.uint(amount);
    out.option(replica, (candidate) => {
      Candidate.write(out, candidate);
    });
    out.option(consent, (signature) => {
      Signature.write(out, signature);
    });
  },
  read: (r) => ({
    amount: r.uint(),
    replica: r.option(() => Candidate.read(r)),
    consent: r.option(() => Signature.read(r)),
  }),
  check(stake) {
    const { replica, consent } = stake;
    if (replica === null) {
      if (consent !== null) {
        throw new InvalidError("transaction.consent", "no replica is named that it could be of");
      }
      checkAmount(stake);
      return;
    }
    if (consent === null) {
      throw new InvalidError("transaction.consent", "missing; the replica's key signs whose stake it takes");
    }
    checkKey("transaction.replica", replica.account);
    checkAddresses(replica.ledger, replica.data);
  },
};

export const UNSTAKE: Kind<Unstake> = {
  number: 11,
  fields: 2,
  write(out, { amount }) {
    out.uint(amount);
  },
  read: (r) => ({ amount: r.uint() }),
  check: checkAmount,
};

export const CONVICT: Kind<Convict> = {
  number: 12,
  fields: 2,
  write(out, { evidence }) {
    out.bytes(evidence);
  },
  read: (r) => ({ evidence: r.bytes(MAX_OFFENCE_BYTES).slice() }),
  check({ evidence }) {
    try {
      // The number of fields tells them apart.
      if (new Reader(evidence).list(6) === 6) {
        decode(DoubleVote, evidence);
      } else {
        decode(Equivocation, evidence);
      }
    } catch (error) {
      throw isFormatError(error) ? new InvalidError("transaction.evidence", error.message) : error;
    }
  },
};
