"""A batch: the bundles that one replica seals together; and the block that puts batches in order.

A batch travels and is stored sealed: its lane's owner signs `network || batch digest` in the seal domain. Anybody can
make a batch that says it is the next one of a lane; the seal is what makes it the owner's, on one network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import DecodeError, Invalid
from moot.record import hash as domains
from moot.record import merkle
from moot.record.batch_header import BatchHeader
from moot.record.bundle import Bundle
from moot.record.fixed import ZERO, Digest, Signature
from moot.record.item import Record, read_nested, write_nested
from moot.record.key import SignatureError, verify
from moot.record.limits import (
    MAX_BATCH_BUNDLES,
    MAX_BATCH_BYTES,
    MAX_BATCH_HEADER_BYTES,
    MAX_BLOCK_BATCHES,
    MAX_BLOCK_HEADER_BYTES,
    MAX_BUNDLE_BYTES,
    MAX_SEALED_BATCH_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.fixed import AccountId
    from moot.record.genesis import Genesis

_BLOCK_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Batch(Record):
    """`[bytes header, [bytes bundle, ...]]`."""

    header: BatchHeader
    bundles: tuple[Bundle, ...]

    MAX_BYTES = MAX_BATCH_BYTES

    def __post_init__(self) -> None:
        if len(self.bundles) != self.header.bundles:
            why = f"the header announces {self.header.bundles} bundles, {len(self.bundles)} follow"
            raise Invalid("batch.bundles", why)

    def digest(self) -> Digest:
        """A leaf of its block's tree."""
        return self.header.digest()

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        write_nested(w, self.header)
        w.array(len(self.bundles))
        for bundle in self.bundles:
            write_nested(w, bundle)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        header = read_nested(r, BatchHeader, MAX_BATCH_HEADER_BYTES)
        count = r.list(MAX_BATCH_BUNDLES)
        return cls(header, tuple(read_nested(r, Bundle, MAX_BUNDLE_BYTES) for _ in range(count)))


@dataclass(frozen=True, slots=True)
class SealedBatch(Record):
    """`[bytes signature, bytes batch]`: what replicas send each other and what they store."""

    seal: Signature
    batch: Batch

    MAX_BYTES = MAX_SEALED_BATCH_BYTES

    def verify(self, genesis: Genesis, later: Sequence[AccountId] = ()) -> None:
        """Checks the owner's seal, both roots, every page's form, and every bundle's network and signature.

        Entries need not decode: one that does not is on the ledger and says nothing.

        Args:
            genesis: its validators own the first lanes.
            later: who got a seat later, in the order of the blocks: they own the lanes after those.

        Raises:
            DecodeError: when something does not fit.
            SignatureError: when the seal or a bundle's signature is another's.
        """
        header = self.batch.header
        network = genesis.network()
        owner = lane_owner((*genesis.validators, *later), header.lane)
        try:
            verify(owner, domains.SEAL, bytes(network) + bytes(header.digest()), self.seal)
        except SignatureError as error:
            where = f"batch {header.seq} of lane {header.lane}"
            raise SignatureError(f"the seal of {where} does not fit: {error}") from None
        found = merkle.root([bundle.digest() for bundle in self.batch.bundles])
        if found != header.root:
            raise DecodeError(f"the bundles hash to {found}, the header says {header.root}")
        for number, bundle in enumerate(self.batch.bundles):
            try:
                bundle.check_pages()
                if bundle.header.network != network:
                    raise DecodeError(f"it is signed for network {bundle.header.network}")
                bundle.header.verify(bundle.signature)
            except DecodeError as error:
                raise DecodeError(f"bundle {number}: {error}") from None
            except SignatureError as error:
                raise SignatureError(f"bundle {number}: {error}") from None

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        self.seal.write(w)
        write_nested(w, self.batch)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        return cls(Signature.read(r), read_nested(r, Batch, MAX_BATCH_BYTES))


def lane_owner(owners: Sequence[AccountId], lane: int) -> AccountId:
    """Whose seals count in a lane: the account at that place, for ever.

    Raises:
        DecodeError: when nobody owns the lane.
    """
    if lane >= len(owners):
        raise DecodeError(f"lane {lane} has no owner: there are {len(owners)} lanes")
    return owners[lane]


@dataclass(frozen=True, slots=True)
class BlockHeader(Record):
    """What the replicas' votes are about: `[height, parent, time_ms, state, batches, root]`, and `committee`.

    Attributes:
        time_ms: the block's time, milliseconds since 1970.
        state: the root of a recent state.
        committee: the digest of the committee of the next epoch, in the last block of an epoch before another
            committee; without it the header has six fields.
    """

    height: int
    parent: Digest
    time_ms: int
    state: Digest
    batches: int
    root: Digest
    committee: Digest | None = None

    MAX_BYTES = MAX_BLOCK_HEADER_BYTES

    def __post_init__(self) -> None:
        if not 0 <= self.batches <= MAX_BLOCK_BATCHES:
            raise Invalid("block.batches", f"{self.batches}; a block has at most {MAX_BLOCK_BATCHES} batches")
        if self.batches == 0 and self.root != ZERO:
            raise Invalid("block.root", "a block without batches has a root of zeros")

    def digest(self) -> Digest:
        """What the certificate names, and the next block as its parent."""
        return domains.BLOCK.hash(self.encode())

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(_BLOCK_FIELDS + (self.committee is not None))
        w.uint(self.height)
        self.parent.write(w)
        w.uint(self.time_ms)
        self.state.write(w)
        w.uint(self.batches)
        self.root.write(w)
        if self.committee is not None:
            self.committee.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        named = r.one_more_than(_BLOCK_FIELDS, "the block's header")
        height, parent, time_ms, state = r.uint(), Digest.read(r), r.uint(), Digest.read(r)
        batches, root = r.small(32), Digest.read(r)
        return cls(height, parent, time_ms, state, batches, root, Digest.read(r) if named else None)
