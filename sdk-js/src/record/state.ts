/**
 * The ledger's state as a tree: what a block's state root commits to, key by key.
 *
 * ```text
 *  key ──► place (256 bits) ──► the way down: bit 0 first, 0 left, 1 right
 *
 *            root = H(state domain, top)
 *             top = node ─┬─ node ─┬─ leaf        a subtree of one leaf is that leaf, an empty one is 32 zeros
 *                         │        └─ leaf        leaf = H(leaf domain, place || digest of the value)
 *                         └─ leaf                 node = H(node domain, left || right)
 * ```
 */

import { AccountId, Digest } from "./bytes.js";
import { tooLong, unknownNumber, wrongLength } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import { Domain, DOMAINS } from "./hash.js";
import { MAX_PATH_BYTES, MAX_STATE_DEPTH, MAX_STATE_KEY_BYTES } from "./limits.js";
import { EntryId, FunctionName } from "./names.js";
import { concat } from "./text.js";

// Of the state's tree alone; nothing else is hashed in them.
const PLACE = new Domain("moot state key 1");
const VALUE = new Domain("moot state value 1");
const LEAF = new Domain("moot state leaf 1");
const NODE = new Domain("moot state node 1");

/** What the state says something about. */
export type StateKey =
  /** Every outcome of a transaction so far: a digest that each one extends. */
  | "history"
  /** Who votes and who follows, where that can change. */
  | "seats"
  /** A function's record. */
  | { readonly function: FunctionName }
  /** An account. One with nothing has no value. */
  | { readonly account: AccountId }
  /** Who owns a path. */
  | { readonly owner: string }
  /** The rule at the place of a pattern: the pattern with `$` for each variable. */
  | { readonly rule: string }
  /** What is held under the address of the transaction that said so. */
  | { readonly hold: EntryId }
  /** What an account has staked. */
  | { readonly stake: AccountId }
  /** A replica that was proven to have sealed twice. */
  | { readonly conviction: AccountId }
  /** What things cost. Where nothing is charged it has no value. */
  | "prices"
  /** What was paid and not paid out yet. */
  | "pot"
  | { readonly trigger: FunctionName }
  /** A call that a trigger derived, and that is not answered yet: height of its block and number in it. */
  | { readonly derived: readonly [height: bigint, number: number] }
  /** A call whose end triggers wait for. */
  | { readonly watched: EntryId }
  /** A worker that registered, or that was found at fault. */
  | { readonly worker: AccountId }
  /** A call that several workers run, until all have said what came of it. */
  | { readonly compared: EntryId };

/** The kinds of keys; each one's number is its place here. */
const KINDS = [
  "history",
  "seats",
  "function",
  "account",
  "owner",
  "rule",
  "hold",
  "stake",
  "conviction",
  "prices",
  "pot",
  "trigger",
  "derived",
  "watched",
  "worker",
  "compared",
] as const;

/** A kind of key. */
export type StateKind = (typeof KINDS)[number];

/** The kind of a key. */
export function stateKind(key: StateKey): StateKind {
  return typeof key === "string" ? key : (Object.keys(key)[0] as StateKind);
}

const SINGLE: readonly StateKind[] = ["history", "seats", "prices", "pot"];

/** How many fields the key of a kind has, its number among them. */
function fieldsOf(kind: StateKind): number {
  return kind === "derived" ? 3 : SINGLE.includes(kind) ? 1 : 2;
}

export const StateKey: Codec<StateKey> = {
  maxBytes: MAX_STATE_KEY_BYTES,

  write(out, key) {
    const kind = stateKind(key);
    out.array(fieldsOf(kind));
    out.uint(KINDS.indexOf(kind));
    if (typeof key === "string") {
      return;
    }
    if ("function" in key) {
      FunctionName.write(out, key.function);
    } else if ("account" in key) {
      AccountId.write(out, key.account);
    } else if ("owner" in key) {
      out.text(key.owner);
    } else if ("rule" in key) {
      out.text(key.rule);
    } else if ("hold" in key) {
      EntryId.write(out, key.hold);
    } else if ("stake" in key) {
      AccountId.write(out, key.stake);
    } else if ("conviction" in key) {
      AccountId.write(out, key.conviction);
    } else if ("trigger" in key) {
      FunctionName.write(out, key.trigger);
    } else if ("derived" in key) {
      key.derived.forEach((part) => {
        out.uint(part);
      });
    } else if ("watched" in key) {
      EntryId.write(out, key.watched);
    } else if ("worker" in key) {
      AccountId.write(out, key.worker);
    } else {
      EntryId.write(out, key.compared);
    }
  },

  read(r) {
    const at = r.position;
    const fields = r.list(3);
    const number = r.uint();
    const kind = number < BigInt(KINDS.length) ? KINDS[Number(number)] : undefined;
    if (kind === undefined) {
      throw unknownNumber("key of the state", at, number);
    }
    const key = ((): StateKey => {
      switch (kind) {
        case "history":
        case "seats":
        case "prices":
        case "pot":
          return kind;
        case "function":
          return { function: FunctionName.read(r) };
        case "account":
          return { account: AccountId.read(r) };
        case "owner":
          return { owner: r.text(MAX_PATH_BYTES) };
        case "rule":
          return { rule: r.text(MAX_PATH_BYTES) };
        case "hold":
          return { hold: EntryId.read(r) };
        case "stake":
          return { stake: AccountId.read(r) };
        case "conviction":
          return { conviction: AccountId.read(r) };
        case "trigger":
          return { trigger: FunctionName.read(r) };
        case "derived":
          return { derived: [r.uint(), r.u32()] };
        case "watched":
          return { watched: EntryId.read(r) };
        case "worker":
          return { worker: AccountId.read(r) };
        case "compared":
          return { compared: EntryId.read(r) };
      }
    })();
    if (fields !== fieldsOf(kind)) {
      throw wrongLength("the key", at, fields, fieldsOf(kind));
    }
    return key;
  },
};

/** Where a key's leaf is, and the first bits of the way there. */
export function placeOf(key: StateKey): Digest {
  return PLACE.digest(encode(StateKey, key));
}

/** The digest of a value: what its leaf holds of it. */
export function stateValueDigest(value: Uint8Array): Digest {
  return VALUE.digest(value);
}

/** A leaf of the tree. */
export function leafDigest(place: Digest, value: Digest): Digest {
  return LEAF.digest(concat(Digest.bytes(place), Digest.bytes(value)));
}

/** The bit of a place that decides at a depth: true leads right. */
export function bitOf(place: Digest, depth: number): boolean {
  const byte = Digest.bytes(place)[depth >> 3] ?? 0;
  return ((byte >> (7 - (depth & 7))) & 1) === 1;
}

/** The root above what stands at the end of a path: the digests beside the way, from the end to the top. */
export function climbState(place: Digest, end: Digest, path: readonly Digest[]): Digest {
  if (path.length > MAX_STATE_DEPTH) {
    throw tooLong("the path", 0, path.length, MAX_STATE_DEPTH);
  }
  let at = Digest.bytes(end);
  path.forEach((digest, i) => {
    const beside = Digest.bytes(digest);
    const right = bitOf(place, path.length - 1 - i);
    at = NODE.hash(right ? concat(beside, at) : concat(at, beside));
  });
  return DOMAINS.state.digest(at);
}
