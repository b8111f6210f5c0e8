/**
 * Pages: entries packed together, the leaves of a bundle's tree.
 *
 * ```text
 * entries ──append──► page = [bytes entry, ...] ──zero-padded to 4 KiB──► digest = leaf
 * ```
 *
 * A verifier parses the whole page, so bytes inside an entry's payload that look like an entry cannot pass for one.
 */

import { InvalidError } from "../errors.js";
import { Reader, tooLong, Writer } from "./cbor.js";
import { DOMAINS } from "./hash.js";
import { MAX_BUNDLE_PAGES, MAX_ENTRY_BYTES, MAX_PAGE_BYTES, PAGE_PADDING_BYTES } from "./limits.js";

/** The digest of a page: zero-padded to a multiple of 4 KiB. */
export function pageDigest(page: Uint8Array): Uint8Array {
  if (page.length > MAX_PAGE_BYTES) {
    throw tooLong("the page", 0, page.length, MAX_PAGE_BYTES);
  }
  const padded = new Uint8Array(Math.ceil(page.length / PAGE_PADDING_BYTES) * PAGE_PADDING_BYTES);
  padded.set(page);
  return DOMAINS.page.hash(padded);
}

/** The entries of a page; the entries themselves are not decoded. Throws when it is not exactly a page. */
export function parsePage(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length > MAX_PAGE_BYTES) {
    throw tooLong("the page", 0, bytes.length, MAX_PAGE_BYTES);
  }
  const r = new Reader(bytes);
  const entries = r.items(MAX_PAGE_BYTES, () => {
    const entry = r.bytes(MAX_ENTRY_BYTES);
    if (entry.length === 0) {
      throw new InvalidError("page", "an entry has no bytes");
    }
    return entry;
  });
  r.end();
  if (entries.length === 0) {
    throw new InvalidError("page", "a page has at least one entry");
  }
  return entries;
}

/** How many bytes the head of an array or a byte string of this length takes; none is longer than 64 KiB. */
function headLength(length: number): number {
  return length < 24 ? 1 : length < 256 ? 2 : 3;
}

/** Packs encoded entries into pages, in order, each page as full as it gets. */
export function packPages(entries: readonly Uint8Array[]): Uint8Array[] {
  const pages: Uint8Array[][] = [];
  let filled = 0;
  for (const entry of entries) {
    if (entry.length < 1 || entry.length > MAX_ENTRY_BYTES) {
      const why = `${String(entry.length)} bytes; an entry has 1 to ${String(MAX_ENTRY_BYTES)}`;
      throw new InvalidError("entry", why);
    }
    const cost = headLength(entry.length) + entry.length;
    const page = pages.at(-1);
    if (page !== undefined && headLength(page.length + 1) + filled + cost <= MAX_PAGE_BYTES) {
      page.push(entry);
      filled += cost;
    } else {
      pages.push([entry]);
      filled = cost;
    }
  }
  if (pages.length > MAX_BUNDLE_PAGES) {
    const why = `${String(pages.length)} pages; at most ${String(MAX_BUNDLE_PAGES)} fit: sign several bundles`;
    throw new InvalidError("bundle.pages", why);
  }
  return pages.map((page) => {
    const out = new Writer();
    out.array(page.length);
    for (const entry of page) {
      out.bytes(entry);
    }
    return out.finish();
  });
}
