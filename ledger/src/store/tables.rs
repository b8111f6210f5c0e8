//! The tables, and what their keys mean.
//!
//! ```text
//!   batches   (lane, seq)                      one row a batch: the sealed batch as it travels
//!   rivals    digest                           sealed batches of a place that another one has, or had first
//!   digests   digest                           the place of a batch, once final
//!   voids     digest                           block and place in it of a batch whose lane's place was taken
//!   evidence  (lane, seq)                      two seals of one place
//!   accused   (account, epoch, view)          two votes of one view that contradict each other
//!   hours     (lane, seq)                      the hours under which an own batch's payloads lie
//!   payloads  (hour, lane, seq, position)      packed payloads that expire in that hour
//!   links     (lane, seq, lane, seq)           a batch of calls -> a later batch that holds receipts of them
//!   placed    (lane, seq)                      the block and the place in it, once final
//!   blocks    height                           header, batch digests, certificate, state after it
//!   functions name                             the registry
//!   state     key of the state's tree          what the state machine holds beside functions and seats: balances
//!   outcomes  (lane, seq, position)            what became of a transaction
//!   open      (lane, seq)                      which calls of an ordered batch may still be charged
//!   early     (lane, seq)                      receipts of calls in a batch that no block has ordered yet
//!   prices    height                           the prices from it on, as the committee changed them
//!   lines     (account, height)                what an account paid and got;  line_heights (height, account) to forget by
//!   values    path                             its newest value that was allowed: where it stands
//!   value_log (height, number)                 every value that was allowed, in the blocks' order
//!   derived   (height, number)                 a call that a trigger derived, as the last block had it, and its end
//!   bundles   (valid until, digest)            replay protection: 0 recorded, 1 counted by the state machine
//!   answers   (seq, bundle)                    own lane: calls of a client's bundle that are to be answered here
//!   keys      digest of scope, caller and key  idempotency;  key_hours (hour, digest) to forget them by
//!   pruned    lane                             highest sequence number that was pruned
//!   meta      name                             format, network, log, marks, height up to which was pruned
//! ```
//!
//! There is no row for a call: its id is where it stands.

use redb::TableDefinition;

/// Lane and sequence number.
pub(crate) type BatchKey = (u32, u64);
/// A digest as a key.
pub(crate) type DigestKey = &'static [u8; 32];

pub(crate) const BATCHES: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("batches");
pub(crate) const RIVALS: TableDefinition<'_, DigestKey, &[u8]> = TableDefinition::new("rivals");
pub(crate) const DIGESTS: TableDefinition<'_, DigestKey, BatchKey> = TableDefinition::new("digests");
pub(crate) const VOIDS: TableDefinition<'_, DigestKey, &[u8]> = TableDefinition::new("voids");
pub(crate) const EVIDENCE: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("evidence");
/// Account, epoch and view. Databases made before this table have none of it.
pub(crate) const ACCUSED: TableDefinition<'_, (DigestKey, u64, u64), &[u8]> = TableDefinition::new("accused");
pub(crate) const HOURS: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("hours");
pub(crate) const PRUNED: TableDefinition<'_, u32, u64> = TableDefinition::new("pruned");
pub(crate) const PAYLOADS: TableDefinition<'_, (u32, u32, u64, u64), &[u8]> =
    TableDefinition::new("payloads");
pub(crate) const LINKS: TableDefinition<'_, (u32, u64, u32, u64), ()> = TableDefinition::new("links");
pub(crate) const PLACED: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("placed");
pub(crate) const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
pub(crate) const FUNCTIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("functions");
pub(crate) const STATE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state");
pub(crate) const OUTCOMES: TableDefinition<'_, (u32, u64, u64), &[u8]> = TableDefinition::new("outcomes");
pub(crate) const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");
pub(crate) const VALUE_LOG: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("value_log");
pub(crate) const DERIVED: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("derived");
pub(crate) const BUNDLES: TableDefinition<'_, (u64, DigestKey), u8> = TableDefinition::new("bundles");
pub(crate) const ANSWERS: TableDefinition<'_, (u64, u16), &[u8]> = TableDefinition::new("answers");
pub(crate) const OPEN: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("open");
pub(crate) const EARLY: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("early");
pub(crate) const PRICES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("prices");
pub(crate) const LINES: TableDefinition<'_, (DigestKey, u64), &[u8]> = TableDefinition::new("lines");
pub(crate) const LINE_HEIGHTS: TableDefinition<'_, (u64, DigestKey), ()> =
    TableDefinition::new("line_heights");
pub(crate) const KEYS: TableDefinition<'_, DigestKey, &[u8]> = TableDefinition::new("keys");
pub(crate) const KEY_HOURS: TableDefinition<'_, (u32, DigestKey), ()> = TableDefinition::new("key_hours");
/// Heights of blocks that have no certificate of their own, by digest. Few.
pub(crate) const BARE: TableDefinition<'_, DigestKey, u64> = TableDefinition::new("bare");
/// By the number of the committee that each leads to.
pub(crate) const HANDOVERS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("handovers");
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// [`META`]: the format's version.
pub(crate) const META_FORMAT: &str = "format";
/// [`META`]: the network's digest.
pub(crate) const META_NETWORK: &str = "network";
/// [`META`]: where recovery starts to read.
pub(crate) const META_MARKS: &str = "marks";
/// [`META`]: the last height that was pruned.
pub(crate) const META_PRUNED: &str = "pruned";
/// [`META`]: the seats, once they changed or an epoch ended.
pub(crate) const META_SEATS: &str = "seats";
/// [`META`]: which frames of the log come after the database's last sync.
pub(crate) const META_LOG: &str = "log";
/// [`META`]: a lost journal of votes, and the way back.
pub(crate) const META_LOST: &str = "lost";
