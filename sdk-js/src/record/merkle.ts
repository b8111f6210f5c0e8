/**
 * Merkle trees in the shape of RFC 9162, section 2.1, over digests that are already tagged.
 *
 * Leaves are hashed in their own domain and inner nodes in the node domain, so a node can never be passed off as a
 * leaf. A tree of one leaf is the leaf; an empty tree is thirty-two zeros, which no path leads to.
 */

import { InvalidError, MootError } from "../errors.js";
import type { Reader, Writer } from "./cbor.js";
import { DOMAINS } from "./hash.js";
import { MAX_PATH_DIGESTS } from "./limits.js";
import { concat } from "./text.js";

const DIGEST_BYTES = 32;

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return DOMAINS.node.hash(concat(left, right));
}

/** The largest power of two below `leaves`, which is at least two. */
function leftSize(leaves: number): number {
  return 2 ** (31 - Math.clz32(leaves - 1));
}

/** The root over `leaves`. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) {
    return new Uint8Array(DIGEST_BYTES);
  }
  if (leaves.length === 1) {
    return first;
  }
  const size = leftSize(leaves.length);
  return node(merkleRoot(leaves.slice(0, size)), merkleRoot(leaves.slice(size)));
}

/** The sibling digests from leaf `index` up to the root; empty when there is no such leaf. */
export function merklePath(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length < 2 || index >= leaves.length) {
    return [];
  }
  const size = leftSize(leaves.length);
  const [left, right] = [leaves.slice(0, size), leaves.slice(size)];
  return index < size
    ? [...merklePath(left, index), merkleRoot(right)]
    : [...merklePath(right, index - size), merkleRoot(left)];
}

/** A path that does not fit its tree. */
export class PathError extends MootError {
  override name = "PathError";
}

/**
 * The root that `leaf`, standing at `index` of `count`, leads to along `path` (RFC 9162, section 2.1.3.2).
 *
 * @throws {PathError} When the index or the path's length does not fit the tree.
 */
export function climb(
  leaf: Uint8Array,
  index: number,
  count: number,
  path: readonly Uint8Array[],
): Uint8Array {
  const place = `${String(index)} of ${String(count)}`;
  if (index >= count) {
    throw new PathError(`index ${String(index)} is not below the ${String(count)} leaves of the tree`);
  }
  const wrong = (): PathError =>
    new PathError(`a path of ${String(path.length)} digests does not fit leaf ${place}`);
  let [at, last, digest] = [index, count - 1, leaf];
  for (const sibling of path) {
    if (last === 0) {
      throw wrong();
    }
    if (at % 2 === 1 || at === last) {
      digest = node(sibling, digest);
      while (at % 2 === 0 && at !== 0) {
        at >>>= 1;
        last >>>= 1;
      }
    } else {
      digest = node(digest, sibling);
    }
    at >>>= 1;
    last >>>= 1;
  }
  if (last !== 0) {
    throw wrong();
  }
  return digest;
}

/** Writes a path: one byte string of its digests. */
export function writePath(out: Writer, path: readonly Uint8Array[]): void {
  out.bytes(concat(...path));
}

/** Reads a path. */
export function readPath(r: Reader): Uint8Array[] {
  const bytes = r.bytes(MAX_PATH_DIGESTS * DIGEST_BYTES);
  if (bytes.length % DIGEST_BYTES !== 0) {
    throw new InvalidError("path", `${String(bytes.length)} bytes are no whole number of 32-byte digests`);
  }
  return Array.from({ length: bytes.length / DIGEST_BYTES }, (_, i) =>
    bytes.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
  );
}
