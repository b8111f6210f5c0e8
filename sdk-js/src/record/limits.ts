/**
 * Every bound of the format. The reasons for the numbers are in `record/src/limits.rs`, of which this is a copy:
 * bytes beyond a bound are refused by every verifier in every language.
 */

export const MAX_ENTRY_BYTES = 12 * 1024;
export const MAX_PAGE_BYTES = 16 * 1024;
/** Pages are hashed zero-padded to a multiple of this. */
export const PAGE_PADDING_BYTES = 4 * 1024;
export const MAX_PATH_DIGESTS = 16;
export const MAX_BUNDLE_PAGES = 1024;
export const MAX_BUNDLE_BYTES = 4 * 1024 * 1024 - 8 * 1024;
export const MAX_BUNDLE_HEADER_BYTES = 160;
export const MAX_BATCH_BYTES = 8 * 1024 * 1024 - 8 * 1024;
export const MAX_BATCH_BUNDLES = 4096;
export const MAX_BATCH_HEADER_BYTES = 64;
export const MAX_SEALED_HEADER_BYTES = MAX_BATCH_HEADER_BYTES + 64 + 8;
export const MAX_EQUIVOCATION_BYTES = 2 * MAX_SEALED_HEADER_BYTES + 8;
export const MAX_DOUBLE_VOTE_BYTES = 320;
export const MAX_OFFENCE_BYTES = Math.max(MAX_EQUIVOCATION_BYTES, MAX_DOUBLE_VOTE_BYTES);
export const MAX_BLOCK_BATCHES = 1024;
export const MAX_BLOCK_HEADER_BYTES = 160;
export const MAX_VALIDATORS = 128;
export const MAX_CERTIFICATE_BYTES = 9 * 1024;
export const MAX_COMMITTEE_BYTES = 5 * 1024;
export const MIN_EPOCH_BLOCKS = 8n;
export const MAX_EPOCH_BLOCKS = 2n ** 40n;
export const MAX_HANDOVER_BYTES = MAX_CERTIFICATE_BYTES + MAX_COMMITTEE_BYTES + 256;
export const MAX_HANDOVERS = 256;
export const MAX_DESCENT = 256;
export const MAX_PROOF_BYTES = 192 * 1024;
export const MAX_INLINE_BYTES = 4 * 1024;
export const MAX_FUNCTION_NAME_BYTES = 63;
export const MAX_EXPORT_NAME_BYTES = 256;
export const MAX_TOUCHES = 64;
export const MAX_TOUCH_TARGET_BYTES = 272;
export const MAX_TOUCHED_BYTES = 5 * 1024;
export const MAX_PATH_BYTES = 512;
export const MAX_PATH_LABEL_BYTES = 128;
export const MAX_SPEC_BYTES = 10 * 1024;
export const MAX_SPEC_LIST = 256;
export const MAX_SPEC_TEXT_BYTES = 2048;
export const MAX_COMPONENT_BYTES = 64 * 1024 * 1024;
export const MAX_PATH_LABELS = 32;
export const MAX_VARIABLE_BYTES = 32;
export const MAX_RULE_BYTES = 1024;
export const MAX_CRON_BYTES = 64;
export const MAX_TRIGGER_ACCOUNTS = 64;
export const MAX_TOGETHER = 1024;
export const MAX_REPLICAS_K = 7;
export const MAX_OFFERED_FUNCTIONS = 64;
export const MAX_OFFERED_REPLICAS = 16;
export const MAX_OFFERED_SANDBOXES = 2;
export const MAX_ENGINE_BYTES = 32;
export const MAX_WORKER_FAULTS = 8;
export const MAX_ALLOCATIONS = 128;
export const MAX_VOTED_PRICE = 2n ** 40n;
export const MAX_NETWORK_NAME_BYTES = 63;
export const MAX_HEAD_BYTES = 128 * 1024;
export const MAX_HEAD_FIELDS = 256;
export const MAX_STATE_DEPTH = 256;
export const MAX_STATE_KEY_BYTES = 640;
export const MAX_STATE_VALUE_BYTES = 128 * 1024;
export const MAX_STATE_PROOF_BYTES = MAX_STATE_VALUE_BYTES + 16 * 1024 + MAX_PROOF_BYTES;
export const MAX_STATE_FILE_BYTES = 768 * 1024;
export const MAX_WAITING_PARTS = 12;
export const MAX_STAKED_REPLICAS = 8;
export const MAX_RECEIPT_FILE_BYTES = 384 * 1024;
export const MAX_GENESIS_BYTES = 32 * 1024;
/** JSON forms write larger integers as decimal strings. */
export const MAX_JSON_INTEGER = 2n ** 53n - 1n;
export const MAX_U8 = 0xff;
export const MAX_U16 = 0xffff;
export const MAX_U32 = 0xffff_ffff;
export const MAX_U64 = 2n ** 64n - 1n;
