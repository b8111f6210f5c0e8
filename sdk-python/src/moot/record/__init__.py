"""What is signed on the ledger, and how it is checked: a port of the `record` crate, held to `record/vectors.json`.

```text
Entry ──► page ──► Bundle ──sign──► Batch ──► BlockHeader ◄── certificate
  │                                                              │
  └────────────────────────── Proof ─────────────────────────────┘   checked with the Genesis alone
```

No clock and no input or output here. Everything has one encoding (`cbor`) and its own domain (`hash`).

- Requires: a `Genesis` that is believed, and keys that are kept.
- Provides: the same verdict for the same bytes as the node; refusals that name the field.
- Does not provide: that what a worker signed is true; whether the ledger accepted what it ordered; a defence
  against members of an old committee who all sell their keys.
"""

from moot.record.address import EntryId, check_name
from moot.record.batch import Batch, BlockHeader, SealedBatch
from moot.record.batch_header import BatchHeader, Equivocation, SealedHeader
from moot.record.bond import Candidate, Convict, Hold, Release, Stake, Unstake
from moot.record.bundle import Bundle, BundleHeader
from moot.record.call import Call, CallKind
from moot.record.certificate import CertificateError, quorum, verify_certificate, verify_certificate_by
from moot.record.committee import Committee, Epochs
from moot.record.double_vote import Contradiction, DoubleVote, DoubleVoteError, Proposed, Vote
from moot.record.entry import Entry, decode_entry, encode_entry, entry_digest, entry_json, entry_kind
from moot.record.fixed import AccountId, Digest, Signature
from moot.record.genesis import Allocation, Economy, Genesis, GenesisError
from moot.record.grants import Directory, Grants
from moot.record.handover import Handover
from moot.record.hash import Domain, component_digest
from moot.record.heads import EventInput, HttpRequestHead, HttpResponseHead
from moot.record.key import Keypair, SignatureError, verify
from moot.record.page import pack_pages, page_digest, parse_page
from moot.record.payload import Payload, check_path, payload_digest
from moot.record.prices import Prices
from moot.record.proof import Proof, Proven, Signed, SignedEntry
from moot.record.receipt import Fee, Receipt, Status, Touch, TouchKind
from moot.record.receipt_file import RECEIPT_FORMAT, Checked, Evidence, Finality, ReceiptFile
from moot.record.socket_address import SocketAddress
from moot.record.spec import FunctionKind, Limits, Payer, Payloads, Spec, accounts
from moot.record.state import StateKey, StateKind
from moot.record.state_file import STATE_FORMAT, StateFile
from moot.record.state_proof import OtherLeaf, ProvenState, StateProof
from moot.record.state_value import (
    Balance,
    Conviction,
    DeployedVersion,
    FunctionRecord,
    Held,
    PathOwner,
    PathRule,
    Pot,
    PriceList,
    Staked,
    StateValue,
    TriggerSet,
)
from moot.record.transaction import (
    Deploy,
    Freeze,
    Own,
    Retire,
    Revoke,
    Role,
    Rollback,
    Rule,
    Seat,
    SetPrices,
    SetTrigger,
    Together,
    Transaction,
    Transfer,
)
from moot.record.trigger import (
    ByAccounts,
    ByAnyone,
    ByRule,
    OnCompletion,
    OnSchedule,
    OnValue,
    Trigger,
    TriggerAccess,
    TriggerOn,
)
from moot.record.value import Value
from moot.record.work import Sandbox, Work, WorkerFault, WorkerRecord, WorkOffer

__all__ = [
    "RECEIPT_FORMAT",
    "STATE_FORMAT",
    "AccountId",
    "Allocation",
    "Balance",
    "Batch",
    "BatchHeader",
    "BlockHeader",
    "Bundle",
    "BundleHeader",
    "ByAccounts",
    "ByAnyone",
    "ByRule",
    "Call",
    "CallKind",
    "Candidate",
    "CertificateError",
    "Checked",
    "Committee",
    "Contradiction",
    "Convict",
    "Conviction",
    "Deploy",
    "DeployedVersion",
    "Digest",
    "Directory",
    "Domain",
    "DoubleVote",
    "DoubleVoteError",
    "Economy",
    "Entry",
    "EntryId",
    "Epochs",
    "Equivocation",
    "EventInput",
    "Evidence",
    "Fee",
    "Finality",
    "Freeze",
    "FunctionKind",
    "FunctionRecord",
    "Genesis",
    "GenesisError",
    "Grants",
    "Handover",
    "Held",
    "Hold",
    "HttpRequestHead",
    "HttpResponseHead",
    "Keypair",
    "Limits",
    "OnCompletion",
    "OnSchedule",
    "OnValue",
    "OtherLeaf",
    "Own",
    "PathOwner",
    "PathRule",
    "Payer",
    "Payload",
    "Payloads",
    "Pot",
    "PriceList",
    "Prices",
    "Proof",
    "Proposed",
    "Proven",
    "ProvenState",
    "Receipt",
    "ReceiptFile",
    "Release",
    "Retire",
    "Revoke",
    "Role",
    "Rollback",
    "Rule",
    "Sandbox",
    "SealedBatch",
    "SealedHeader",
    "Seat",
    "SetPrices",
    "SetTrigger",
    "Signature",
    "SignatureError",
    "Signed",
    "SignedEntry",
    "SocketAddress",
    "Spec",
    "Stake",
    "Staked",
    "StateFile",
    "StateKey",
    "StateKind",
    "StateProof",
    "StateValue",
    "Status",
    "Together",
    "Touch",
    "TouchKind",
    "Transaction",
    "Transfer",
    "Trigger",
    "TriggerAccess",
    "TriggerOn",
    "TriggerSet",
    "Unstake",
    "Value",
    "Vote",
    "Work",
    "WorkOffer",
    "WorkerFault",
    "WorkerRecord",
    "accounts",
    "check_name",
    "check_path",
    "component_digest",
    "decode_entry",
    "encode_entry",
    "entry_digest",
    "entry_json",
    "entry_kind",
    "pack_pages",
    "page_digest",
    "parse_page",
    "payload_digest",
    "quorum",
    "verify",
    "verify_certificate",
    "verify_certificate_by",
]
