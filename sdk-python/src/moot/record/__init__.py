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
from moot.record.batch import Batch, BatchHeader, BlockHeader, SealedBatch
from moot.record.bundle import Bundle, BundleHeader
from moot.record.call import Call, CallKind
from moot.record.certificate import CertificateError, quorum, verify_certificate, verify_certificate_by
from moot.record.committee import Committee, Epochs
from moot.record.entry import Entry, decode_entry, encode_entry, entry_digest, entry_json, entry_kind
from moot.record.fixed import AccountId, Digest, Signature
from moot.record.genesis import Allocation, Genesis, GenesisError, Prices
from moot.record.grants import Directory, Grants
from moot.record.handover import Handover
from moot.record.hash import Domain, component_digest
from moot.record.heads import EventInput, HttpRequestHead, HttpResponseHead
from moot.record.key import Keypair, SignatureError, verify
from moot.record.page import pack_pages, page_digest, parse_page
from moot.record.payload import Payload, Value, check_path, payload_digest
from moot.record.proof import Proof, Proven, Signed, SignedEntry
from moot.record.receipt import Fee, Receipt, Status, Touch, TouchKind
from moot.record.receipt_file import RECEIPT_FORMAT, Checked, Evidence, Finality, ReceiptFile
from moot.record.socket_address import SocketAddress
from moot.record.spec import FunctionKind, Limits, Payer, Payloads, Spec, accounts
from moot.record.transaction import (
    Deploy,
    Own,
    Retire,
    Role,
    Rollback,
    Rule,
    Seat,
    Together,
    Transaction,
    Transfer,
)

__all__ = [
    "RECEIPT_FORMAT",
    "AccountId",
    "Allocation",
    "Batch",
    "BatchHeader",
    "BlockHeader",
    "Bundle",
    "BundleHeader",
    "Call",
    "CallKind",
    "CertificateError",
    "Checked",
    "Committee",
    "Deploy",
    "Digest",
    "Directory",
    "Domain",
    "Entry",
    "EntryId",
    "Epochs",
    "EventInput",
    "Evidence",
    "Fee",
    "Finality",
    "FunctionKind",
    "Genesis",
    "GenesisError",
    "Grants",
    "Handover",
    "HttpRequestHead",
    "HttpResponseHead",
    "Keypair",
    "Limits",
    "Own",
    "Payer",
    "Payload",
    "Payloads",
    "Prices",
    "Proof",
    "Proven",
    "Receipt",
    "ReceiptFile",
    "Retire",
    "Role",
    "Rollback",
    "Rule",
    "SealedBatch",
    "Seat",
    "Signature",
    "SignatureError",
    "Signed",
    "SignedEntry",
    "SocketAddress",
    "Spec",
    "Status",
    "Together",
    "Touch",
    "TouchKind",
    "Transaction",
    "Transfer",
    "Value",
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
