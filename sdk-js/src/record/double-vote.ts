/**
 * Two votes of one key in one view that contradict each other: what no honest member of a committee ever signs.
 *
 * ```text
 * double vote = [who, contradiction, epoch, view, vote, vote]
 * vote        = [[parent view, block]|null, signature]      null: to skip the view
 * each signs    varint(len) | namespace kind | varint epoch | varint view [| varint parent view | 32-byte block digest]
 * ```
 *
 * The kind is `_NOTARIZE`, `_FINALIZE`, or of a vote to skip the view `_NULLIFY`.
 */

import { InvalidError, VerifyError } from "../errors.js";
import { AccountId, Digest, Signature } from "./bytes.js";
import type { Reader, Writer } from "./cbor.js";
import { voteMessage, writeVarint } from "./certificate.js";
import { type Codec, numbered } from "./codec.js";
import type { Committee } from "./committee.js";
import { MAX_DOUBLE_VOTE_BYTES } from "./limits.js";
import { SignatureError, verifyRaw } from "./signature.js";
import { concat } from "./text.js";

/** Which two things a key said in one view. */
export type Contradiction = "two-blocks" | "two-final" | "skipped-and-final";

/** As records have it. */
export const CONTRADICTION = numbered<Contradiction>("contradiction of votes", [
  "two-blocks",
  "two-final",
  "skipped-and-final",
]);

/** What the two votes are for, in the order in which they are written. */
const KINDS = {
  "two-blocks": ["_NOTARIZE", "_NOTARIZE"],
  "two-final": ["_FINALIZE", "_FINALIZE"],
  "skipped-and-final": ["_NULLIFY", "_FINALIZE"],
} as const;

/** What a vote is for: a block, as it was proposed. */
export interface Proposed {
  /** The view of the block before it. */
  readonly parent: bigint;
  readonly block: Digest;
}

/** One of the two votes. */
export interface Vote {
  /** What it is for; null: to skip the view. */
  readonly proposed: Proposed | null;
  readonly signature: Signature;
}

/** Two votes of one key in one view that contradict each other. */
export interface DoubleVote {
  readonly who: AccountId;
  readonly what: Contradiction;
  readonly epoch: bigint;
  readonly view: bigint;
  /** One of them; where one is to skip the view, that one. */
  readonly first: Vote;
  readonly second: Vote;
}

const Vote = {
  write(out: Writer, { proposed, signature }: Vote): void {
    out.array(2);
    out.option(proposed, ({ parent, block }) => {
      out.array(2);
      out.uint(parent);
      Digest.write(out, block);
    });
    Signature.write(out, signature);
  },
  read(r: Reader): Vote {
    r.array(2);
    const proposed = r.option(() => {
      r.array(2);
      return { parent: r.uint(), block: Digest.read(r) };
    });
    return { proposed, signature: Signature.read(r) };
  },
};

export const DoubleVote: Codec<DoubleVote> = {
  maxBytes: MAX_DOUBLE_VOTE_BYTES,
  write(out, { who, what, epoch, view, first, second }) {
    out.array(6);
    AccountId.write(out, who);
    CONTRADICTION.write(out, what);
    out.uint(epoch);
    out.uint(view);
    Vote.write(out, first);
    Vote.write(out, second);
  },
  read(r) {
    r.array(6);
    const pair = {
      who: AccountId.read(r),
      what: CONTRADICTION.read(r),
      epoch: r.uint(),
      view: r.uint(),
      first: Vote.read(r),
      second: Vote.read(r),
    };
    check(pair);
    return pair;
  },
};

function check({ what, first, second }: DoubleVote): void {
  const [one, other] = [first.proposed, second.proposed];
  const skips = what === "skipped-and-final";
  if ((one === null) !== skips || other === null) {
    const right = skips ? "one to skip the view, then one for a block" : "two votes for blocks";
    throw new InvalidError("double_vote.votes", `${what} takes ${right}`);
  }
  if (one?.parent === other.parent && one.block === other.block) {
    throw new InvalidError("double_vote.votes", "both are for the same");
  }
}

/**
 * Checks that it proves what it says; `committee` is the one that voted in its epoch.
 *
 * @throws {VerifyError} When the votes were not signed by a member of this committee of this network.
 */
export function verifyDoubleVote(pair: DoubleVote, committee: Committee, network: Digest): void {
  const { who, what, epoch, view } = pair;
  if (!committee.members.includes(who)) {
    const why = `${who} was not in committee ${String(committee.number)}, which voted in epoch ${String(epoch)}`;
    throw new VerifyError("double_vote.who", `double_vote.who: ${why}`);
  }
  [pair.first, pair.second].forEach(({ proposed, signature }, place) => {
    const block = proposed === null ? [] : [writeVarint(proposed.parent), Digest.bytes(proposed.block)];
    const said = concat(writeVarint(epoch), writeVarint(view), ...block);
    const kind = KINDS[what][place === 0 ? 0 : 1];
    try {
      verifyRaw(who, voteMessage(committee, network, kind, said), signature);
    } catch (error) {
      if (error instanceof SignatureError) {
        const when = `epoch ${String(epoch)} and view ${String(view)} of this network`;
        const why = `vote ${String(place + 1)} is not the signature of ${who} for ${when}`;
        throw new VerifyError("double_vote.signature", `double_vote.signature: ${why}`);
      }
      throw error;
    }
  });
}
