"""A small network made here, which signs and certifies whatever a test wants."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from moot.record import (
    BatchHeader,
    BlockHeader,
    Bundle,
    Committee,
    Epochs,
    Genesis,
    Handover,
    Keypair,
    Payload,
    Prices,
    Proof,
    SignedEntry,
    Value,
    encode_entry,
    merkle,
    pack_pages,
    page_digest,
    quorum,
    zip215,
)
from moot.record.certificate import vote_message, write_varint
from moot.record.fixed import ZERO, Digest
from moot.record.zip215 import ORDER, P, Point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moot.record import Entry

BLOCKS = 10
"""Blocks in an epoch of a network whose committee changes."""

Voter = tuple[int, "Callable[[Keypair, bytes], bytes]"]


def honest(key: Keypair, message: bytes) -> bytes:
    return bytes(key.sign_raw(message))


def odd(key: Keypair, message: bytes) -> bytes:
    """A vote whose R has a torsion component: good by ZIP215, refused by most libraries."""
    digest = bytearray(hashlib.sha512(key.seed()).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    scalar, nonce = int.from_bytes(digest, "little"), 987_654_321
    # The point of order two, (0, -1).
    torsion: Point = (0, P - 1, 1, 0)
    base = zip215.decompress(bytes([0x58]) + bytes([0x66]) * 31)
    assert base is not None
    r = compress(zip215._add(zip215.multiply(nonce, base), torsion))
    k = int.from_bytes(hashlib.sha512(r + bytes(key.account) + message).digest(), "little")
    return r + ((nonce + k * scalar) % ORDER).to_bytes(32, "little")


def compress(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


SAID = Value("/chat/lobby", Payload.inlined(b"hello"))


def certify_by(
    namespace: bytes, members: Sequence[Keypair], voters: Sequence[Voter], at: tuple[int, int], block: Digest
) -> bytes:
    """The votes of some members of a committee in an epoch and a view."""
    epoch, view = at
    proposal = write_varint(epoch) + write_varint(view) + write_varint(view - 1) + bytes(block)
    message = vote_message(namespace, b"_FINALIZE", proposal)
    count = len(members)
    bitmap = sum(1 << place for place, _ in voters).to_bytes((count + 7) // 8, "little")
    votes = b"".join(sign(members[place], message) for place, sign in voters)
    return proposal + count.to_bytes(8, "big") + bitmap + write_varint(len(voters)) + votes


class Network:
    def __init__(self, validators: int = 4) -> None:
        keys = [Keypair(bytes([i + 1]) * 32) for i in range(validators)]
        self.validators = sorted(keys, key=lambda key: bytes(key.account))
        self.worker = Keypair(b"\x63" * 32)
        accounts = tuple(key.account for key in self.validators)
        self.genesis = Genesis(1, "made here", 1_700_000_000_000, accounts, Prices(1, 1))

    def certify(self, block: Digest, voters: Sequence[Voter]) -> bytes:
        return certify_by(self.genesis.namespace(), self.validators, voters, (0, 9), block)

    def prove(self, voters: Sequence[Voter], entry: Entry = SAID, *, valid_until: int = 100, height: int = 7) -> Proof:
        pages = pack_pages([encode_entry(entry)])
        bundle = Bundle.sign(self.worker, self.genesis.network(), valid_until, pages)
        batch = BatchHeader(0, 3, 1, bundle.digest())
        block = BlockHeader(height, ZERO, 1_700_000_000_007, ZERO, 1, batch.digest())
        assert bundle.header.root == merkle.root([page_digest(pages[0])])
        signed = SignedEntry(pages[0], 0, 0, (), bundle.header, bundle.signature)
        return Proof(signed, 0, (), batch, 0, (), block, (), self.certify(block.digest(), voters))

    def descend(self, proof: Proof, heights: Sequence[int], voters: Sequence[Voter]) -> Proof:
        """The same proof, certified by a later block; each header names the one before it as its parent."""
        descent: list[BlockHeader] = []
        parent = proof.block_header.digest()
        for height in heights:
            descent.append(BlockHeader(height, parent, 0, ZERO, 0, ZERO))
            parent = descent[-1].digest()
        return replace(proof, descent=tuple(descent), certificate=self.certify(parent, voters))


class Changing(Network):
    """A network of 4 whose committee changes twice: in epoch 2 a fifth joins, in epoch 4 the first leaves."""

    def __init__(self) -> None:
        super().__init__(4)
        epochs = Epochs(BLOCKS, Keypair(b"\x62" * 32).account)
        self.genesis = replace(self.genesis, version=2, epochs=epochs)
        fifth = [*self.validators, Keypair(bytes([5]) * 32)]
        fifth.sort(key=lambda key: bytes(key.account))
        gone = self.validators[0].account
        self.keys = [self.validators, fifth, [key for key in fifth if key.account != gone]]
        self.committees = [
            Committee(number, tuple(key.account for key in keys)) for number, keys in enumerate(self.keys)
        ]

    def votes(self, number: int, epoch: int, header: BlockHeader) -> bytes:
        """A certificate by a quorum of a committee."""
        namespace = self.committees[number].namespace(self.genesis.network())
        voters = [(place, honest) for place in range(quorum(len(self.keys[number])))]
        return certify_by(namespace, self.keys[number], voters, (epoch, 7), header.digest())

    def certified(self, number: int, epoch: int, handover: Handover) -> Handover:
        """The same handover with the votes of a committee."""
        return replace(handover, certificate=self.votes(number, epoch, handover.header))

    def prove_at(self, height: int, entry: Entry = SAID) -> Proof:
        """A proof in a block of that height, with the handovers that lead to the committee of its epoch."""
        passed = [(1, 2 * BLOCKS - 1), (2, 4 * BLOCKS - 1)]
        handovers = []
        for number, last in [(number, last) for number, last in passed if last < height]:
            committee = self.committees[number]
            header = BlockHeader(last, ZERO, 1_700_000_000_000 + last, ZERO, 0, ZERO, committee.digest())
            handover = Handover(header, b"", committee.members)
            handovers.append(self.certified(number - 1, last // BLOCKS, handover))
        proof = self.prove([], entry, height=height)
        certificate = self.votes(len(handovers), height // BLOCKS, proof.block_header)
        return replace(proof, certificate=certificate, handovers=tuple(handovers))
