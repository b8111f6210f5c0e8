"""The receipt file: what people keep, readable and provable.

```text
{ "format": "moot-receipt-1", "network": ..., "worker": ...,
  "receipt": { every field of the receipt },
  "call": { every field of the call }, "call_entry": "<base64url>",        when the call is known
  "id": ..., "block": { "height", "time_ms", "epoch", "view" }, "proof": "<base64url>"      when it is final
  "signed": "<base64url>"                                                                      before that }
```

Only the base64url parts are evidence. Checking makes the readable part anew from what they prove and compares the two,
field by field: nothing that a person reads in a good file is unproven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.errors import DecodeError, ParseError, ProofError, shown
from moot.record import strict_json
from moot.record.call import Call
from moot.record.certificate import certificate_round
from moot.record.entry import Entry, decode_entry, entry_digest, entry_kind
from moot.record.limits import MAX_ENTRY_BYTES, MAX_PROOF_BYTES, MAX_RECEIPT_FILE_BYTES
from moot.record.proof import Proof, SignedEntry
from moot.record.receipt import Receipt
from moot.record.text import base64url, read_base64url

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.address import EntryId
    from moot.record.fixed import AccountId, Digest
    from moot.record.genesis import Genesis

RECEIPT_FORMAT = "moot-receipt-1"

Evidence = SignedEntry | Proof
"""What vouches for a receipt: the worker's signature, or that and the ledger's certificate."""


@dataclass(frozen=True, slots=True)
class Finality:
    """Where and when the ledger ordered a receipt.

    Attributes:
        id: the receipt's own address.
        time_ms: the block's time, milliseconds since 1970.
    """

    id: EntryId
    height: int
    time_ms: int
    epoch: int
    view: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What a checked file proves.

    Attributes:
        worker: the account that signed the receipt.
        call: the call, when the file has it: its digest is the one that the receipt names.
        finality: where it stands, when the file has the ledger's certificate.
    """

    receipt: Receipt
    worker: AccountId
    call: Call | None
    finality: Finality | None


class ReceiptFile:
    """A receipt with its evidence in the form that people keep. `check` says what it proves."""

    __slots__ = ("_call_entry", "_shown", "evidence")

    evidence: Evidence
    """The evidence in the file, not verified."""

    def __init__(self, evidence: Evidence, call_entry: bytes | None, readable: dict[str, Any]) -> None:
        """Takes the parts as they are; `make` and `parse` put them together."""
        self.evidence = evidence
        self._call_entry = call_entry
        self._shown = readable

    @classmethod
    def make(cls, evidence: Evidence, call_entry: bytes | None = None) -> Self:
        """Makes the file from evidence, and from the call's entry when it is known. Verifies nothing.

        Raises:
            ProofError: when the evidence does not hold a receipt, or the entry is not the call that it names.
        """
        signed = evidence.entry if isinstance(evidence, Proof) else evidence
        receipt = _receipt_of(signed.read_entry()[0])
        call = None if call_entry is None else _call_of(call_entry, receipt)
        finality = None
        if isinstance(evidence, Proof):
            epoch, view = certificate_round(evidence.certificate)
            block = evidence.block_header
            finality = Finality(evidence.id(), block.height, block.time_ms, epoch, view)
        checked = Checked(receipt, signed.bundle_header.account, call, finality)
        return cls(evidence, call_entry, _show(signed.bundle_header.network, checked, evidence, call_entry))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a file. Its form is checked, what it says is not.

        Raises:
            ProofError: when it is no receipt file.
        """
        try:
            readable = strict_json.parse(text, MAX_RECEIPT_FILE_BYTES)
        except strict_json.JsonError as error:
            raise ProofError("file", f"not a receipt file: {error}") from None
        found = readable.get("format") if isinstance(readable, dict) else None
        if found != RECEIPT_FORMAT or not isinstance(readable, dict):
            said = shown(found) if isinstance(found, str) else '""'
            why = f'{said} is not "{RECEIPT_FORMAT}", the format that this version reads'
            raise ProofError("format", why)
        return cls(_read_evidence(readable), _read_bytes(readable, "call_entry", MAX_ENTRY_BYTES), readable)

    def to_json(self) -> dict[str, Any]:
        """Everything as the file shows it, evidence included."""
        return dict(self._shown)

    def to_text(self) -> str:
        """The file's text."""
        return strict_json.pretty(self._shown)

    def check(self, genesis: Genesis) -> Checked:
        """Verifies the evidence, and that every readable field says what it proves.

        Raises:
            ProofError: names the first field that does not fit.
        """
        finality = None
        if isinstance(self.evidence, Proof):
            proven = self.evidence.verify(genesis)
            entry, worker = proven.entry, proven.account
            finality = Finality(proven.id, proven.height, proven.time_ms, proven.epoch, proven.view)
        else:
            signed = self.evidence.verify(genesis)
            entry, worker = signed.entry, signed.account
        receipt = _receipt_of(entry)
        call = None if self._call_entry is None else _call_of(self._call_entry, receipt)
        checked = Checked(receipt, worker, call, finality)
        anew = _show(genesis.network(), checked, self.evidence, self._call_entry)
        difference = strict_json.first_difference(self._shown, anew)
        if difference is not None:
            field, says, signed_says = difference
            raise ProofError(field, f"the file says {says}, what was signed says {signed_says}")
        return checked


def _receipt_of(entry: Entry) -> Receipt:
    if isinstance(entry, Receipt):
        return entry
    raise ProofError("receipt", f"what is proven is a {entry_kind(entry)}, not a receipt")


def _call_of(encoded: bytes, receipt: Receipt) -> Call:
    digest = entry_digest(encoded)
    if digest != receipt.call_digest:
        why = f"its digest is {digest}, the receipt is of the call with digest {receipt.call_digest}"
        raise ProofError("call_entry", why)
    try:
        entry = decode_entry(encoded)
    except DecodeError as error:
        raise ProofError("call_entry", str(error)) from None
    if isinstance(entry, Call):
        return entry
    raise ProofError("call_entry", f"it is a {entry_kind(entry)}, not a call")


def _show(network: Digest, checked: Checked, evidence: Evidence, call_entry: bytes | None) -> dict[str, Any]:
    """The readable form of what was proven, with the evidence as the file has it."""
    file: dict[str, Any] = {
        "format": RECEIPT_FORMAT,
        "network": str(network),
        "worker": str(checked.worker),
    }
    final = checked.finality
    if final is not None:
        file["id"] = str(final.id)
        file["block"] = {
            "height": final.height,
            "time_ms": final.time_ms,
            "epoch": final.epoch,
            "view": final.view,
        }
    file["receipt"] = checked.receipt.to_json()
    if checked.call is not None and call_entry is not None:
        file["call"] = checked.call.to_json()
        file["call_entry"] = base64url(call_entry)
    file["proof" if isinstance(evidence, Proof) else "signed"] = base64url(evidence.encode())
    return file


def _read_evidence(readable: dict[str, Any]) -> Evidence:
    proof = _read_bytes(readable, "proof", MAX_PROOF_BYTES)
    signed = _read_bytes(readable, "signed", MAX_PROOF_BYTES)
    if proof is not None and signed is not None:
        raise ProofError("signed", "the file has both proof and signed")
    try:
        if proof is not None:
            return Proof.decode(proof)
        if signed is not None:
            return SignedEntry.decode(signed)
    except DecodeError as error:
        raise ProofError("signed" if proof is None else "proof", str(error)) from None
    raise ProofError("proof", "the file has neither proof nor signed")


def _read_bytes(readable: dict[str, Any], field: str, most: int) -> bytes | None:
    if field not in readable:
        return None
    text = readable[field]
    if not isinstance(text, str):
        raise ProofError(field, "it is not a string")
    if len(text) > (most * 4 + 2) // 3:
        raise ProofError(field, f"{len(text)} characters; at most {most} bytes")
    try:
        return read_base64url(text)
    except ParseError as error:
        raise ProofError(field, f"it is not base64url without padding: {error}") from None
