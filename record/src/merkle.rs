//! Merkle trees in the shape of RFC 9162, section 2.1, over digests that are already tagged.
//!
//! Leaves are hashed in their own domain (page, bundle, batch) and inner nodes in the node domain, so a node can
//! never be passed off as a leaf. The number of leaves is signed beside the root, so a path has one length. A
//! tree of one leaf is the leaf; an empty tree is thirty-two zeros, which no path leads to.

use thiserror::Error;

use crate::bytes::Digest;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::limits::MAX_PATH_DIGESTS;

fn node(left: &Digest, right: &Digest) -> Digest {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(left.as_bytes());
    pair[32..].copy_from_slice(right.as_bytes());
    Domain::NODE.hash(&pair)
}

/// The root over `leaves`.
#[must_use]
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(left_size(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The largest power of two below `leaves`, which is at least two.
const fn left_size(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

/// The sibling digests from leaf `index` up to the root; empty when there is no such leaf.
#[must_use]
pub fn path(leaves: &[Digest], index: usize) -> Vec<Digest> {
    let mut out = Vec::with_capacity(MAX_PATH_DIGESTS);
    if index < leaves.len() {
        descend(leaves, index, &mut out);
    }
    out
}

fn descend(leaves: &[Digest], index: usize, out: &mut Vec<Digest>) {
    if leaves.len() < 2 {
        return;
    }
    let size = left_size(leaves.len());
    let (left, right) = leaves.split_at(size);
    if index < size {
        descend(left, index, out);
        out.push(root(right));
    } else {
        descend(right, index - size, out);
        out.push(root(left));
    }
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// No such leaf.
    #[error("index {index} is not below the {count} leaves of the tree")]
    Index {
        /// The index.
        index: u64,
        /// Leaves of the tree.
        count: u64,
    },
    /// The path has too many or too few digests for this leaf.
    #[error("a path of {len} digests does not fit leaf {index} of {count}")]
    Length {
        /// Digests in the path.
        len: usize,
        /// The index.
        index: u64,
        /// Leaves of the tree.
        count: u64,
    },
}

/// The root that `leaf`, standing at `index` of `count`, leads to along `path` (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// When the index or the path's length does not fit the tree.
pub fn climb(leaf: Digest, index: u64, count: u64, path: &[Digest]) -> Result<Digest, PathError> {
    if index >= count {
        return Err(PathError::Index { index, count });
    }
    let wrong = PathError::Length { len: path.len(), index, count };
    let (mut at, mut last, mut digest) = (index, count - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(wrong);
        }
        if at & 1 == 1 || at == last {
            digest = node(sibling, &digest);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            digest = node(&digest, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(digest) } else { Err(wrong) }
}

/// Writes a path: one byte string of its digests.
pub(crate) fn write_path(out: &mut Vec<u8>, path: &[Digest]) {
    let mut bytes = Vec::with_capacity(path.len() * Digest::LEN);
    for digest in path {
        bytes.extend_from_slice(digest.as_bytes());
    }
    cbor::bytes(out, &bytes);
}

/// Reads a path.
pub(crate) fn read_path(r: &mut Reader<'_>) -> Result<Vec<Digest>, DecodeError> {
    let bytes = r.bytes(MAX_PATH_DIGESTS * Digest::LEN)?;
    let (digests, rest) = bytes.as_chunks::<{ Digest::LEN }>();
    if !rest.is_empty() {
        let why = format!("{} bytes are no whole number of 32-byte digests", bytes.len());
        return Err(Invalid::new("path", why).into());
    }
    Ok(digests.iter().map(|d| Digest::from_bytes(*d)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u32) -> Vec<Digest> {
        (0..n).map(|i| Domain::PAGE.hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn every_leaf_of_every_size_climbs_to_the_root() {
        for n in 1..=70u32 {
            let leaves = leaves(n);
            let root = root(&leaves);
            for i in 0..n {
                let path = path(&leaves, i as usize);
                assert_eq!(climb(leaves[i as usize], i.into(), n.into(), &path), Ok(root), "leaf {i} of {n}");
                // The same path proves no other leaf, place or size.
                for j in (0..n).filter(|j| *j != i) {
                    assert_ne!(climb(leaves[i as usize], j.into(), n.into(), &path), Ok(root));
                }
                let longer = [path.as_slice(), &[root]].concat();
                assert!(climb(leaves[i as usize], i.into(), n.into(), &longer).is_err());
                if let Some((_, shorter)) = path.split_last() {
                    assert!(climb(leaves[i as usize], i.into(), n.into(), shorter).is_err());
                }
            }
        }
    }

    #[test]
    fn edges() {
        assert_eq!(root(&[]), Digest::ZERO);
        assert_eq!(climb(Digest::ZERO, 0, 0, &[]), Err(PathError::Index { index: 0, count: 0 }));
        assert!(climb(Digest::ZERO, 0, u64::MAX, &[]).is_err());
        assert_eq!(path(&leaves(3), 3), []);
        let pair = leaves(2);
        assert_eq!(root(&pair), node(&pair[0], &pair[1]));
    }

    #[test]
    fn a_node_does_not_pass_for_a_leaf() {
        // In a tree of four, the inner node of the first two leaves must not prove as leaf 0 of two.
        let four = leaves(4);
        let top = root(&four);
        let inner = [node(&four[0], &four[1]), node(&four[2], &four[3])];
        // The arithmetic alone would allow it, were the signed count two: this is why the count is signed, and
        // why the verifier computes the leaf itself, in the leaf's domain, from the page's bytes.
        assert_eq!(climb(inner[0], 0, 2, &[inner[1]]), Ok(top));
        assert!(climb(inner[0], 0, 4, &[inner[1]]).is_err());
        let bytes = [four[0].as_bytes().as_slice(), four[1].as_bytes()].concat();
        assert_ne!(crate::page::page_digest(&bytes), Ok(inner[0]));
    }
}
