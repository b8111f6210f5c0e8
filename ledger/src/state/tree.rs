//! The state's tree in memory: the root is made anew along the ways that changed, and no others.
//!
//! Nodes are shared between a tree and its earlier versions, so that a proof can be made against a root that a block
//! carries while the state goes on. On disk there are only the tables: the tree is built from them when the ledger is
//! opened.

use moot_record::Digest;
use moot_record::limits::MAX_STATE_DEPTH;
use moot_record::state::{bit, leaf_digest, node_digest, root_digest, value_digest};
use std::sync::Arc;

/// What changed at a place: the value there now, or that there is none.
pub(crate) type Update = (Digest, Option<Arc<[u8]>>);

/// A version of the tree. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(Link);

type Link = Option<Arc<Node>>;

#[derive(Debug)]
struct Node {
    digest: Digest,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Leaf { place: Digest, value_digest: Digest, value: Arc<[u8]> },
    Inner { left: Link, right: Link },
}

/// What is at a place, with the digests beside the way there, from the end to the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) end: End,
    pub(crate) path: Vec<Digest>,
}

/// Where a way ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// At the value.
    Value(Arc<[u8]>),
    /// At nothing.
    Empty,
    /// At the leaf of another place: there is none for this one.
    Other { place: Digest, value_digest: Digest },
}

impl Tree {
    /// The state root.
    pub(crate) fn root(&self) -> Digest {
        root_digest(&digest(&self.0))
    }

    /// The tree after the updates. Of several for one place the last counts.
    pub(crate) fn update(&self, updates: impl IntoIterator<Item = Update>) -> Tree {
        let mut updates: Vec<Update> = updates.into_iter().collect();
        // Stable: what was said last of a place stays last.
        updates.sort_by_key(|update| update.0);
        updates.reverse();
        updates.dedup_by_key(|update| update.0);
        updates.reverse();
        Tree(update(&self.0, 0, &updates))
    }

    /// The way to a place.
    pub(crate) fn way(&self, place: &Digest) -> Way {
        let (mut at, mut path) = (&self.0, Vec::new());
        let end = loop {
            match at.as_deref().map(|node| &node.kind) {
                None => break End::Empty,
                Some(Kind::Leaf { place: found, value, .. }) if found == place => {
                    break End::Value(value.clone());
                }
                Some(Kind::Leaf { place, value_digest, .. }) => {
                    break End::Other { place: *place, value_digest: *value_digest };
                }
                Some(Kind::Inner { left, right }) => {
                    let (next, beside) = if bit(place, path.len()) { (right, left) } else { (left, right) };
                    path.push(digest(beside));
                    at = next;
                }
            }
        };
        path.reverse();
        Way { end, path }
    }
}

fn digest(link: &Link) -> Digest {
    link.as_ref().map_or(Digest::ZERO, |node| node.digest)
}

fn leaf(place: Digest, value: Arc<[u8]>) -> Arc<Node> {
    let value_digest = value_digest(&value);
    Arc::new(Node {
        digest: leaf_digest(&place, &value_digest),
        kind: Kind::Leaf { place, value_digest, value },
    })
}

/// A subtree after `updates`, which are sorted, each of another place.
fn update(link: &Link, depth: usize, updates: &[Update]) -> Link {
    if updates.is_empty() {
        return link.clone();
    }
    let Some(node) = link else { return build(depth, &leaves(updates)) };
    match &node.kind {
        Kind::Leaf { place, .. } => {
            let mut leaves = leaves(updates);
            if let Err(at) = updates.binary_search_by_key(place, |update| update.0) {
                let before = updates[..at].iter().filter(|update| update.1.is_some()).count();
                leaves.insert(before, (*place, node.clone()));
            }
            build(depth, &leaves)
        }
        Kind::Inner { left, right } => {
            let (lefts, rights) = updates.split_at(updates.partition_point(|update| !bit(&update.0, depth)));
            join(update(left, depth + 1, lefts), update(right, depth + 1, rights))
        }
    }
}

fn leaves(updates: &[Update]) -> Vec<(Digest, Arc<Node>)> {
    let values = updates.iter().filter_map(|(place, value)| Some((*place, value.clone()?)));
    values.map(|(place, value)| (place, leaf(place, value))).collect()
}

/// A subtree of nothing but these leaves, which are sorted.
fn build(depth: usize, leaves: &[(Digest, Arc<Node>)]) -> Link {
    match leaves {
        [] => None,
        [(_, leaf)] => Some(leaf.clone()),
        // Two places differ in one of their bits.
        _ if depth >= MAX_STATE_DEPTH => None,
        _ => {
            let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !bit(&leaf.0, depth)));
            join(build(depth + 1, left), build(depth + 1, right))
        }
    }
}

/// A subtree of one leaf is that leaf.
fn join(left: Link, right: Link) -> Link {
    match (&left, &right) {
        (None, None) => return None,
        (Some(one), None) | (None, Some(one)) if matches!(one.kind, Kind::Leaf { .. }) => {
            return Some(one.clone());
        }
        _ => {}
    }
    let digest = node_digest(&digest(&left), &digest(&right));
    Some(Arc::new(Node { digest, kind: Kind::Inner { left, right } }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::state::climb;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Places with few different bits, so that ways are shared for long.
    fn place(n: u8) -> Digest {
        let mut bytes = [0; 32];
        (bytes[0], bytes[20], bytes[31]) = (n & 1, n >> 1 & 3, n >> 3);
        Digest::from_bytes(bytes)
    }

    fn value(n: u8) -> Arc<[u8]> {
        vec![n; 3].into()
    }

    proptest! {
        /// The root is a function of what is held, not of how it came there; and every place, held or not, has a way
        /// that leads to the root.
        #[test]
        fn the_root_is_that_of_the_content(
            rounds in prop::collection::vec(prop::collection::vec((0..64u8, prop::option::of(0..9u8)), 0..20), 1..8)
        ) {
            let (mut tree, mut model) = (Tree::default(), BTreeMap::new());
            for round in rounds {
                let before = tree.clone();
                let root = before.root();
                tree = tree.update(round.iter().map(|(n, v)| (place(*n), v.map(value))));
                prop_assert_eq!(before.root(), root, "an earlier version stays as it was");
                for (n, v) in round {
                    match v {
                        Some(v) => drop(model.insert(n, v)),
                        None => drop(model.remove(&n)),
                    }
                }
                let anew = Tree::default().update(model.iter().map(|(n, v)| (place(*n), Some(value(*v)))));
                prop_assert_eq!(tree.root(), anew.root());
                for n in 0..64u8 {
                    let Way { end, path } = tree.way(&place(n));
                    let digest = match &end {
                        End::Value(found) => {
                            prop_assert_eq!(Some(found.clone()), model.get(&n).copied().map(value));
                            leaf_digest(&place(n), &value_digest(found))
                        }
                        End::Empty => Digest::ZERO,
                        End::Other { place: other, value_digest } => {
                            prop_assert_ne!(*other, place(n));
                            leaf_digest(other, value_digest)
                        }
                    };
                    prop_assert_eq!(matches!(end, End::Value(_)), model.contains_key(&n));
                    prop_assert_eq!(climb(&place(n), digest, &path), Ok(tree.root()));
                }
            }
        }
    }
}
