"""A batch's header, alone and with its owner's seal, and two seals that prove that the owner sealed twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import Invalid
from moot.record import hash as domains
from moot.record.fixed import Digest, Signature
from moot.record.item import Record, read_nested, write_nested
from moot.record.limits import (
    MAX_BATCH_BUNDLES,
    MAX_BATCH_HEADER_BYTES,
    MAX_EQUIVOCATION_BYTES,
    MAX_SEALED_HEADER_BYTES,
)

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer


@dataclass(frozen=True, slots=True)
class BatchHeader(Record):
    """`[lane, seq, bundles, root]`."""

    lane: int
    seq: int
    bundles: int
    root: Digest

    MAX_BYTES = MAX_BATCH_HEADER_BYTES

    def __post_init__(self) -> None:
        if not 1 <= self.bundles <= MAX_BATCH_BUNDLES:
            raise Invalid("batch.bundles", f"{self.bundles}; a batch has 1 to {MAX_BATCH_BUNDLES} bundles")

    def digest(self) -> Digest:
        """A leaf of its block's tree."""
        return domains.BATCH.hash(self.encode())

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(4)
        w.uint(self.lane, 32)
        w.uint(self.seq)
        w.uint(self.bundles)
        self.root.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(4)
        return cls(r.small(32), r.uint(), r.small(32), Digest.read(r))


@dataclass(frozen=True, slots=True)
class SealedHeader(Record):
    """`[bytes signature, bytes batch header]`: what proves that a lane's owner sealed a batch."""

    seal: Signature
    header: BatchHeader

    MAX_BYTES = MAX_SEALED_HEADER_BYTES

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        self.seal.write(w)
        write_nested(w, self.header)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        return cls(Signature.read(r), read_nested(r, BatchHeader, MAX_BATCH_HEADER_BYTES))


@dataclass(frozen=True, slots=True)
class Equivocation(Record):
    """Two seals of one lane and sequence number: they prove that the owner sealed twice."""

    first: SealedHeader
    second: SealedHeader

    MAX_BYTES = MAX_EQUIVOCATION_BYTES

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        write_nested(w, self.first)
        write_nested(w, self.second)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        first = read_nested(r, SealedHeader, MAX_SEALED_HEADER_BYTES)
        return cls(first, read_nested(r, SealedHeader, MAX_SEALED_HEADER_BYTES))
