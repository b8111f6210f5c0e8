/**
 * A sealed batch: what replicas send each other and what they store.
 *
 * ```text
 * seal   = the lane owner's signature, in the seal domain, of network || batch digest
 * sealed = [bytes signature, bytes [bytes header, [bytes bundle, ...]]]
 * ```
 *
 * Requires: a list of lane owners that is believed: the genesis's validators, and after them whoever got a seat later,
 * in the order of their coming. A lane is its owner's place in the list, for ever.
 *
 * Provides: {@link verifySealed} checks the seal, roots, counts, the form of every page, and every signature. Does
 * not provide: that the entries decode. An entry that does not is on the ledger and says nothing.
 */

import { InvalidError, MootError } from "../errors.js";
import { type AccountId, Digest, Signature } from "./bytes.js";
import { BatchHeader, batchDigest } from "./block.js";
import { Bundle, bundleDigest, pagesRoot, verifyBundleHeader } from "./bundle.js";
import { Reader, type Writer } from "./cbor.js";
import { type Codec, decode, encode, readNested, writeNested } from "./codec.js";
import { DOMAINS } from "./hash.js";
import {
  MAX_BATCH_BUNDLES,
  MAX_BATCH_BYTES,
  MAX_EQUIVOCATION_BYTES,
  MAX_SEALED_HEADER_BYTES,
} from "./limits.js";
import { merkleRoot } from "./merkle.js";
import { parsePage } from "./page.js";
import { verifySignature } from "./signature.js";
import { concat } from "./text.js";

const n = String;

/** Bundles sealed together. */
export interface Batch {
  readonly header: BatchHeader;
  readonly bundles: readonly Bundle[];
}

export const Batch: Codec<Batch> = {
  maxBytes: MAX_BATCH_BYTES,

  write(out, batch) {
    out.array(2);
    writeNested(out, BatchHeader, batch.header);
    out.array(batch.bundles.length);
    for (const bundle of batch.bundles) {
      writeNested(out, Bundle, bundle);
    }
  },

  read(r) {
    r.array(2);
    const header = readNested(r, BatchHeader);
    const count = r.list(MAX_BATCH_BUNDLES);
    if (count !== header.bundles) {
      const why = `the header announces ${n(header.bundles)} bundles, ${n(count)} follow`;
      throw new InvalidError("batch.bundles", why);
    }
    return { header, bundles: Array.from({ length: count }, () => readNested(r, Bundle)) };
  },
};

/** The root over the digests of bundles. */
export function bundlesRoot(bundles: readonly Bundle[]): Digest {
  return Digest.of(merkleRoot(bundles.map((bundle) => bundleDigest(bundle.header, bundle.signature))));
}

/** A batch with its owner's seal. */
export interface SealedBatch {
  readonly batch: Batch;
  readonly seal: Signature;
}

/** A batch's header with its owner's seal: what proves that the owner sealed it. */
export interface SealedHeader {
  readonly seal: Signature;
  readonly header: BatchHeader;
}

const SealedHeader: Codec<SealedHeader> = {
  maxBytes: MAX_SEALED_HEADER_BYTES,
  write(out, { seal, header }) {
    out.array(2);
    Signature.write(out, seal);
    writeNested(out, BatchHeader, header);
  },
  read(r) {
    r.array(2);
    return { seal: Signature.read(r), header: readNested(r, BatchHeader) };
  },
};

/** Two seals of one lane and sequence number: they prove that the owner sealed twice. */
export interface Equivocation {
  readonly first: SealedHeader;
  readonly second: SealedHeader;
}

export const Equivocation: Codec<Equivocation> = {
  maxBytes: MAX_EQUIVOCATION_BYTES,
  write(out, { first, second }) {
    out.array(2);
    writeNested(out, SealedHeader, first);
    writeNested(out, SealedHeader, second);
  },
  read(r) {
    r.array(2);
    return { first: readNested(r, SealedHeader), second: readNested(r, SealedHeader) };
  },
};

/** A sealed batch that is not what it should be. */
export class SealError extends MootError {
  override name = "SealError";
}

/** Takes a sealed batch apart. Nothing is verified but its form. */
export function parseSealed(bytes: Uint8Array): SealedBatch {
  const r = new Reader(bytes);
  r.array(2);
  const seal = Signature.read(r);
  const batch = r.bytes(MAX_BATCH_BYTES);
  r.end();
  return { seal, batch: decode(Batch, batch) };
}

/** The bytes of a sealed batch. */
export function writeSealed(out: Writer, { seal, batch }: SealedBatch): void {
  out.array(2);
  Signature.write(out, seal);
  out.bytes(encode(Batch, batch));
}

/**
 * Checks everything but the entries themselves: the seal first, because it is cheap and stops a stranger.
 *
 * @throws {SealError} Says what is wrong.
 */
export function verifySealed(sealed: SealedBatch, owners: readonly AccountId[], network: Digest): void {
  const { header, bundles } = sealed.batch;
  const owner = owners[header.lane];
  if (owner === undefined) {
    throw new SealError(`lane ${n(header.lane)} has no owner: there are ${n(owners.length)} lanes`);
  }
  const what = `the seal of batch ${n(header.seq)} of lane ${n(header.lane)} does not fit`;
  const message = concat(Digest.bytes(network), batchDigest(header));
  explained(what, () => {
    verifySignature(owner, DOMAINS.seal, message, sealed.seal);
  });
  const root = bundlesRoot(bundles);
  if (root !== header.root) {
    throw new SealError(`the bundles hash to ${root}, the header says ${header.root}`);
  }
  bundles.forEach((bundle, place) => {
    checkBundle(bundle, place, network);
  });
}

function checkBundle(bundle: Bundle, place: number, network: Digest): void {
  const which = `bundle ${n(place)}`;
  bundle.pages.forEach((page, number) => {
    explained(`${which}: page ${n(number)}`, () => parsePage(page));
  });
  const root = pagesRoot(bundle.pages);
  if (root !== bundle.header.root) {
    throw new SealError(`${which}: the pages hash to ${root}, the header says ${bundle.header.root}`);
  }
  if (bundle.header.network !== network) {
    throw new SealError(`${which} is signed for network ${bundle.header.network}`);
  }
  explained(which, () => {
    verifyBundleHeader(bundle.header, bundle.signature);
  });
}

function explained(what: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    if (error instanceof MootError) {
      throw new SealError(`${what}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
