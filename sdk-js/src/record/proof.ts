/**
 * Proofs: an entry, the way from it to a signature, and the way from there to a certificate.
 *
 * ```text
 * entry ─in─► page ─path─► bundle header ◄─signature── account           signed entry: the worker's word
 *                              │
 *                              └─path─► batch header ─path─► block header ◄─votes── committee      proof
 *                                                                                       ▲
 *                                                            genesis ─committee 0─handovers
 * ```
 *
 * A block agreed on in a view that then timed out has no votes of its own: it is final because a later block, which
 * names it as its ancestor, is. Its proof has the headers from there down to it, the descent.
 *
 * Where the committee has changed, the proof has the handovers from the genesis's committee to the one that voted.
 *
 * - Requires: the genesis file of the network, believed.
 * - Provides: that this account said this entry, for this network; and, for a proof, that the network's validators put
 *   it at this place, height and time.
 * - Does not provide: that what a worker says is true, nor that the ledger accepted what it ordered.
 */

import { VerifyError, within } from "../errors.js";
import { type AccountId, Digest, Signature } from "./bytes.js";
import { BatchHeader, batchDigest, blockDigest, BlockHeader } from "./block.js";
import { bundleDigest, BundleHeader, verifyBundleHeader } from "./bundle.js";
import { type Reader, tooLong, unknownNumber, type Writer, wrongLength } from "./cbor.js";
import { type Codec, decode, readNested, writeNested } from "./codec.js";
import type { Round } from "./certificate.js";
import { Entry, entryDigest } from "./entry.js";
import type { Genesis } from "./genesis.js";
import { Handover, verifyFinality } from "./handover.js";
import {
  MAX_CERTIFICATE_BYTES,
  MAX_DESCENT,
  MAX_HANDOVERS,
  MAX_PAGE_BYTES,
  MAX_PROOF_BYTES,
} from "./limits.js";
import { climb, PathError, readPath, writePath } from "./merkle.js";
import { type EntryId, formatEntryId } from "./names.js";
import { pageDigest, parsePage } from "./page.js";
import { SignatureError } from "./signature.js";

const n = String;
const PROOF_VERSION = 1n;
/** The version of a proof with handovers. */
const HANDOVERS_VERSION = 2n;

/** An entry with the signature of the account that said it. */
export interface SignedEntry {
  /** The entry's place in the page. */
  readonly slot: number;
  /** The whole page. */
  readonly page: Uint8Array;
  /** The page's place in the bundle. */
  readonly page_index: number;
  /** From the page to the bundle's root. */
  readonly page_path: readonly Uint8Array[];
  /** What was signed. */
  readonly bundle_header: BundleHeader;
  /** The signature of it. */
  readonly signature: Signature;
}

/** What a {@link SignedEntry} proves. */
export interface Signed {
  readonly entry: Entry;
  /** Who said it. */
  readonly account: AccountId;
  /** The digest of the entry. */
  readonly digest: Digest;
  /** The last height at which it may be ordered. */
  readonly valid_until: bigint;
}

/** An entry with its place on the ledger, certified. */
export interface Proof extends SignedEntry {
  readonly bundle_index: number;
  readonly bundle_path: readonly Uint8Array[];
  readonly batch_header: BatchHeader;
  readonly batch_index: number;
  readonly batch_path: readonly Uint8Array[];
  readonly block_header: BlockHeader;
  /** Headers of the blocks after it, up to the one that the certificate names; nearly always empty. */
  readonly descent: readonly BlockHeader[];
  /** The votes for the last of the descent, or for the block itself. */
  readonly certificate: Uint8Array;
  /** From the genesis's committee to the one that voted; empty while there was no other. */
  readonly handovers: readonly Handover[];
}

/** What a {@link Proof} proves. */
export interface Proven extends Round {
  readonly entry: Entry;
  readonly account: AccountId;
  readonly digest: Digest;
  /** Where it stands. */
  readonly id: EntryId;
  /** The height of the block that ordered it. */
  readonly height: bigint;
  /** The block's time, in milliseconds since 1970. */
  readonly time_ms: bigint;
}

const SIGNED_FIELDS = 6;
/** The fields of a proof without handovers, its version among them. */
const PROOF_FIELDS = 1 + SIGNED_FIELDS + 8;

function readVersion(r: Reader, wanted: bigint): void {
  const at = r.position;
  const version = r.uint();
  if (version !== wanted) {
    throw unknownNumber("version of the proof format", at, version);
  }
}

function writeSigned(out: Writer, signed: SignedEntry): void {
  out.uint(signed.slot);
  out.bytes(signed.page);
  out.uint(signed.page_index);
  writePath(out, signed.page_path);
  writeNested(out, BundleHeader, signed.bundle_header);
  Signature.write(out, signed.signature);
}

function readSigned(r: Reader): SignedEntry {
  return {
    slot: r.u16(),
    page: r.bytes(MAX_PAGE_BYTES).slice(),
    page_index: r.u16(),
    page_path: readPath(r),
    bundle_header: readNested(r, BundleHeader),
    signature: Signature.read(r),
  };
}

export const SignedEntry: Codec<SignedEntry> = {
  maxBytes: MAX_PROOF_BYTES,
  write(out, signed) {
    out.array(1 + SIGNED_FIELDS);
    out.uint(PROOF_VERSION);
    writeSigned(out, signed);
  },
  read(r) {
    r.array(1 + SIGNED_FIELDS);
    readVersion(r, PROOF_VERSION);
    return readSigned(r);
  },
};

export const Proof: Codec<Proof> = {
  maxBytes: MAX_PROOF_BYTES,

  write(out, proof) {
    const handedOver = proof.handovers.length > 0;
    out.array(PROOF_FIELDS + (handedOver ? 1 : 0));
    out.uint(handedOver ? HANDOVERS_VERSION : PROOF_VERSION);
    writeSigned(out, proof);
    out.uint(proof.bundle_index);
    writePath(out, proof.bundle_path);
    writeNested(out, BatchHeader, proof.batch_header);
    out.uint(proof.batch_index);
    writePath(out, proof.batch_path);
    writeNested(out, BlockHeader, proof.block_header);
    out.array(proof.descent.length);
    for (const header of proof.descent) {
      writeNested(out, BlockHeader, header);
    }
    out.bytes(proof.certificate);
    if (handedOver) {
      out.array(proof.handovers.length);
      for (const handover of proof.handovers) {
        Handover.write(out, handover);
      }
    }
  },

  read(r) {
    const at = r.position;
    const fields = r.list(PROOF_FIELDS + 1);
    if (fields < PROOF_FIELDS) {
      throw wrongLength("the proof", at, fields, PROOF_FIELDS);
    }
    const handedOver = fields > PROOF_FIELDS;
    readVersion(r, handedOver ? HANDOVERS_VERSION : PROOF_VERSION);
    return {
      ...readSigned(r),
      bundle_index: r.u16(),
      bundle_path: readPath(r),
      batch_header: readNested(r, BatchHeader),
      batch_index: r.u16(),
      batch_path: readPath(r),
      block_header: readNested(r, BlockHeader),
      descent: r.items(MAX_DESCENT, () => readNested(r, BlockHeader)),
      certificate: r.bytes(MAX_CERTIFICATE_BYTES).slice(),
      handovers: handedOver ? readHandovers(r) : [],
    };
  },
};

function readHandovers(r: Reader): Handover[] {
  const at = r.position;
  const handovers = r.items(MAX_HANDOVERS, () => Handover.read(r));
  if (handovers.length === 0) {
    // Without handovers a proof is of the other version: each has one encoding.
    throw wrongLength("the list of handovers", at, 0, 1);
  }
  return handovers;
}

/** The entry as it stands in the page, not verified. */
export function readEntry({ page, slot }: SignedEntry): { readonly entry: Entry; readonly digest: Digest } {
  const entries = within("page", () => parsePage(page));
  const bytes = entries[slot];
  if (bytes === undefined) {
    throw new VerifyError("slot", `slot: the page has ${n(entries.length)} entries, none at ${n(slot)}`);
  }
  return { entry: within("entry", () => decode(Entry, bytes)), digest: entryDigest(bytes) };
}

/** Checks that `leaf` stands at its place below `root`. */
function checkInside(
  part: "page" | "bundle" | "batch",
  whole: "bundle" | "batch" | "block",
  leaf: Uint8Array,
  place: {
    readonly index: number;
    readonly count: number;
    readonly path: readonly Uint8Array[];
    readonly root: Digest;
  },
): void {
  const field = `${part}_path`;
  let root: Digest;
  try {
    root = Digest.of(climb(leaf, place.index, place.count, place.path));
  } catch (error) {
    throw error instanceof PathError
      ? new VerifyError(field, `${field}: ${error.message}`, { cause: error })
      : error;
  }
  if (root !== place.root) {
    const message = `this ${part} is not at this place in the ${whole}: its path leads to another root`;
    throw new VerifyError(part, `${part}: ${message}`);
  }
}

/**
 * Verifies that the bundle's account signed this entry, for this network.
 *
 * @throws {VerifyError} Names what does not fit.
 */
export function verifySigned(signed: SignedEntry, genesis: Genesis): Signed {
  const header = signed.bundle_header;
  if (header.network !== genesis.network) {
    const message = `it was signed for network ${header.network}, the genesis is of ${genesis.network}`;
    throw new VerifyError("bundle.network", `bundle.network: ${message}`);
  }
  const leaf = within("page", () => pageDigest(signed.page));
  const place = { index: signed.page_index, count: header.pages, path: signed.page_path, root: header.root };
  checkInside("page", "bundle", leaf, place);
  try {
    verifyBundleHeader(header, signed.signature);
  } catch (error) {
    if (error instanceof SignatureError) {
      throw new VerifyError("bundle.signature", `bundle.signature: ${error.message}`, { cause: error });
    }
    throw error;
  }
  const { entry, digest } = readEntry(signed);
  return { entry, account: header.account, digest, valid_until: header.valid_until };
}

/**
 * Verifies the whole way from the entry to the votes, and from there to the genesis's validators.
 *
 * @throws {VerifyError} Names what does not fit.
 */
export function verifyProof(proof: Proof, genesis: Genesis): Proven {
  const { entry, account, digest, valid_until: validUntil } = verifySigned(proof, genesis);
  const { batch_header: batch, block_header: block } = proof;
  checkInside("bundle", "batch", bundleDigest(proof.bundle_header, proof.signature), {
    index: proof.bundle_index,
    count: batch.bundles,
    path: proof.bundle_path,
    root: batch.root,
  });
  checkInside("batch", "block", batchDigest(batch), {
    index: proof.batch_index,
    count: block.batches,
    path: proof.batch_path,
    root: block.root,
  });
  if (block.height > validUntil) {
    const message = `it was valid until height ${n(validUntil)} and stands in block ${n(block.height)}`;
    throw new VerifyError("bundle.valid_until", `bundle.valid_until: ${message}`);
  }
  const round = verifyFinality(proof.certificate, genesis, proof.handovers, certified(proof));
  return {
    entry,
    account,
    digest,
    id: proofId(proof),
    height: block.height,
    time_ms: block.time_ms,
    ...round,
  };
}

/** The block that the certificate must be for: where the descent leads. */
export function certified({
  block_header: block,
  descent,
}: Pick<Proof, "block_header" | "descent">): BlockHeader {
  if (descent.length > MAX_DESCENT) {
    const error = tooLong("the descent", 0, descent.length, MAX_DESCENT);
    throw new VerifyError("descent", `descent: ${error.message}`, { cause: error });
  }
  let parent = block;
  for (const child of descent) {
    if (child.parent !== blockDigest(parent) || child.height !== parent.height + 1n) {
      const message = `what follows block ${n(parent.height)} does not name it as its parent at the next height`;
      throw new VerifyError("descent", `descent: ${message}`);
    }
    parent = child;
  }
  return parent;
}

/** The address that a proof is about, not verified. */
export function proofId(proof: Proof): EntryId {
  return formatEntryId({
    lane: proof.batch_header.lane,
    batch: proof.batch_header.seq,
    bundle: proof.bundle_index,
    page: proof.page_index,
    slot: proof.slot,
  });
}
