/**
 * Proofs of the state: what the network had agreed on about an account, a function, or the lack of one.
 *
 * ```text
 *  key ──► leaf, or none ─path─► state root ◄── block header ◄── [headers ◄──] votes ◄── validators
 * ```
 *
 * A block carries the root of the state after a block shortly before it, so a proof is as old as that.
 *
 * - Requires: the genesis file of the network, believed.
 * - Provides: that this value, or none, was under this key in a state that the network's quorum has signed for.
 * - Does not provide: that it still is. Who needs to know asks for a proof with a later block.
 */

import { InvalidError, VerifyError, within } from "../errors.js";
import { BlockHeader } from "./block.js";
import { Digest, ZERO_DIGEST } from "./bytes.js";
import { type Reader, unknownNumber } from "./cbor.js";
import { type Codec, readNested, writeNested } from "./codec.js";
import type { Genesis } from "./genesis.js";
import { Handover, verifyFinality } from "./handover.js";
import {
  MAX_CERTIFICATE_BYTES,
  MAX_DESCENT,
  MAX_HANDOVERS,
  MAX_STATE_DEPTH,
  MAX_STATE_PROOF_BYTES,
  MAX_STATE_VALUE_BYTES,
} from "./limits.js";
import { writePath } from "./merkle.js";
import { certified } from "./proof.js";
import { bitOf, climbState, leafDigest, placeOf, StateKey, stateValueDigest } from "./state.js";

const VERSION = 1n;
const FIELDS = 9;
const DIGEST_BYTES = 32;

/** What the state holds under a key, certified. */
export interface StateProof {
  readonly key: StateKey;
  /** The value, when there is one. */
  readonly value: Uint8Array | null;
  /** The leaf of another key that stands at the end of the way: then there is no value. */
  readonly other: { readonly place: Digest; readonly value: Digest } | null;
  /** The digests beside the way, from the end to the top. */
  readonly path: readonly Digest[];
  /** A block that carries the state's root. */
  readonly block_header: BlockHeader;
  /** Headers of the blocks after it, up to the one that the certificate names; nearly always empty. */
  readonly descent: readonly BlockHeader[];
  /** The votes for the last of the descent, or for the block itself. */
  readonly certificate: Uint8Array;
  /** From the genesis's committee to the one that voted; empty while there was no other. */
  readonly handovers: readonly Handover[];
}

export const StateProof: Codec<StateProof> = {
  maxBytes: MAX_STATE_PROOF_BYTES,

  write(out, proof) {
    out.array(FIELDS);
    out.uint(VERSION);
    writeNested(out, StateKey, proof.key);
    out.option(proof.value, (value) => {
      out.bytes(value);
    });
    out.option(proof.other, ({ place, value }) => {
      out.array(2);
      Digest.write(out, place);
      Digest.write(out, value);
    });
    writePath(out, proof.path.map(Digest.bytes));
    writeNested(out, BlockHeader, proof.block_header);
    out.array(proof.descent.length);
    for (const header of proof.descent) {
      writeNested(out, BlockHeader, header);
    }
    out.bytes(proof.certificate);
    out.array(proof.handovers.length);
    for (const handover of proof.handovers) {
      Handover.write(out, handover);
    }
  },

  read(r) {
    r.array(FIELDS);
    const at = r.position;
    const version = r.uint();
    if (version !== VERSION) {
      throw unknownNumber("version of the proof format", at, version);
    }
    const key = readNested(r, StateKey);
    const value = r.option(() => r.bytes(MAX_STATE_VALUE_BYTES).slice());
    const other = r.option(() => {
      r.array(2);
      return { place: Digest.read(r), value: Digest.read(r) };
    });
    if (value !== null && other !== null) {
      throw new InvalidError("state.other", "beside a value; one or the other is shown");
    }
    return {
      key,
      value,
      other,
      path: readWay(r),
      block_header: readNested(r, BlockHeader),
      descent: r.items(MAX_DESCENT, () => readNested(r, BlockHeader)),
      certificate: r.bytes(MAX_CERTIFICATE_BYTES).slice(),
      handovers: r.items(MAX_HANDOVERS, () => Handover.read(r)),
    };
  },
};

function readWay(r: Reader): Digest[] {
  const bytes = r.bytes(MAX_STATE_DEPTH * DIGEST_BYTES);
  if (bytes.length % DIGEST_BYTES !== 0) {
    const why = `${String(bytes.length)} bytes are no whole number of 32-byte digests`;
    throw new InvalidError("state.path", why);
  }
  return Array.from({ length: bytes.length / DIGEST_BYTES }, (_, i) =>
    Digest.of(bytes.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)),
  );
}

/**
 * Verifies the whole way from the key to the votes, and from there to the genesis's validators.
 *
 * @throws {VerifyError} Names what does not fit.
 */
export function verifyStateProof(proof: StateProof, genesis: Genesis): void {
  const place = placeOf(proof.key);
  const root = within("state.path", () => climbState(place, endOf(proof, place), proof.path));
  if (root !== proof.block_header.state) {
    const why = "this value is not at this place in the state: its path leads to another root";
    throw new VerifyError("state.value", `state.value: ${why}`);
  }
  verifyFinality(proof.certificate, genesis, proof.handovers, certified(proof));
}

/** What stands at the end of the way: the key's own leaf, nothing, or another's leaf on the way to it. */
function endOf({ value, other, path }: StateProof, place: Digest): Digest {
  if (value !== null) {
    return leafDigest(place, stateValueDigest(value));
  }
  if (other === null) {
    return ZERO_DIGEST;
  }
  const beside = path.every((_, depth) => bitOf(other.place, depth) === bitOf(place, depth));
  if (other.place === place || !beside) {
    const why = "the leaf that is shown instead of the key's does not stand on the way to it";
    throw new VerifyError("state.other", `state.other: ${why}`);
  }
  return leafDigest(other.place, other.value);
}
