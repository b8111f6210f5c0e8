//! Every bound of the format, each with the reason for its number.
//!
//! A bound here is part of the format: bytes beyond it are refused by every verifier in every language.

/// An entry must fit one page with room for the page's own framing, and still carry 4 KiB of inline payload
/// beside 64 touches.
pub const MAX_ENTRY_BYTES: usize = 12 * 1024;

/// The largest page: at 16 KiB BLAKE3 runs at full width, and a proof that carries a page stays under 20 KiB.
pub const MAX_PAGE_BYTES: usize = 16 * 1024;

/// Receipts are what people keep and send: their pages stay at 4 KiB so that a proof does too.
pub const RECEIPT_PAGE_BYTES: usize = 4 * 1024;

/// Pages are hashed zero-padded to this step, because BLAKE3 hashes a partial chunk serially (three times
/// slower an entry).
pub const PAGE_PADDING_BYTES: usize = 4 * 1024;

/// A path of 16 steps covers 65,536 leaves: every index below a block fits 16 bits.
pub const MAX_PATH_DIGESTS: usize = 16;

/// 4 MiB of nothing but full receipt pages is 1024 pages; a bundle of many half-empty pages is refused.
pub const MAX_BUNDLE_PAGES: usize = 1024;

/// Just under 4 MiB: two full bundles fit one batch, and the store rounds a row up to a power of two.
pub const MAX_BUNDLE_BYTES: usize = 4 * 1024 * 1024 - 8 * 1024;

/// A batch is one row and one message to peers: just under 8 MiB, sent in 70 ms at 1 Gbit/s.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024 - 8 * 1024;

/// A batch, its owner's signature and the heads of both.
pub const MAX_SEALED_BATCH_BYTES: usize = MAX_BATCH_BYTES + 80;

/// A bundle's smallest form is about 350 bytes, so 8 MiB could hold 24,000; 4096 keeps the cost of checking
/// one batch's signatures at about 100 ms on one core.
pub const MAX_BATCH_BUNDLES: usize = 4096;

/// A block carries digests only: 1024 of them are 32 KiB, several seconds of batches on a busy network.
pub const MAX_BLOCK_BATCHES: usize = 1024;

/// ed25519 certificates grow by 64 bytes a vote; past about 30 replicas BLS is the better choice, so 128 is
/// generous.
pub const MAX_VALIDATORS: usize = 128;

/// 128 votes of 64 bytes, the bitmap and the proposal fit 9 KiB.
pub const MAX_CERTIFICATE_BYTES: usize = 9 * 1024;

/// 128 members of 34 bytes, and their number.
pub const MAX_COMMITTEE_BYTES: usize = 5 * 1024;

/// Below this an epoch would be over before its validators have all heard of it.
pub const MIN_EPOCH_BLOCKS: u64 = 8;

/// Above this (a century of busy blocks) nobody would live to see a change.
pub const MAX_EPOCH_BLOCKS: u64 = 1 << 40;

/// A header that names a committee, a certificate, and the committee.
pub const MAX_HANDOVER_BYTES: usize = MAX_CERTIFICATE_BYTES + MAX_COMMITTEE_BYTES + 256;

/// Handovers in a proof: of four replicas each takes 550 bytes, so that this many fit [`MAX_PROOF_BYTES`]; a change
/// a week for five years.
pub const MAX_HANDOVERS: usize = 256;

/// Blocks between one without a certificate of its own and its certified descendant: none nearly always, a few
/// when votes are lost, 256 only where a network finalises nothing for minutes.
pub const MAX_DESCENT: usize = 256;

/// A page, three paths, four headers, a certificate and the longest descent: 16 + 1.5 + 0.6 + 9 + 33 KiB; the rest
/// is for handovers. Most proofs have 1 to 5.
pub const MAX_PROOF_BYTES: usize = 192 * 1024;

/// Small public messages ride in the entry; larger payloads would crowd out other entries of the page.
pub const MAX_INLINE_BYTES: usize = 4 * 1024;

/// A DNS label's length: function names become host names and path segments.
pub const MAX_FUNCTION_NAME_BYTES: usize = 63;

/// Transactions that are applied all or none: what is done for them may have to be undone, so it stays small.
pub const MAX_TOGETHER: u16 = 1024;

/// Accounts that a genesis gives something: with [`MAX_VALIDATORS`] they fit its file.
pub const MAX_ALLOCATIONS: usize = 128;

/// The largest price that can be voted for: a kilobyte at it costs more than any account should hold.
pub const MAX_VOTED_PRICE: u64 = 1 << 40;

/// A way in the state's tree has as many steps as a place has bits.
pub const MAX_STATE_DEPTH: usize = 256;

/// The longest key of the state is a path, with its heads.
pub const MAX_STATE_KEY_BYTES: usize = 640;

/// A value of the state that a proof can show: a function with a hundred versions of one kilobyte. What is longer is in
/// the root all the same.
pub const MAX_STATE_VALUE_BYTES: usize = 128 * 1024;

/// A value, a way, and what leads to the votes.
pub const MAX_STATE_PROOF_BYTES: usize = MAX_STATE_VALUE_BYTES + 16 * 1024 + MAX_PROOF_BYTES;

/// A state's proof in base64, and its readable form.
pub const MAX_STATE_FILE_BYTES: usize = 768 * 1024;

/// Parts of a stake that wait for their heights, which the ledger rounds: eight at a time, and a few that could not be
/// rounded together.
pub const MAX_WAITING_PARTS: usize = 12;

/// Replicas that one account stakes for: a quarter of a committee of the usual size, each on a machine of its own.
pub const MAX_STAKED_REPLICAS: usize = 8;

/// Workers that run one call. Seven outvote three; more cost more than they add.
pub const MAX_REPLICAS_K: u8 = 7;

/// Functions that a worker names in its offer; who serves more serves all that it can.
pub const MAX_OFFERED_FUNCTIONS: usize = 64;

/// Replicas that a worker names as joined; who joins more joins all.
pub const MAX_OFFERED_REPLICAS: usize = 16;

/// An engine's name: a program, its version of three numbers, and one of whoever changed it, with room to spare.
pub const MAX_ENGINE_BYTES: usize = 32;

/// As many kinds of sandbox as there are.
pub const MAX_OFFERED_SANDBOXES: usize = 2;

/// Faults that the state holds of a worker, the newest: each has burned a share of its stake, and older ones stay in the
/// blocks.
pub const MAX_WORKER_FAULTS: usize = 8;

/// The longest WIT export path seen in practice is under 120 bytes.
pub const MAX_EXPORT_NAME_BYTES: usize = 256;

/// More distinct outside targets than this in one call are counted together under `*`.
pub const MAX_TOUCHES: usize = 64;

/// `https://` + a 253-byte host name (the DNS limit) + a port, with slack.
pub const MAX_TOUCH_TARGET_BYTES: usize = 272;

/// All targets of one receipt together: leaves room for 4 KiB of inline output in a 12 KiB entry.
pub const MAX_TOUCHED_BYTES: usize = 5 * 1024;

/// A path of sixteen 31-byte labels; paths are keys in the rule table and are repeated in every write.
pub const MAX_PATH_BYTES: usize = 512;

/// A label is compared with rule patterns and shown in URLs: a name, not a document.
pub const MAX_PATH_LABEL_BYTES: usize = 128;

/// As deep as anybody organises anything; a way down the rules has as many steps.
pub const MAX_PATH_LABELS: usize = 32;

/// The name of a variable in a pattern: a word.
pub const MAX_VARIABLE_BYTES: usize = 32;

/// A rule is a sentence, not a program; each is read again when a replica starts.
pub const MAX_RULE_BYTES: usize = 1024;

/// Five fields of cron with some lists in them.
pub const MAX_CRON_BYTES: usize = 64;

/// Accounts that may make a trigger fire; for more there are rules.
pub const MAX_TRIGGER_ACCOUNTS: usize = 64;

/// A deploy transaction carries the spec whole and must fit one entry.
pub const MAX_SPEC_BYTES: usize = 10 * 1024;

/// No list in a spec has a use for more members; with [`MAX_SPEC_BYTES`] it bounds the parser's memory.
pub const MAX_SPEC_LIST: usize = 256;

/// Environment values, allowed hosts, names: a line, not a file.
pub const MAX_SPEC_TEXT_BYTES: usize = 2048;

/// Components above 64 MiB are bundles of data, not code; the host's own cap may be lower.
pub const MAX_COMPONENT_BYTES: u64 = 64 * 1024 * 1024;

/// A network's name is shown in prompts and file names.
pub const MAX_NETWORK_NAME_BYTES: usize = 63;

/// The head of a recorded request or response: what HTTP servers accept by default, with room for framing.
pub const MAX_HEAD_BYTES: usize = 128 * 1024;

/// Fields of a recorded head: the gateway admits 100, and a response may repeat `set-cookie`.
pub const MAX_HEAD_FIELDS: usize = 256;

/// A receipt file holds a proof in base64 (256 KiB), an entry, and their readable form.
pub const MAX_RECEIPT_FILE_BYTES: usize = 384 * 1024;

/// A genesis file: 128 validators of 75 bytes, 128 allocations of 145 and a few lines.
pub const MAX_GENESIS_BYTES: usize = 32 * 1024;

/// Above this, JavaScript numbers lose digits: JSON forms write such integers as decimal strings.
pub const MAX_JSON_INTEGER: u64 = (1 << 53) - 1;

const _: () = assert!(MAX_ENTRY_BYTES + 16 <= MAX_PAGE_BYTES);
const _: () =
    assert!(RECEIPT_PAGE_BYTES <= MAX_PAGE_BYTES && MAX_PAGE_BYTES.is_multiple_of(PAGE_PADDING_BYTES));
const _: () = assert!(MAX_INLINE_BYTES + MAX_TOUCHED_BYTES + MAX_TOUCHES * 12 + 512 <= MAX_ENTRY_BYTES);
const _: () = assert!(MAX_SPEC_BYTES + 256 <= MAX_ENTRY_BYTES);
// Places inside a bundle, a batch and a block are 16-bit numbers, and a path covers as many.
const _: () = assert!(MAX_PATH_DIGESTS == 16);
const _: () = assert!(MAX_BUNDLE_PAGES <= 1 << MAX_PATH_DIGESTS);
const _: () = assert!(MAX_BATCH_BUNDLES <= 1 << MAX_PATH_DIGESTS);
const _: () = assert!(MAX_BLOCK_BATCHES <= 1 << MAX_PATH_DIGESTS);
const _: () = assert!(MAX_BUNDLE_BYTES < MAX_BATCH_BYTES && MAX_BATCH_BYTES <= u32::MAX as usize);
const _: () = assert!(MAX_VALIDATORS * 65 + 64 <= MAX_CERTIFICATE_BYTES);
const _: () =
    assert!(MAX_PAGE_BYTES + 3 * MAX_PATH_DIGESTS * 32 + MAX_CERTIFICATE_BYTES + 1024 <= MAX_PROOF_BYTES);
