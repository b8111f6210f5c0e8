"""Every bound of the format, as `record/src/limits.rs` has them, each with the reason for its number.

A bound here is part of the format: bytes beyond it are refused by every verifier in every language.
"""

MAX_ENTRY_BYTES = 12 * 1024
"""An entry fits one page with the page's own framing."""

MAX_PAGE_BYTES = 16 * 1024
"""BLAKE3 runs at full width, and a proof that carries a page stays under 20 KiB."""

RECEIPT_PAGE_BYTES = 4 * 1024
"""Receipts are what people keep and send."""

PAGE_PADDING_BYTES = 4 * 1024
"""Pages are hashed zero-padded to this step: BLAKE3 is slow on a partial chunk."""

MAX_PATH_DIGESTS = 16
"""65,536 leaves: every index below a block fits 16 bits."""

MAX_BUNDLE_PAGES = 1024
"""4 MiB of nothing but full receipt pages."""

MAX_BUNDLE_BYTES = 4 * 1024 * 1024 - 8 * 1024
"""Two full bundles fit one batch."""

MAX_BUNDLE_HEADER_BYTES = 160
"""Five fields at their longest, with slack."""

MAX_BATCH_BYTES = 8 * 1024 * 1024 - 8 * 1024
"""One row and one message to peers."""

MAX_BATCH_HEADER_BYTES = 64
"""Four fields at their longest, with slack."""

MAX_SEALED_HEADER_BYTES = MAX_BATCH_HEADER_BYTES + 64 + 8
"""A batch's header, its owner's signature and the heads of both."""

MAX_EQUIVOCATION_BYTES = 2 * MAX_SEALED_HEADER_BYTES + 8
"""Two of them, and the heads of both."""

MAX_DOUBLE_VOTE_BYTES = 320
"""Two votes for blocks, whose they are and when, with slack."""

MAX_OFFENCE_BYTES = max(MAX_EQUIVOCATION_BYTES, MAX_DOUBLE_VOTE_BYTES)
"""Either of them."""

MAX_SEALED_BATCH_BYTES = MAX_BATCH_BYTES + 80
"""A batch, its owner's signature and the heads of both."""

MAX_BATCH_BUNDLES = 4096
"""Keeps the cost of checking one batch's signatures bounded."""

MAX_BLOCK_BATCHES = 1024
"""A block carries digests only."""

MAX_BLOCK_HEADER_BYTES = 160
"""Seven fields at their longest, with slack."""

MAX_VALIDATORS = 128
"""Certificates grow by 64 bytes a vote."""

MAX_CERTIFICATE_BYTES = 9 * 1024
"""128 votes of 64 bytes, the bitmap and the proposal."""

MAX_COMMITTEE_BYTES = 5 * 1024
"""128 members of 34 bytes, and their number."""

MIN_EPOCH_BLOCKS = 8
"""Below this an epoch would be over before its validators have all heard of it."""

MAX_EPOCH_BLOCKS = 1 << 40
"""Above this (a century of busy blocks) nobody would live to see a change."""

MAX_HANDOVER_BYTES = MAX_CERTIFICATE_BYTES + MAX_COMMITTEE_BYTES + 256
"""A header that names a committee, a certificate, and the committee."""

MAX_HANDOVERS = 256
"""Of four replicas each takes 550 bytes, so that this many fit a proof: a change a week for five years."""

MAX_DESCENT = 256
"""Blocks between one without a certificate of its own and its certified descendant."""

MAX_PROOF_BYTES = 192 * 1024
"""A page, three paths, four headers, a certificate and the longest descent take 61 KiB; the rest is for handovers."""

MAX_STATE_DEPTH = 256
"""A way in the state's tree has as many steps as a place has bits."""

MAX_STATE_KEY_BYTES = 640
"""The longest key of the state is a path, with its heads."""

MAX_STATE_VALUE_BYTES = 128 * 1024
"""A value that a proof can show: a function with a hundred versions of one kilobyte."""

MAX_STATE_PROOF_BYTES = MAX_STATE_VALUE_BYTES + 16 * 1024 + MAX_PROOF_BYTES
"""A value, a way, and what leads to the votes."""

MAX_STATE_FILE_BYTES = 768 * 1024
"""A state's proof in base64, and its readable form."""

MAX_WAITING_PARTS = 12
"""Parts of a stake that wait for their heights: eight that the ledger rounds together, and a few that it could not."""

MAX_STAKED_REPLICAS = 8
"""Replicas that one stake is behind."""

MAX_VERSIONS_KEPT = 256
"""Versions of a function that its record has: the ledger lets go of older ones."""

MAX_INLINE_BYTES = 4 * 1024
"""Small public messages ride in the entry."""

MAX_FUNCTION_NAME_BYTES = 63
"""A DNS label's length."""

MAX_EXPORT_NAME_BYTES = 256
"""The longest WIT export path seen in practice is under 120 bytes."""

MAX_TOUCHES = 64
"""More distinct outside targets than this are counted together."""

MAX_TOUCH_TARGET_BYTES = 272
"""`https://`, a 253-byte host name and a port, with slack."""

MAX_TOUCHED_BYTES = 5 * 1024
"""All targets of one receipt: leaves room for an inline output."""

MAX_PATH_BYTES = 512
"""A path of sixteen 31-byte labels."""

MAX_PATH_LABEL_BYTES = 128
"""A label is a name, not a document."""

MAX_SPEC_BYTES = 10 * 1024
"""A deploy carries the spec whole and must fit one entry."""

MAX_SPEC_LIST = 256
"""No list in a spec has a use for more members."""

MAX_SPEC_TEXT_BYTES = 2048
"""Environment values, allowed hosts, names: a line, not a file."""

MAX_COMPONENT_BYTES = 64 * 1024 * 1024
"""Above this it is a bundle of data, not code."""

MAX_PATH_LABELS = 32
"""As deep as anybody organises anything."""

MAX_VARIABLE_BYTES = 32
"""The name of a variable in a pattern: a word."""

MAX_RULE_BYTES = 1024
"""A rule is a sentence, not a program."""

MAX_CRON_BYTES = 64
"""Five fields of a schedule, with lists in each."""

MAX_TRIGGER_ACCOUNTS = 64
"""Above this it is a rule."""

MAX_REPLICAS_K = 7
"""Workers that run one call."""

MAX_OFFERED_FUNCTIONS = 64
"""Functions that a worker names in its offer."""

MAX_OFFERED_REPLICAS = 16
"""Replicas that a worker names as joined."""

MAX_OFFERED_SANDBOXES = 2
"""As many kinds of sandbox as there are."""

MAX_ENGINE_BYTES = 32
"""An engine's name: a program, its version, and one of whoever changed it, with room to spare."""

MAX_WORKER_FAULTS = 8
"""Faults that the state holds of a worker, the newest."""

MAX_VOTED_PRICE = 1 << 40
"""With larger prices a slip of the hand would stop every account at once."""

MAX_TOGETHER = 1024
"""What is done for transactions that count together may have to be undone."""

MAX_ALLOCATIONS = 128
"""With the most validators they fit a genesis file."""

MAX_U64 = (1 << 64) - 1

MAX_NETWORK_NAME_BYTES = 63
"""A network's name is shown in prompts and file names."""

MAX_HEAD_BYTES = 128 * 1024
"""What HTTP servers accept by default for a head, with room for framing."""

MAX_HEAD_FIELDS = 256
"""The gateway admits 100, and a response may repeat `set-cookie`."""

MAX_RECEIPT_FILE_BYTES = 384 * 1024
"""A proof in base64 (256 KiB), an entry, and their readable form."""

MAX_GENESIS_BYTES = 32 * 1024
"""128 validators of 70 bytes and a few lines."""

MAX_JSON_INTEGER = (1 << 53) - 1
"""Above this, JavaScript numbers lose digits: JSON forms write such integers as decimal strings."""

MAX_JSON_DEPTH = 127
"""Arrays and objects inside each other, as many as the Rust reader takes. Records need six."""
