/** The node itself and its blocks, as its API tells them. Names are the API's own. */

import type { AccountId, Digest } from "../../record/bytes.js";
import { type Decoder, account, digest, flag, list, object, optional, text, u32, u64 } from "../decode.js";

/** What a node says about itself. */
export interface NodeStatus {
  /** Version of its program. */
  readonly version: string;
  /** Name of the network, from its genesis. */
  readonly network_name: string;
  /** Digest of the genesis: what every signature is bound to. */
  readonly network: Digest;
  /** Public key of the node. */
  readonly account: AccountId;
  /** Number of its lane; null without a seat. */
  readonly lane: number | null;
  /** Whether it votes in the present epoch; null when the node is of an older version, which does not say. */
  readonly votes: boolean | null;
  /** Why it does not both vote and take calls, when it does not: it follows, joins or leaves. */
  readonly follows: string | null;
  /** The epoch of the next block; null where the committee never changes. */
  readonly epoch: bigint | null;
  /** Height of the last block that was applied there. */
  readonly height: bigint;
  /** Time of that block, milliseconds since 1970. */
  readonly time_ms: bigint;
  /** Why nothing can be recorded, when that is so. */
  readonly read_only: string | null;
  /** Seconds since it started. */
  readonly uptime_s: bigint;
}

export const nodeStatus: Decoder<NodeStatus> = object<NodeStatus>({
  version: text,
  network_name: text,
  network: digest,
  account,
  lane: optional(u32),
  votes: optional(flag),
  follows: optional(text),
  epoch: optional(u64),
  height: u64,
  time_ms: u64,
  read_only: optional(text),
  uptime_s: u64,
});

/** A block. */
export interface BlockView {
  readonly height: bigint;
  /** What the certificate signs. */
  readonly digest: Digest;
  readonly parent: Digest;
  /** Milliseconds since 1970. */
  readonly time_ms: bigint;
  /** Root of a recent state. */
  readonly state: Digest;
  /** The batches it orders. */
  readonly batches: readonly Digest[];
}

export const blockView: Decoder<BlockView> = object<BlockView>({
  height: u64,
  digest,
  parent: digest,
  time_ms: u64,
  state: digest,
  batches: list(digest),
});
