//! A component in parts that can each be checked against its digest.
//!
//! ```text
//!   digest = plain BLAKE3          a tree over chunks of 1 KiB
//!              ├── subtree of 1 MiB ── chaining value 0 ─┐
//!              ├── subtree of 1 MiB ── chaining value 1 ─┼── the list: it merges to the digest
//!              └── the rest ────────── chaining value 2 ─┘
//! ```
//!
//! A chaining value does not say how large its subtree is: a list of two joined values would merge to the same
//! digest. So the list comes with the last part. BLAKE3 puts a chunk's number into its value, so the last part,
//! checked at its place, fixes the length and with it the whole shape; then each other part proves itself, in any
//! order and from anybody. No digest of our own is needed beside the component's.

use crate::limits::COMPONENT_PART_BYTES;
use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use moot_record::Digest;
use moot_record::limits::MAX_COMPONENT_BYTES;

/// Bytes of one chaining value.
const VALUE_BYTES: usize = 32;

/// The largest number of parts.
const MAX_PARTS: usize = (MAX_COMPONENT_BYTES as usize).div_ceil(COMPONENT_PART_BYTES);

/// The chaining values of a component's parts: two or more, which merge to its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartList(Vec<[u8; VALUE_BYTES]>);

/// The chaining value of a part.
fn value_of(number: usize, bytes: &[u8]) -> [u8; VALUE_BYTES] {
    let mut hasher = Hasher::new();
    hasher.set_input_offset((number * COMPONENT_PART_BYTES) as u64);
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// Splits as BLAKE3 does: the left side is the largest power of two below the whole.
fn split(values: &[[u8; VALUE_BYTES]]) -> (&[[u8; VALUE_BYTES]], &[[u8; VALUE_BYTES]]) {
    values.split_at(values.len().next_power_of_two() / 2)
}

fn merged(values: &[[u8; VALUE_BYTES]]) -> [u8; VALUE_BYTES] {
    match values {
        [] => [0; VALUE_BYTES],
        [value] => *value,
        _ => {
            let (left, right) = split(values);
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

impl PartList {
    /// Begins a list that is filled in order.
    pub(super) fn new() -> PartList {
        PartList(Vec::new())
    }

    /// Adds the next part.
    pub(super) fn push(&mut self, part: &[u8]) {
        let value = value_of(self.0.len(), part);
        self.0.push(value);
    }

    /// The list in the bytes with the last part, if both fit the digest.
    pub(super) fn read<'a>(bytes: &'a [u8], digest: &Digest) -> Option<(PartList, &'a [u8])> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
        if !(2..=MAX_PARTS).contains(&count) {
            return None;
        }
        let (values, last) = rest.split_at_checked(count * VALUE_BYTES)?;
        let list = PartList(values.as_chunks::<VALUE_BYTES>().0.to_vec());
        (list.is_of(digest) && list.has(list.len() - 1, last)).then_some((list, last))
    }

    /// Whether it merges to the digest.
    pub(super) fn is_of(&self, digest: &Digest) -> bool {
        if self.0.len() < 2 {
            return false;
        }
        let (left, right) = split(&self.0);
        merge_subtrees_root(&merged(left), &merged(right), Mode::Hash).as_bytes() == digest.as_bytes()
    }

    /// The bytes in which it travels, with the last part.
    pub(super) fn bytes(&self, last: &[u8]) -> Vec<u8> {
        [self.len().to_be_bytes().as_slice(), self.0.concat().as_slice(), last].concat()
    }

    /// How many parts.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Whether the bytes are part `number`.
    pub(super) fn has(&self, number: u32, bytes: &[u8]) -> bool {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let last = number + 1 == self.0.len();
        let fits = if last {
            (1..=COMPONENT_PART_BYTES).contains(&bytes.len())
        } else {
            bytes.len() == COMPONENT_PART_BYTES
        };
        fits && self.0.get(number).is_some_and(|value| *value == value_of(number, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::component_digest;

    #[test]
    fn a_list_proves_itself_and_then_its_parts() {
        for bytes in [1, 1024, COMPONENT_PART_BYTES - 1, COMPONENT_PART_BYTES, 3 * COMPONENT_PART_BYTES + 7] {
            let code: Vec<u8> = (0..COMPONENT_PART_BYTES + bytes).map(|i| (i % 251) as u8).collect();
            let digest = component_digest(&code);
            let mut list = PartList::new();
            code.chunks(COMPONENT_PART_BYTES).for_each(|part| list.push(part));
            let last = code.chunks(COMPONENT_PART_BYTES).next_back().unwrap();
            let travels = list.bytes(last);
            let (read, came) = PartList::read(&travels, &digest).unwrap();
            assert_eq!((&read, came), (&list, last));
            for (number, part) in (0u32..).zip(code.chunks(COMPONENT_PART_BYTES)) {
                assert!(read.has(number, part), "part {number} of {bytes}");
                assert!(!read.has(number + 1, part) && !read.has(number, &part[1..]));
                let mut bad = part.to_vec();
                bad[part.len() / 2] ^= 1;
                assert!(!read.has(number, &bad));
            }
            for at in [3, 40, travels.len() - 1] {
                let mut forged = travels.clone();
                forged[at] ^= 1;
                assert_eq!(PartList::read(&forged, &digest), None, "byte {at}");
            }
            assert_eq!(PartList::read(&travels[..32], &digest), None);
            assert_eq!(PartList::read(&[], &digest), None);
        }
    }

    #[test]
    fn a_list_with_two_values_joined_is_refused() {
        // It merges to the digest, and would make every honest part look like a lie.
        let code: Vec<u8> = (0..2 * COMPONENT_PART_BYTES + 7).map(|i| (i % 251) as u8).collect();
        let mut list = PartList::new();
        code.chunks(COMPONENT_PART_BYTES).for_each(|part| list.push(part));
        let joined = PartList(vec![merged(&list.0[..2]), list.0[2]]);
        let digest = component_digest(&code);
        assert!(joined.is_of(&digest));
        let last = &code[2 * COMPONENT_PART_BYTES..];
        assert_eq!(PartList::read(&joined.bytes(last), &digest), None);
        assert!(PartList::read(&list.bytes(last), &digest).is_some());
    }
}
