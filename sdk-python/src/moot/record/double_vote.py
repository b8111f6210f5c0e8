"""Two votes of one key in one view that contradict each other: what no honest member of a committee ever signs.

```text
each signs    varint(len) | namespace kind | varint epoch | varint view [| varint parent view | 32-byte block digest]
```

The kind is `_NOTARIZE`, `_FINALIZE`, or of a vote to skip the view `_NULLIFY`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import Invalid, ProofError
from moot.record.certificate import vote_message, write_varint
from moot.record.fixed import AccountId, Digest, Signature
from moot.record.item import Item, Record
from moot.record.key import SignatureError, verify_raw
from moot.record.limits import MAX_DOUBLE_VOTE_BYTES
from moot.record.text import Numbered

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.committee import Committee


class Contradiction(Numbered):
    """Contradiction of votes: which two things a key said in one view.

    That it holds two blocks for sound; that it makes two blocks final; that it skips the view, and makes its block
    final.
    """

    TWO_BLOCKS = 0, "two-blocks"
    TWO_FINAL = 1, "two-final"
    SKIPPED_AND_FINAL = 2, "skipped-and-final"

    @property
    def kinds(self) -> tuple[bytes, bytes]:
        """What the two votes are for, in the order in which they are written."""
        return {
            Contradiction.TWO_BLOCKS: (b"_NOTARIZE", b"_NOTARIZE"),
            Contradiction.TWO_FINAL: (b"_FINALIZE", b"_FINALIZE"),
            Contradiction.SKIPPED_AND_FINAL: (b"_NULLIFY", b"_FINALIZE"),
        }[self]


@dataclass(frozen=True, slots=True)
class Proposed(Item):
    """`[parent view, block]`: what a vote is for."""

    parent: int
    block: Digest

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        w.uint(self.parent)
        self.block.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        return cls(r.uint(), Digest.read(r))


@dataclass(frozen=True, slots=True)
class Vote(Item):
    """`[proposed|null, signature]`: one of the two; for nothing, it is to skip the view."""

    proposed: Proposed | None
    signature: Signature

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        w.optional(self.proposed, lambda proposed: proposed.write(w))
        self.signature.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        return cls(r.optional(lambda: Proposed.read(r)), Signature.read(r))


class DoubleVoteError(ProofError):
    """Two votes that prove nothing."""


@dataclass(frozen=True, slots=True)
class DoubleVote(Record):
    """`[who, contradiction, epoch, view, vote, vote]`; where one is to skip the view, that one is the first."""

    who: AccountId
    what: Contradiction
    epoch: int
    view: int
    first: Vote
    second: Vote

    MAX_BYTES = MAX_DOUBLE_VOTE_BYTES

    def __post_init__(self) -> None:
        one, other = self.first.proposed, self.second.proposed
        skips = self.what is Contradiction.SKIPPED_AND_FINAL
        if (one is None) != skips or other is None:
            right = "one to skip the view, then one for a block" if skips else "two votes for blocks"
            raise Invalid("double_vote.votes", f"{self.what} takes {right}")
        if one == other:
            raise Invalid("double_vote.votes", "both are for the same")

    def verify(self, committee: Committee, network: Digest) -> None:
        """Checks that it proves what it says; `committee` is the one that voted in its epoch.

        Raises:
            DoubleVoteError: when the votes were not signed by a member of this committee of this network.
        """
        if self.who not in committee.members:
            why = f"{self.who} was not in committee {committee.number}, which voted in epoch {self.epoch}"
            raise DoubleVoteError("double_vote.who", why)
        namespace = committee.namespace(network)
        for place, kind, vote in zip((1, 2), self.what.kinds, (self.first, self.second), strict=True):
            said = write_varint(self.epoch) + write_varint(self.view)
            if vote.proposed is not None:
                said += write_varint(vote.proposed.parent) + bytes(vote.proposed.block)
            try:
                verify_raw(self.who, vote_message(namespace, kind, said), vote.signature)
            except SignatureError:
                when = f"epoch {self.epoch} and view {self.view} of this network"
                why = f"vote {place} is not the signature of {self.who} for {when}"
                raise DoubleVoteError("double_vote.signature", why) from None

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(6)
        self.who.write(w)
        self.what.write(w)
        w.uint(self.epoch)
        w.uint(self.view)
        self.first.write(w)
        self.second.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(6)
        who, what, epoch, view = AccountId.read(r), Contradiction.read(r), r.uint(), r.uint()
        return cls(who, what, epoch, view, Vote.read(r), Vote.read(r))
