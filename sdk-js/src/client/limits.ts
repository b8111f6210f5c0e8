/** Bounds of the client, each with its reason: a node that hangs or floods cannot do so to its client. */

/** How long an answer that needs no computing may take. */
export const ANSWER_TIMEOUT_MS = 30_000;
/** The same where the node compiles, runs a call or waits for finality first: above each of the node's own limits. */
export const LONG_TIMEOUT_MS = 180_000;
/** Largest answer that is read: a component may have 64 MiB, and nothing is larger. */
export const MAX_ANSWER_BYTES = 65 * 1024 * 1024;
/** How often a request that may be repeated is sent again: with doubling pauses about three seconds in all. */
export const RETRIES = 5;
/** The first pause; each further one is twice as long. */
export const FIRST_PAUSE_MS = 100;
/** The longest pause between two tries, whatever the node asks for. */
export const MAX_PAUSE_MS = 5_000;
/** Largest single event of a stream: a log line is at most 64 KiB, so this is generous. */
export const MAX_EVENT_BYTES = 1024 * 1024;
/** How long a stream may be silent: a node sends a comment every 15 seconds, so that dead connections show. */
export const MAX_SILENCE_MS = 60_000;
/** Entries in one part of a list that is read in parts: half a megabyte of JSON, or a megabyte of values. */
export const LISTED = 200;
/** Longest idempotency key that a node takes. */
export const MAX_IDEMPOTENCY_KEY_BYTES = 255;
/** Transactions are valid for this many blocks: at 240 a second still half a minute, at one a second two hours. */
export const BUNDLE_VALIDITY_BLOCKS = 7_200n;

// Bounds of a manifest, as the command line has them.
/** About a quarter of an hour of computing. More is a batch job. */
export const MAX_FUEL = 10_000_000_000_000n;
/** A caller's connection seldom lives longer than 15 minutes. */
export const MAX_DEADLINE_MS = 15n * 60_000n;
/** What a node's instance pool is made for. */
export const MAX_MEMORY_BYTES = 1n << 30n;
/** Payloads are kept in one piece. */
export const MAX_PAYLOAD_BYTES = 64n << 20n;
/** What a person would still scroll through. */
export const MAX_LOG_BYTES = 16n << 20n;
/** Ten years, the longest that bookkeeping laws ask for. */
export const MAX_RETENTION_MS = 3653n * 86_400_000n;
/** A function that needs more grants of one kind wants to be several. */
export const MAX_GRANTS = 64;
/** Longest name, route or value: it goes into every version that the ledger keeps. */
export const MAX_MANIFEST_TEXT_BYTES = 1024;
