"""Proofs of the state: what the network had agreed on about an account, a function, or the lack of one.

```text
key ──► leaf, or none ─path─► state root ◄── block header ◄── [headers ◄──] votes ◄── validators
```

A block carries the root of the state after a block shortly before it, so a proof is as old as that.

- Requires: the genesis of the network, believed.
- Provides: that this value, or none, was under this key in a state that the network's quorum has signed for.
- Does not provide: that it still is. Who needs to know asks for a proof with a later block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import DecodeError, Invalid, ProofError
from moot.record.batch import BlockHeader
from moot.record.cbor import unknown_number
from moot.record.fixed import ZERO, Digest
from moot.record.handover import Handover, Handovers, verify_finality, write_handovers
from moot.record.item import Record, read_nested, write_nested
from moot.record.limits import (
    MAX_BLOCK_HEADER_BYTES,
    MAX_CERTIFICATE_BYTES,
    MAX_DESCENT,
    MAX_HANDOVERS,
    MAX_STATE_DEPTH,
    MAX_STATE_KEY_BYTES,
    MAX_STATE_PROOF_BYTES,
    MAX_STATE_VALUE_BYTES,
)
from moot.record.merkle import Path, write_path
from moot.record.proof import last_of_descent
from moot.record.state import StateKey, bit, climb, leaf_digest, value_digest
from moot.record.state_value import StateValue, state_value

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.genesis import Genesis

STATE_PROOF_VERSION = 1


@dataclass(frozen=True, slots=True)
class OtherLeaf:
    """The leaf of another key that stands at the end of the way: its place, and the digest of its value."""

    place: Digest
    value: Digest


@dataclass(frozen=True, slots=True)
class ProvenState:
    """What a `StateProof` proves.

    Attributes:
        value: the value's encoding; None: the state holds nothing under the key.
        height: of the block that carries the root: the state is that after a block before it.
        time_ms: that block's time, milliseconds since 1970.
    """

    key: StateKey
    value: bytes | None
    height: int
    time_ms: int

    def read(self) -> StateValue | None:
        """The value, as far as it can be read.

        Raises:
            DecodeError: when it is no value of its key's kind.
        """
        return None if self.value is None else state_value(self.key, self.value)


@dataclass(frozen=True, slots=True)
class StateProof(Record):
    """What the state holds under a key, certified.

    Attributes:
        found: what is at the end of the way: the value, another key's leaf, or nothing.
        path: the digests beside the way, from the end to the top.
        block_header: a block that carries the state's root.
        descent: headers of the blocks after it, up to the one that the certificate names; nearly always empty.
        certificate: the votes for the last of the descent, or for the block itself.
        handovers: from the genesis's committee to the one that voted.
    """

    key: StateKey
    found: bytes | OtherLeaf | None
    path: Path
    block_header: BlockHeader
    descent: tuple[BlockHeader, ...]
    certificate: bytes
    handovers: Handovers = ()

    MAX_BYTES = MAX_STATE_PROOF_BYTES

    def claimed(self) -> ProvenState:
        """What it would prove; not verified."""
        value = self.found if isinstance(self.found, bytes) else None
        return ProvenState(self.key, value, self.block_header.height, self.block_header.time_ms)

    def verify(self, genesis: Genesis) -> ProvenState:
        """Verifies the whole way from the key to the votes, and from there to the genesis's validators.

        Raises:
            ProofError: names what does not fit.
        """
        place = self.key.place()
        try:
            root = climb(place, self._end(place), self.path)
        except DecodeError as error:
            raise ProofError("state.path", str(error)) from None
        if root != self.block_header.state:
            why = "this value is not at this place in the state: its path leads to another root"
            raise ProofError("state.value", why)
        certified = last_of_descent(self.block_header, self.descent)
        verify_finality(genesis, self.handovers, self.certificate, certified)
        return self.claimed()

    def _end(self, place: Digest) -> Digest:
        """What stands at the end of the way to the key."""
        match self.found:
            case None:
                return ZERO
            case OtherLeaf(other, value):
                shared = all(
                    bit(other, depth) == bit(place, depth) for depth in range(len(self.path[:MAX_STATE_DEPTH]))
                )
                if other == place or not shared:
                    why = "the leaf that is shown instead of the key's does not stand on the way to it"
                    raise ProofError("state.other", why)
                return leaf_digest(other, value)
            case value:
                return leaf_digest(place, value_digest(value))

    def write(self, w: Writer) -> None:
        """Appends its fields after the version."""
        w.array(9)
        w.uint(STATE_PROOF_VERSION)
        write_nested(w, self.key)
        w.optional(self.found if isinstance(self.found, bytes) else None, w.byte_string)
        if isinstance(self.found, OtherLeaf):
            w.array(2)
            self.found.place.write(w)
            self.found.value.write(w)
        else:
            w.null()
        write_path(w, self.path)
        write_nested(w, self.block_header)
        w.array(len(self.descent))
        for header in self.descent:
            write_nested(w, header)
        w.byte_string(self.certificate)
        write_handovers(w, self.handovers)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads the version and its fields."""
        r.array(9)
        at = r.position
        version = r.uint()
        if version != STATE_PROOF_VERSION:
            raise unknown_number("version of the proof format", at, version)
        return cls(
            key=read_nested(r, StateKey, MAX_STATE_KEY_BYTES),
            found=_read_found(r),
            path=_read_path(r),
            block_header=read_nested(r, BlockHeader, MAX_BLOCK_HEADER_BYTES),
            descent=tuple(read_nested(r, BlockHeader, MAX_BLOCK_HEADER_BYTES) for _ in range(r.list(MAX_DESCENT))),
            certificate=r.byte_string(MAX_CERTIFICATE_BYTES),
            handovers=tuple(Handover.read(r) for _ in range(r.list(MAX_HANDOVERS))),
        )


def _read_found(r: Reader) -> bytes | OtherLeaf | None:
    def other() -> OtherLeaf:
        r.array(2)
        return OtherLeaf(Digest.read(r), Digest.read(r))

    value = r.optional(lambda: r.byte_string(MAX_STATE_VALUE_BYTES))
    leaf = r.optional(other)
    if value is not None and leaf is not None:
        raise Invalid("state.other", "beside a value; one or the other is shown")
    return leaf if value is None else value


def _read_path(r: Reader) -> Path:
    data = r.byte_string(MAX_STATE_DEPTH * Digest.LENGTH)
    if len(data) % Digest.LENGTH:
        raise Invalid("state.path", f"{len(data)} bytes are no whole number of 32-byte digests")
    return tuple(Digest(data[i : i + Digest.LENGTH]) for i in range(0, len(data), Digest.LENGTH))
