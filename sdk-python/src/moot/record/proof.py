"""Proofs: an entry, the way from it to a signature, and the way from there to a certificate.

```text
entry ─in─► page ─path─► bundle header ◄─signature── account           SignedEntry: the worker's word
                             │
                             └─path─► batch header ─path─► block header ◄─votes── validators     Proof
```

A block agreed on in a view that then timed out has no votes of its own: it is final because a later block, which names
it as its ancestor, is. Its proof has the headers from there down to it, the descent.

Where the committee has changed, the proof has the handovers from the genesis's committee to the one that voted.

- Requires: the genesis of the network, believed.
- Provides: that this account said this entry, for this network (SignedEntry); and that the network's validators put it
  at this place, height and time (Proof).
- Does not provide: that what a worker says is true, nor that the ledger accepted what it ordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import DecodeError, ProofError
from moot.record.address import EntryId
from moot.record.batch import BlockHeader
from moot.record.batch_header import BatchHeader
from moot.record.bundle import BundleHeader
from moot.record.cbor import unknown_number
from moot.record.entry import Entry, decode_entry, entry_digest
from moot.record.fixed import AccountId, Digest, Signature
from moot.record.handover import Handovers, read_handovers, verify_finality, write_handovers
from moot.record.item import Record, read_nested, write_nested
from moot.record.key import SignatureError
from moot.record.limits import (
    MAX_BATCH_HEADER_BYTES,
    MAX_BLOCK_HEADER_BYTES,
    MAX_BUNDLE_HEADER_BYTES,
    MAX_CERTIFICATE_BYTES,
    MAX_DESCENT,
    MAX_PAGE_BYTES,
    MAX_PROOF_BYTES,
)
from moot.record.merkle import Path, climb, read_path, write_path
from moot.record.page import page_digest, parse_page

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.genesis import Genesis

PROOF_VERSION = 1
HANDOVERS_VERSION = 2
"""Of a proof with handovers."""

_SIGNED_FIELDS = 6
_PROOF_FIELDS = 1 + _SIGNED_FIELDS + 8


@dataclass(frozen=True, slots=True)
class Signed:
    """What a `SignedEntry` proves: who said the entry, and until which height it may be ordered."""

    entry: Entry
    account: AccountId
    digest: Digest
    valid_until: int


@dataclass(frozen=True, slots=True)
class Proven:
    """What a `Proof` proves: who said the entry, where it stands, and which votes made it final.

    Attributes:
        time_ms: the block's time, milliseconds since 1970.
        epoch: the epoch of the votes.
        view: the view of the votes: the block's own, or its certified descendant's.
    """

    entry: Entry
    account: AccountId
    digest: Digest
    id: EntryId
    height: int
    time_ms: int
    epoch: int
    view: int


@dataclass(frozen=True, slots=True)
class SignedEntry(Record):
    """An entry with the signature of the account that said it. The whole page is here; `slot` is the entry's place."""

    page: bytes
    slot: int
    page_index: int
    page_path: Path
    bundle_header: BundleHeader
    signature: Signature

    MAX_BYTES = MAX_PROOF_BYTES

    def verify(self, genesis: Genesis) -> Signed:
        """Verifies that the bundle's account signed this entry, for this network.

        Raises:
            ProofError: names what does not fit.
        """
        header = self.bundle_header
        wanted = genesis.network()
        if header.network != wanted:
            why = f"it was signed for network {header.network}, the genesis is of {wanted}"
            raise ProofError("bundle.network", why)
        try:
            leaf = page_digest(self.page)
        except DecodeError as error:
            raise ProofError("page", str(error)) from None
        root = _climb("page_path", leaf, self.page_index, header.pages, self.page_path)
        _same(root, header.root, "page", "bundle")
        try:
            header.verify(self.signature)
        except SignatureError as error:
            raise ProofError("bundle.signature", str(error)) from None
        entry, digest = self.read_entry()
        return Signed(entry, header.account, digest, header.valid_until)

    def read_entry(self) -> tuple[Entry, Digest]:
        """The entry as it stands in the page, and its digest; not verified.

        Raises:
            ProofError: when the page is malformed or has no such slot.
        """
        try:
            entries = parse_page(self.page)
        except DecodeError as error:
            raise ProofError("page", str(error)) from None
        if self.slot >= len(entries):
            raise ProofError("slot", f"the page has {len(entries)} entries, none at {self.slot}")
        encoded = entries[self.slot]
        try:
            return decode_entry(encoded), entry_digest(encoded)
        except DecodeError as error:
            raise ProofError("entry", str(error)) from None

    def write_fields(self, w: Writer) -> None:
        """Appends the fields that a proof has inline."""
        w.uint(self.slot, 16)
        w.byte_string(self.page)
        w.uint(self.page_index, 16)
        write_path(w, self.page_path)
        write_nested(w, self.bundle_header)
        self.signature.write(w)

    @classmethod
    def read_fields(cls, r: Reader) -> Self:
        """Reads the fields that a proof has inline."""
        slot, page, page_index = r.small(16), r.byte_string(MAX_PAGE_BYTES), r.small(16)
        path, header = read_path(r), read_nested(r, BundleHeader, MAX_BUNDLE_HEADER_BYTES)
        return cls(page, slot, page_index, path, header, Signature.read(r))

    def write(self, w: Writer) -> None:
        """Appends its fields after the version."""
        w.array(1 + _SIGNED_FIELDS)
        w.uint(PROOF_VERSION)
        self.write_fields(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads the version and its fields."""
        r.array(1 + _SIGNED_FIELDS)
        _read_version(r, PROOF_VERSION)
        return cls.read_fields(r)


@dataclass(frozen=True, slots=True)
class Proof(Record):
    """An entry with its place on the ledger, certified.

    Attributes:
        descent: headers of the blocks after it, up to the one that the certificate names; nearly always empty.
        certificate: the votes for the last of the descent, or for the block itself.
        handovers: from the genesis's committee to the one that voted; none while there was no other.
    """

    entry: SignedEntry
    bundle_index: int
    bundle_path: Path
    batch_header: BatchHeader
    batch_index: int
    batch_path: Path
    block_header: BlockHeader
    descent: tuple[BlockHeader, ...]
    certificate: bytes
    handovers: Handovers = ()

    MAX_BYTES = MAX_PROOF_BYTES

    def verify(self, genesis: Genesis) -> Proven:
        """Verifies the whole way from the entry to the votes, and from there to the genesis's validators.

        Raises:
            ProofError: names what does not fit.
        """
        signed = self.entry.verify(genesis)
        batch, block = self.batch_header, self.block_header
        bundle = self.entry.bundle_header.digest(self.entry.signature)
        root = _climb("bundle_path", bundle, self.bundle_index, batch.bundles, self.bundle_path)
        _same(root, batch.root, "bundle", "batch")
        root = _climb("batch_path", batch.digest(), self.batch_index, block.batches, self.batch_path)
        _same(root, block.root, "batch", "block")
        if block.height > signed.valid_until:
            why = f"it was valid until height {signed.valid_until} and stands in block {block.height}"
            raise ProofError("bundle.valid_until", why)
        epoch, view = verify_finality(genesis, self.handovers, self.certificate, last_of_descent(block, self.descent))
        return Proven(
            entry=signed.entry,
            account=signed.account,
            digest=signed.digest,
            id=self.id(),
            height=block.height,
            time_ms=block.time_ms,
            epoch=epoch,
            view=view,
        )

    def id(self) -> EntryId:
        """The address that the proof is about, not verified."""
        header = self.batch_header
        return EntryId(header.lane, header.seq, self.bundle_index, self.entry.page_index, self.entry.slot)

    def write(self, w: Writer) -> None:
        """Appends its fields after the version."""
        w.array(_PROOF_FIELDS + bool(self.handovers))
        w.uint(HANDOVERS_VERSION if self.handovers else PROOF_VERSION)
        self.entry.write_fields(w)
        w.uint(self.bundle_index, 16)
        write_path(w, self.bundle_path)
        write_nested(w, self.batch_header)
        w.uint(self.batch_index, 16)
        write_path(w, self.batch_path)
        write_nested(w, self.block_header)
        w.array(len(self.descent))
        for header in self.descent:
            write_nested(w, header)
        w.byte_string(self.certificate)
        if self.handovers:
            write_handovers(w, self.handovers)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads the version and its fields."""
        handed_over = r.one_more_than(_PROOF_FIELDS, "the proof")
        _read_version(r, HANDOVERS_VERSION if handed_over else PROOF_VERSION)
        return cls(
            entry=SignedEntry.read_fields(r),
            bundle_index=r.small(16),
            bundle_path=read_path(r),
            batch_header=read_nested(r, BatchHeader, MAX_BATCH_HEADER_BYTES),
            batch_index=r.small(16),
            batch_path=read_path(r),
            block_header=read_nested(r, BlockHeader, MAX_BLOCK_HEADER_BYTES),
            descent=tuple(read_nested(r, BlockHeader, MAX_BLOCK_HEADER_BYTES) for _ in range(r.list(MAX_DESCENT))),
            certificate=r.byte_string(MAX_CERTIFICATE_BYTES),
            handovers=read_handovers(r) if handed_over else (),
        )


def last_of_descent(header: BlockHeader, descent: tuple[BlockHeader, ...]) -> BlockHeader:
    """The block that the certificate must name: the descent leads to it.

    Raises:
        ProofError: when it does not.
    """
    if len(descent) > MAX_DESCENT:
        raise ProofError("descent", f"{len(descent)} headers; at most {MAX_DESCENT}")
    for child in descent:
        if child.parent != header.digest() or child.height != header.height + 1:
            why = f"what follows block {header.height} does not name it as its parent at the next height"
            raise ProofError("descent", why)
        header = child
    return header


def _read_version(r: Reader, wanted: int) -> None:
    at = r.position
    version = r.uint()
    if version != wanted:
        raise unknown_number("version of the proof format", at, version)


def _climb(field: str, leaf: Digest, index: int, count: int, path: Path) -> Digest:
    try:
        return climb(leaf, index, count, path)
    except DecodeError as error:
        raise ProofError(field, str(error)) from None


def _same(root: Digest, wanted: Digest, part: str, whole: str) -> None:
    if root != wanted:
        why = f"this {part} is not at this place in the {whole}: its path leads to another root"
        raise ProofError(part, why)
