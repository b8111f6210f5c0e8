/** Values, as the API tells them. Names are the API's own, but for `data`: the bytes, in whichever form they came. */

import type { AccountId, Digest } from "../../record/bytes.js";
import type { EntryId, FunctionName } from "../../record/names.js";
import { fromBase64Url, utf8 } from "../../record/text.js";
import {
  account,
  type Decoder,
  digest,
  entryId,
  functionName,
  list,
  object,
  optional,
  text,
  u64,
} from "../decode.js";

/** A value that was written. */
export interface ValueWritten {
  /** Where it is on the ledger. */
  readonly id: EntryId;
  readonly path: string;
  /** Digest of its bytes. */
  readonly digest: Digest;
  /** Height of the block in which the rules allowed it; null while it is in none. */
  readonly height: bigint | null;
}

export const valueWritten: Decoder<ValueWritten> = object<ValueWritten>({
  id: entryId,
  path: text,
  digest,
  height: optional(u64),
});

/** The newest value of a path, with its bytes. */
export interface StoredValue {
  /** Its address. */
  readonly id: EntryId;
  readonly path: string;
  /** Height of its block. */
  readonly height: bigint;
  /** Who wrote it; null: nobody put a name to it. */
  readonly account: AccountId | null;
  /** The function that wrote it, if one did. */
  readonly function: FunctionName | null;
  /** The bytes. */
  readonly data: Uint8Array;
  /** The bytes as text; null when they are none. */
  readonly text: string | null;
}

/** A value that was allowed: in a list, and as it is followed. */
export interface ValueView {
  /** Its address. */
  readonly id: EntryId;
  readonly path: string;
  /** Height of its block. */
  readonly height: bigint;
  /** Time of its block, milliseconds since 1970. */
  readonly time_ms: bigint;
  /** Who wrote it; null: nobody put a name to it. */
  readonly account: AccountId | null;
  /** The function that wrote it, if one did. */
  readonly function: FunctionName | null;
  /** The call in which the function wrote it. */
  readonly call: EntryId | null;
  /** Its length. */
  readonly bytes: bigint;
  /** Digest of its bytes. */
  readonly digest: Digest;
  /** The bytes, when they came along: those of a value of 4 KiB at most do. */
  readonly data: Uint8Array | null;
  /** The bytes that came along as text; null when they are none. */
  readonly text: string | null;
}

interface Sent extends Omit<ValueView, "data"> {
  readonly base64: Uint8Array | null;
}

const sent = object<Sent>({
  id: entryId,
  path: text,
  height: u64,
  time_ms: u64,
  account: optional(account),
  function: optional(functionName),
  call: optional(entryId),
  bytes: u64,
  digest,
  text: optional(text),
  base64: optional((value, at) => fromBase64Url(text(value, at))),
});

export const valueView: Decoder<ValueView> = (value, at) => {
  const { base64, ...view } = sent(value, at);
  return { ...view, data: view.text === null ? base64 : utf8(view.text) };
};

export const valuesView: Decoder<{ values: ValueView[]; next: string | null }> = object({
  values: list(valueView),
  next: optional(text),
});

/** What follows a pattern. */
export type ValueEvent =
  /** A value was written and allowed. */
  | ({ readonly type: "value" } & ValueView)
  /**
   * Values were missed: those after `from` (a value's address, or a block's end such as `block-17`) that the node had
   * forgotten already, or (`from` is null) those that were written while the connection was broken before the node had
   * said where following began. What is kept follows.
   */
  | { readonly type: "missed"; readonly from: string | null };

/** A block's end, up to which nothing is missing; or a value's address. */
const position: Decoder<string> = (value, at) => {
  const name = text(value, at);
  return /^block-[0-9]{1,20}$/u.test(name) ? name : entryId(value, at);
};

export const valuesAt: Decoder<{ at: string }> = object({ at: position });

export const valuesMissed: Decoder<{ from: string }> = object({ from: position });
