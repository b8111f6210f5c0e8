/**
 * A bundle: pages of entries from one account under one signature.
 *
 * ```text
 * entries ──► pages ──► page digests ──► root ──► header ──sign──► bundle digest = leaf of a batch
 *
 * header = [network, account, valid_until, pages, root]      signed over: bundle domain || header
 * bundle = [bytes header, bytes signature, [bytes page, ...]]
 * ```
 */

import { InvalidError } from "../errors.js";
import { AccountId, Digest, Signature } from "./bytes.js";
import { type Codec, encode, readNested, writeNested } from "./codec.js";
import { DOMAINS } from "./hash.js";
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_HEADER_BYTES, MAX_BUNDLE_PAGES, MAX_PAGE_BYTES } from "./limits.js";
import { merkleRoot } from "./merkle.js";
import { pageDigest } from "./page.js";
import { accountOf, signRaw, verifySignature } from "./signature.js";
import { concat } from "./text.js";

const n = String;

/** What an account signs. */
export interface BundleHeader {
  /** The network that it is for. */
  readonly network: Digest;
  /** Who signs. */
  readonly account: AccountId;
  /** The last height of a block that may order it. */
  readonly valid_until: bigint;
  /** How many pages. */
  readonly pages: number;
  /** The root over the pages' digests. */
  readonly root: Digest;
}

export const BundleHeader: Codec<BundleHeader> = {
  maxBytes: MAX_BUNDLE_HEADER_BYTES,

  write(out, header) {
    out.array(5);
    Digest.write(out, header.network);
    AccountId.write(out, header.account);
    out.uint(header.valid_until);
    out.uint(header.pages);
    Digest.write(out, header.root);
  },

  read(r) {
    r.array(5);
    const header: BundleHeader = {
      network: Digest.read(r),
      account: AccountId.read(r),
      valid_until: r.uint(),
      pages: r.u32(),
      root: Digest.read(r),
    };
    if (header.pages < 1 || header.pages > MAX_BUNDLE_PAGES) {
      throw new InvalidError(
        "bundle.pages",
        `${n(header.pages)}; a bundle has 1 to ${n(MAX_BUNDLE_PAGES)} pages`,
      );
    }
    return header;
  },
};

/** What replay protection remembers: the digest of the header alone, which can be signed in many ways. */
export function bundleId(header: BundleHeader): Digest {
  return DOMAINS.bundle_id.digest(encode(BundleHeader, header));
}

/** The bundle's digest, its leaf in a batch: header and signature. */
export function bundleDigest(header: BundleHeader, signature: Signature): Uint8Array {
  return DOMAINS.bundle.hash(concat(encode(BundleHeader, header), Signature.bytes(signature)));
}

/** Verifies the account's signature of a header. */
export function verifyBundleHeader(header: BundleHeader, signature: Signature): void {
  verifySignature(header.account, DOMAINS.bundle, encode(BundleHeader, header), signature);
}

/** Entries from one account under one signature. */
export interface Bundle {
  readonly header: BundleHeader;
  /** The account's signature of the header. */
  readonly signature: Signature;
  readonly pages: readonly Uint8Array[];
}

export const Bundle: Codec<Bundle> = {
  maxBytes: MAX_BUNDLE_BYTES,

  write(out, bundle) {
    out.array(3);
    writeNested(out, BundleHeader, bundle.header);
    Signature.write(out, bundle.signature);
    out.array(bundle.pages.length);
    for (const page of bundle.pages) {
      out.bytes(page);
    }
  },

  read(r) {
    r.array(3);
    const header = readNested(r, BundleHeader);
    const signature = Signature.read(r);
    const pages = r.items(MAX_BUNDLE_PAGES, () => r.bytes(MAX_PAGE_BYTES).slice());
    if (pages.length !== header.pages) {
      const why = `the header announces ${n(header.pages)} pages, ${n(pages.length)} follow`;
      throw new InvalidError("bundle.pages", why);
    }
    return { header, signature, pages };
  },
};

/** The root over the digests of pages. */
export function pagesRoot(pages: readonly Uint8Array[]): Digest {
  return Digest.of(merkleRoot(pages.map(pageDigest)));
}

/** Signs finished pages with a seed. */
export function signBundle(
  seed: Uint8Array,
  network: Digest,
  validUntil: bigint,
  pages: readonly Uint8Array[],
): Bundle {
  if (pages.length < 1 || pages.length > MAX_BUNDLE_PAGES) {
    throw new InvalidError(
      "bundle.pages",
      `${n(pages.length)} pages; a bundle has 1 to ${n(MAX_BUNDLE_PAGES)}`,
    );
  }
  const account = accountOf(seed);
  const header = { network, account, valid_until: validUntil, pages: pages.length, root: pagesRoot(pages) };
  const signature = signRaw(seed, DOMAINS.bundle.message(encode(BundleHeader, header)));
  return { header, signature, pages };
}
