/**
 * Batches and blocks by their headers: what orders bundles.
 *
 * ```text
 * batch header = [lane, seq, bundles, root]                              digest: a leaf of a block
 * block header = [height, parent, time_ms, state, batches, root]         digest: what the replicas vote on
 *                [height, parent, time_ms, state, batches, root, committee]     names the next epoch's committee
 * ```
 */

import { InvalidError } from "../errors.js";
import { Digest, ZERO_DIGEST } from "./bytes.js";
import { wrongLength } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import { DOMAINS } from "./hash.js";
import {
  MAX_BATCH_BUNDLES,
  MAX_BATCH_HEADER_BYTES,
  MAX_BLOCK_BATCHES,
  MAX_BLOCK_HEADER_BYTES,
} from "./limits.js";

const n = String;

/** What names a batch. */
export interface BatchHeader {
  /** The replica's lane. */
  readonly lane: number;
  /** Its place in the lane. */
  readonly seq: bigint;
  /** How many bundles. */
  readonly bundles: number;
  /** The root over the bundles' digests. */
  readonly root: Digest;
}

export const BatchHeader: Codec<BatchHeader> = {
  maxBytes: MAX_BATCH_HEADER_BYTES,

  write(out, header) {
    out.array(4);
    out.uint(header.lane);
    out.uint(header.seq);
    out.uint(header.bundles);
    Digest.write(out, header.root);
  },

  read(r) {
    r.array(4);
    const header: BatchHeader = { lane: r.u32(), seq: r.uint(), bundles: r.u32(), root: Digest.read(r) };
    if (header.bundles < 1 || header.bundles > MAX_BATCH_BUNDLES) {
      const why = `${n(header.bundles)}; a batch has 1 to ${n(MAX_BATCH_BUNDLES)} bundles`;
      throw new InvalidError("batch.bundles", why);
    }
    return header;
  },
};

/** The batch's digest: what is ordered. */
export function batchDigest(header: BatchHeader): Uint8Array {
  return DOMAINS.batch.hash(encode(BatchHeader, header));
}

/** What the replicas agree on. */
export interface BlockHeader {
  /** Its place in the chain. */
  readonly height: bigint;
  /** The digest of the block before it. */
  readonly parent: Digest;
  /** When it was proposed, in milliseconds since 1970 by the proposer's clock. */
  readonly time_ms: bigint;
  /** A recent height's state root. */
  readonly state: Digest;
  /** How many batches; a heartbeat has none. */
  readonly batches: number;
  /** The root over the batches' digests. */
  readonly root: Digest;
  /** The digest of the next epoch's committee, in the last block of an epoch before another committee. */
  readonly committee: Digest | null;
}

/** The fields of a header that names no committee. */
const BLOCK_FIELDS = 6;

export const BlockHeader: Codec<BlockHeader> = {
  maxBytes: MAX_BLOCK_HEADER_BYTES,

  write(out, header) {
    out.array(BLOCK_FIELDS + (header.committee === null ? 0 : 1));
    out.uint(header.height);
    Digest.write(out, header.parent);
    out.uint(header.time_ms);
    Digest.write(out, header.state);
    out.uint(header.batches);
    Digest.write(out, header.root);
    if (header.committee !== null) {
      Digest.write(out, header.committee);
    }
  },

  read(r) {
    const at = r.position;
    const fields = r.list(BLOCK_FIELDS + 1);
    if (fields < BLOCK_FIELDS) {
      throw wrongLength("the block's header", at, fields, BLOCK_FIELDS);
    }
    const header: BlockHeader = {
      height: r.uint(),
      parent: Digest.read(r),
      time_ms: r.uint(),
      state: Digest.read(r),
      batches: r.u32(),
      root: Digest.read(r),
      committee: fields > BLOCK_FIELDS ? Digest.read(r) : null,
    };
    if (header.batches > MAX_BLOCK_BATCHES) {
      const why = `${n(header.batches)}; a block has at most ${n(MAX_BLOCK_BATCHES)} batches`;
      throw new InvalidError("block.batches", why);
    }
    if (header.batches === 0 && header.root !== ZERO_DIGEST) {
      throw new InvalidError("block.root", "a block without batches has a root of zeros");
    }
    return header;
  },
};

/** The block's digest: the payload that the replicas vote on. */
export function blockDigest(header: BlockHeader): Digest {
  return DOMAINS.block.digest(encode(BlockHeader, header));
}
