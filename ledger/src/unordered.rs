//! Batches that are on disk here and not yet in a final block, by lane.
//!
//! ```text
//!   own lane, pushes, fetches ──commit──► waiting (lane, seq) ──block──► ordered
//!                              second version ──► rivals (digest)
//! ```
//!
//! A lane owner may seal two batches with one number. The first version that is here is the one this replica
//! proposes; another is held beside it only when a block names it, because whether a batch is available must not
//! depend on which of two versions came first: otherwise an owner who sends one version to half of the replicas
//! and the other to the rest could stop all of them.
//!
//! Second versions are held for a while only: of each place one version counts, and the others matter to blocks that
//! are being agreed on. One that no block has named for [`RIVAL_BLOCKS`] is no ground for a vote any more, and after
//! as many blocks again it is forgotten: between the two lies far more than a block that was voted for takes to be
//! applied. A block that names it later has it fetched again.

use crate::exchange::Content;
use crate::limits::{MAX_TOLERATED_EQUIVOCATIONS, ORDERED_REMEMBERED, RIVAL_BLOCKS};
use crate::pending::Promise;
use moot_record::Digest;
use moot_record::limits::MAX_BLOCK_BATCHES;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Lane and sequence number.
pub(crate) type Place = (u32, u64);

/// A batch that waits for its block.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) digest: Digest,
    /// Of the own lane's batches: somebody here may wait for it.
    pub(crate) promise: Option<Promise>,
    /// What the state machine will want of it.
    pub(crate) content: Content,
    /// Since when it waits.
    since: Instant,
}

impl Waiting {
    /// A batch that is on disk from now on.
    pub(crate) fn new(digest: Digest, promise: Option<Promise>, content: Content) -> Waiting {
        Waiting { digest, promise, content, since: Instant::now() }
    }
}

/// What is known of one lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LaneMarks {
    /// The highest sequence number on disk.
    pub(crate) held: Option<u64>,
    /// The highest sequence number in a final block.
    pub(crate) ordered: Option<u64>,
    /// How many wait.
    pub(crate) waiting: usize,
    /// How many second versions are held.
    pub(crate) rivals: usize,
    /// How often its owner was seen to seal twice.
    pub(crate) equivocations: usize,
}

/// A second version.
#[derive(Debug, Clone, Copy)]
struct Rival {
    /// The place that it claims.
    place: Place,
    /// The height at which it was wanted last.
    since: u64,
}

/// Where a digest that a final block names stands.
pub(crate) enum Named {
    /// The version that waits: it is ordered now.
    Waiting(Place, Waiting),
    /// A second version, with the place it claims.
    Rival(Place),
    /// Ordered before, or void.
    Settled,
    /// Not in memory.
    Unknown,
}

/// The batches that wait, and the digests of those ordered lately.
#[derive(Debug, Default)]
pub(crate) struct Unordered {
    waiting: BTreeMap<Place, Waiting>,
    places: HashMap<Digest, Place>,
    rivals: HashMap<Digest, Rival>,
    /// Height of the last block.
    height: u64,
    lanes: BTreeMap<u32, LaneMarks>,
    ordered: HashSet<Digest>,
    ordered_in_turn: VecDeque<Digest>,
    /// The lane that the next proposal begins with.
    turn: u32,
    /// When a block with batches was last proposed, here or elsewhere.
    last: Option<Instant>,
}

impl Unordered {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many wait in a lane.
    pub(crate) fn count(&self, lane: u32) -> usize {
        self.marks(lane).waiting
    }

    /// What is known of a lane.
    pub(crate) fn marks(&self, lane: u32) -> LaneMarks {
        self.lanes.get(&lane).copied().unwrap_or_default()
    }

    pub(crate) fn marks_mut(&mut self, lane: u32) -> &mut LaneMarks {
        self.lanes.entry(lane).or_default()
    }

    pub(crate) fn insert(&mut self, (lane, seq): Place, waiting: Waiting) {
        self.places.insert(waiting.digest, (lane, seq));
        let before = self.waiting.insert((lane, seq), waiting);
        let marks = self.marks_mut(lane);
        marks.held = marks.held.max(Some(seq));
        if before.is_none() {
            marks.waiting += 1;
        }
    }

    /// Holds a second version beside the first.
    pub(crate) fn insert_rival(&mut self, digest: Digest, place: Place) {
        if self.rivals.insert(digest, Rival { place, since: self.height }).is_none() {
            self.marks_mut(place.0).rivals += 1;
        }
    }

    /// Takes up the height of a block. Says which second versions nobody needs any more: they are forgotten.
    pub(crate) fn advance(&mut self, height: u64) -> Vec<Digest> {
        self.height = height;
        if self.rivals.is_empty() || !height.is_multiple_of(RIVAL_BLOCKS / 4) {
            return Vec::new();
        }
        let old =
            self.rivals.iter().filter(|(_, rival)| height.saturating_sub(rival.since) >= 2 * RIVAL_BLOCKS);
        let mut old: Vec<Digest> = old.map(|(digest, _)| *digest).collect();
        old.sort_unstable();
        for digest in &old {
            if let Some(rival) = self.rivals.remove(digest) {
                let marks = self.marks_mut(rival.place.0);
                marks.rivals = marks.rivals.saturating_sub(1);
            }
        }
        old
    }

    /// The place of a batch that waits as the first version.
    pub(crate) fn place(&self, digest: &Digest) -> Option<Place> {
        self.places.get(digest).copied()
    }

    /// What a final block names, taken out of what waits.
    pub(crate) fn take(&mut self, digest: &Digest) -> Named {
        if let Some(place) = self.places.remove(digest)
            && let Some(waiting) = self.waiting.remove(&place)
        {
            let marks = self.marks_mut(place.0);
            marks.waiting = marks.waiting.saturating_sub(1);
            marks.ordered = marks.ordered.max(Some(place.1));
            self.remember(*digest);
            return Named::Waiting(place, waiting);
        }
        if self.ordered.contains(digest) {
            return Named::Settled;
        }
        match self.rivals.remove(digest) {
            Some(Rival { place, .. }) => {
                let marks = self.marks_mut(place.0);
                marks.rivals = marks.rivals.saturating_sub(1);
                self.remember(*digest);
                Named::Rival(place)
            }
            None => Named::Unknown,
        }
    }

    /// Takes the first version out, because a final block names the second.
    pub(crate) fn displace(&mut self, place: Place) -> Option<Waiting> {
        let waiting = self.waiting.remove(&place)?;
        self.places.remove(&waiting.digest);
        let marks = self.marks_mut(place.0);
        marks.waiting = marks.waiting.saturating_sub(1);
        marks.ordered = marks.ordered.max(Some(place.1));
        Some(waiting)
    }

    /// Notes a digest as ordered or void: settled either way.
    pub(crate) fn remember(&mut self, digest: Digest) {
        if self.ordered.insert(digest) {
            self.ordered_in_turn.push_back(digest);
        }
        if self.ordered_in_turn.len() > ORDERED_REMEMBERED
            && let Some(oldest) = self.ordered_in_turn.pop_front()
        {
            self.ordered.remove(&oldest);
        }
    }

    /// Whether the batch is on disk here, as far as it matters for a new block.
    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        let rival = || {
            let found = self.rivals.get(digest);
            found.is_some_and(|rival| self.height.saturating_sub(rival.since) < RIVAL_BLOCKS)
        };
        self.places.contains_key(digest) || self.ordered.contains(digest) || rival()
    }

    /// Up to `max` digests that are not in `taken`: the oldest of each lane, then the second oldest of each,
    /// and so on, so that a full lane does not hold up the others. The lane that comes first changes every time.
    pub(crate) fn propose(&mut self, taken: &HashSet<Digest>, max: usize) -> Vec<Digest> {
        let lanes = self.lanes.iter().filter(|(_, marks)| {
            // What its owner has signed against itself again and again would only split the votes.
            marks.waiting > 0 && marks.equivocations <= MAX_TOLERATED_EQUIVOCATIONS
        });
        let mut lanes: Vec<u32> = lanes.map(|(lane, _)| *lane).collect();
        let first = lanes.iter().position(|lane| *lane >= self.turn).unwrap_or(0);
        lanes.rotate_left(first);
        let mut queues: Vec<_> = lanes
            .iter()
            .map(|lane| {
                let lane = self.waiting.range((*lane, 0)..=(*lane, u64::MAX));
                lane.map(|(_, waiting)| waiting.digest).filter(|digest| !taken.contains(digest))
            })
            .collect();
        let mut found = Vec::new();
        while found.len() < max {
            let before = found.len();
            found.extend(queues.iter_mut().filter_map(Iterator::next).take(max - before));
            if found.len() == before {
                break;
            }
        }
        drop(queues);
        self.turn = lanes.first().map_or(0, |lane| lane.wrapping_add(1));
        if !found.is_empty() {
            self.last = Some(Instant::now());
        }
        found
    }

    /// Another replica has proposed a block with batches. The pause after a block counts from here, not from its end:
    /// else a batch that comes right after a slow agreement would wait once more.
    pub(crate) fn proposed(&mut self) {
        self.last = Some(Instant::now());
    }

    /// Whether a block is worth making of what is not in `taken`: when there was none for `within`, when `max` batches
    /// wait, when the oldest has waited for `within`, or when `asked` and somebody here waits for one of them. So
    /// there is hardly more than one block in that time that nobody asked for, and a batch that comes alone waits for
    /// nothing.
    pub(crate) fn is_due(&self, taken: &HashSet<Digest>, max: usize, within: Duration, asked: bool) -> bool {
        let now = Instant::now();
        let mut free = self.waiting.values().filter(|waiting| !taken.contains(&waiting.digest));
        let quiet = self.last.is_none_or(|last| now.saturating_duration_since(last) >= within);
        let wanted = |waiting: &Waiting| {
            let asked = asked && waiting.promise.as_ref().is_some_and(Promise::asked);
            quiet || asked || now.saturating_duration_since(waiting.since) >= within
        };
        self.waiting.len() >= taken.len() + max || free.any(wanted)
    }

    /// Whether a block may be worth making although nobody asks for one: what [`Unordered::is_due`] would say, without
    /// looking at every batch.
    pub(crate) fn is_ripe(&self, within: Duration) -> bool {
        let now = Instant::now();
        let long_ago = |since: Instant| now.saturating_duration_since(since) >= within;
        !self.waiting.is_empty()
            && (self.last.is_none_or(long_ago)
                || self.waiting.len() >= MAX_BLOCK_BATCHES
                || self.oldest().is_some_and(long_ago))
    }

    /// When the batch that waits longest began to.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let lanes = self.lanes.keys();
        let first = |lane: &u32| self.waiting.range((*lane, 0)..=(*lane, u64::MAX)).next();
        lanes.filter_map(first).map(|(_, waiting)| waiting.since).min()
    }

    /// The first batch of `lane` that waits.
    pub(crate) fn first(&self, lane: u32) -> Option<u64> {
        self.waiting.range((lane, 0)..=(lane, u64::MAX)).next().map(|((_, seq), _)| *seq)
    }

    /// Everything that waits, when nothing will be ordered any more.
    pub(crate) fn drain(&mut self) -> Vec<Waiting> {
        self.places.clear();
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(lane: u32, seq: u64) -> Digest {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&lane.to_be_bytes());
        bytes[4..12].copy_from_slice(&seq.to_be_bytes());
        Digest::from_bytes(bytes)
    }

    fn hold(unordered: &mut Unordered, lane: u32, seq: u64) {
        let waiting = Waiting::new(digest(lane, seq), None, Content::Here(Vec::new(), None));
        unordered.insert((lane, seq), waiting);
    }

    #[test]
    fn lanes_take_turns_and_each_is_oldest_first() {
        let mut unordered = Unordered::default();
        (0..9).for_each(|seq| hold(&mut unordered, 0, seq));
        (4..6).for_each(|seq| hold(&mut unordered, 2, seq));
        hold(&mut unordered, 3, 1);
        let taken = HashSet::from([digest(0, 0)]);
        let found = unordered.propose(&taken, 7);
        let expected = [(0, 1), (2, 4), (3, 1), (0, 2), (2, 5), (0, 3), (0, 4)];
        assert_eq!(found, expected.map(|(lane, seq)| digest(lane, seq)));
        assert_eq!(unordered.propose(&taken, 2), [digest(2, 4), digest(3, 1)], "another lane begins");
        assert_eq!(unordered.propose(&taken, 1), [digest(3, 1)]);
        assert_eq!(unordered.propose(&taken, 1), [digest(0, 1)]);
        unordered.marks_mut(0).equivocations = MAX_TOLERATED_EQUIVOCATIONS + 1;
        assert_eq!(unordered.propose(&taken, 9).len(), 3);
    }

    #[test]
    fn a_block_waits_for_company() {
        let mut unordered = Unordered::default();
        let (none, long) = (HashSet::new(), Duration::from_secs(3600));
        assert!(!unordered.is_due(&none, 2, Duration::ZERO, true) && unordered.oldest().is_none());
        assert!(!unordered.is_ripe(Duration::ZERO));
        hold(&mut unordered, 0, 0);
        assert!(unordered.oldest().is_some());
        assert!(unordered.is_due(&none, 2, long, false), "there was no block before");
        assert!(unordered.is_ripe(long));
        assert_eq!(unordered.propose(&none, 1).len(), 1);
        assert!(!unordered.is_due(&none, 2, long, true), "nobody waits for it");
        assert!(!unordered.is_ripe(long) && unordered.is_ripe(Duration::ZERO));
        assert!(unordered.is_due(&none, 2, Duration::ZERO, false), "it has waited");
        hold(&mut unordered, 1, 0);
        assert!(unordered.is_due(&none, 2, long, false), "there are enough");
        assert!(!unordered.is_due(&none, 3, long, false));
        unordered.last = None;
        assert!(unordered.is_due(&none, 3, long, false));
        unordered.proposed();
        assert!(!unordered.is_due(&none, 3, long, false), "another replica has just made one");
        let taken = HashSet::from([digest(0, 0), digest(1, 0)]);
        assert!(!unordered.is_due(&taken, 2, Duration::ZERO, true), "they are on their way");
    }

    #[test]
    fn a_rival_is_held_beside_the_first_version() {
        let mut unordered = Unordered::default();
        hold(&mut unordered, 1, 5);
        let rival = digest(9, 9);
        unordered.insert_rival(rival, (1, 5));
        assert!(unordered.holds(&rival) && unordered.holds(&digest(1, 5)));
        assert_eq!(unordered.propose(&HashSet::new(), 9), [digest(1, 5)]);
        assert!(matches!(unordered.take(&rival), Named::Rival((1, 5))));
        assert!(unordered.displace((1, 5)).is_some());
        assert_eq!((unordered.len(), unordered.count(1), unordered.marks(1).ordered), (0, 0, Some(5)));
        assert!(matches!(unordered.take(&rival), Named::Settled));
    }

    #[test]
    fn a_rival_that_no_block_names_is_forgotten_and_makes_room() {
        let mut unordered = Unordered::default();
        hold(&mut unordered, 1, 5);
        let (rival, later) = (digest(9, 9), digest(9, 10));
        assert!(unordered.advance(100).is_empty());
        unordered.insert_rival(rival, (1, 5));
        // It can still be voted for, ...
        assert!(unordered.advance(100 + RIVAL_BLOCKS - 1).is_empty() && unordered.holds(&rival));
        // ... then no more, while a block that was voted for may still name it, ...
        assert!(unordered.advance(100 + RIVAL_BLOCKS).is_empty() && !unordered.holds(&rival));
        assert_eq!(unordered.marks(1).rivals, 1);
        unordered.insert_rival(later, (1, 5));
        // ... unless somebody wants it again.
        unordered.insert_rival(rival, (1, 5));
        assert!(unordered.holds(&rival) && unordered.holds(&later));
        let (mut forgotten, mut height) = (Vec::new(), 100 + RIVAL_BLOCKS);
        while forgotten.is_empty() && height < 100 * RIVAL_BLOCKS {
            height += 1;
            forgotten = unordered.advance(height);
        }
        assert_eq!((forgotten, unordered.marks(1).rivals), (vec![rival, later], 0));
        let due = 100 + 3 * RIVAL_BLOCKS..=101 + 4 * RIVAL_BLOCKS;
        assert!(due.contains(&height), "{height}");
        assert!(unordered.holds(&digest(1, 5)), "the first version waits as before");
        assert!(matches!(unordered.take(&rival), Named::Unknown));
    }
}
