/**
 * Hashing domains: every kind of thing that is hashed or signed has its own tag, so that a page can never pass for a
 * tree node, nor a signed bundle for a signed request.
 *
 * A hash is BLAKE3 in keyed mode with the tag as its (public) key; a signature covers `tag || message`. The tag is the
 * domain's name, zero-padded to 32 bytes.
 */

import { blake3 } from "@noble/hashes/blake3.js";
import { concat, toHex, utf8 } from "./text.js";
import type { Digest } from "./bytes.js";

/** A domain-separation tag. */
export class Domain {
  /** The 32 bytes of the tag. */
  readonly tag: Uint8Array;

  constructor(name: string) {
    this.tag = new Uint8Array(32);
    this.tag.set(utf8(name));
  }

  /** Hashes bytes in this domain. */
  hash(bytes: Uint8Array): Uint8Array {
    return blake3(bytes, { key: this.tag });
  }

  /** The hash as text. */
  digest(bytes: Uint8Array): Digest {
    return toHex(this.hash(bytes)) as Digest;
  }

  /** What a signature in this domain covers. */
  message(bytes: Uint8Array): Uint8Array {
    return concat(this.tag, bytes);
  }
}

/** Every domain of the format, by the name that the vectors give it. */
export const DOMAINS = {
  page: new Domain("moot page 1"),
  node: new Domain("moot node 1"),
  bundle: new Domain("moot bundle 1"),
  bundle_id: new Domain("moot bundle id 1"),
  batch: new Domain("moot batch 1"),
  seal: new Domain("moot seal 1"),
  block: new Domain("moot block 1"),
  committee: new Domain("moot committee 1"),
  entry: new Domain("moot entry 1"),
  payload: new Domain("moot payload 1"),
  spec: new Domain("moot spec 1"),
  genesis: new Domain("moot genesis 1"),
  seed: new Domain("moot seed 1"),
  state: new Domain("moot state 1"),
  request: new Domain("moot request 1"),
  candidate: new Domain("moot candidate 1"),
} as const;

/** A component's name: the plain BLAKE3 digest of its bytes, as `b3sum` prints it. */
export function componentDigest(wasm: Uint8Array): Digest {
  return toHex(blake3(wasm)) as Digest;
}
