"""Who votes, epoch by epoch.

```text
genesis ── committee 0 ──certifies── a block that names committee 1 ──► committee 1 ──certifies── ... committee 2
```

The chain of blocks is cut into epochs of equal length, which the genesis fixes. The last block of an epoch names the
next one's committee by digest when that is another. Committees are counted, and each votes under a namespace with its
number: no vote of one can be shown as a vote of another, even where they have members in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid
from moot.record import hash as domains
from moot.record.fixed import AccountId
from moot.record.item import Item, Record
from moot.record.key import is_reliable
from moot.record.limits import MAX_COMMITTEE_BYTES, MAX_EPOCH_BLOCKS, MAX_VALIDATORS, MIN_EPOCH_BLOCKS
from moot.record.text import exact

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.fixed import Digest

_MAX_U64 = (1 << 64) - 1

Members = tuple[AccountId, ...]


@dataclass(frozen=True, slots=True)
class Committee(Record):
    """The replicas that vote in an epoch, or in several that follow each other: `[number, [account, ...]]`.

    Attributes:
        number: 0 for the genesis's validators, one more for each committee that followed.
        members: sorted; a certificate names them by their places.
    """

    number: int
    members: Members

    MAX_BYTES = MAX_COMMITTEE_BYTES

    def __post_init__(self) -> None:
        check_members("committee.members", self.members)

    def digest(self) -> Digest:
        """The digest by which a block names it."""
        return domains.COMMITTEE.hash(self.encode())

    def namespace(self, network: Digest) -> bytes:
        """The namespace of its votes: `moot:`, 16 digits of the network; for all but the first `:` and its number."""
        number = f":{self.number}" if self.number else ""
        return f"moot:{str(network)[:16]}{number}".encode("ascii")

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        w.uint(self.number, 32)
        write_members(w, self.members)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        return cls(r.small(32), read_members(r))


@dataclass(frozen=True, slots=True)
class Epochs(Item):
    """How a network's committee may change: `[blocks, authority]`. A network without it has one committee for ever.

    Attributes:
        blocks: blocks in an epoch: epoch e has the heights from `e * blocks` to `(e + 1) * blocks - 1`.
        authority: the account that says who votes and who follows.
    """

    blocks: int
    authority: AccountId

    def of(self, height: int) -> int:
        """The epoch of a height."""
        return height // self.blocks

    def last(self, epoch: int) -> int:
        """The last height of an epoch. Where 64 bits end it is one below their end, as the node counts."""
        return min((epoch + 1) * self.blocks, _MAX_U64) - 1

    def is_last(self, height: int) -> bool:
        """Whether a height is the last of its epoch."""
        return self.last(self.of(height)) == height

    def check(self) -> None:
        """Checks both fields; a genesis does it after its own.

        Raises:
            Invalid: names `genesis.epochs`.
        """
        if not MIN_EPOCH_BLOCKS <= self.blocks <= MAX_EPOCH_BLOCKS:
            why = f"{self.blocks}; an epoch has {MIN_EPOCH_BLOCKS} to {MAX_EPOCH_BLOCKS} blocks"
            raise Invalid("genesis.epochs", why)
        check_key("genesis.epochs", self.authority)

    def to_json(self) -> dict[str, Any]:
        """Its form in the genesis file."""
        return {"blocks": exact(self.blocks), "authority": str(self.authority)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        w.uint(self.blocks)
        self.authority.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields, which are not checked yet."""
        r.array(2)
        return cls(r.uint(), AccountId.read(r))


def check_members(field: str, members: Members) -> None:
    """Checks a list of those who vote: not too many, sorted, each a key that can be relied on.

    Raises:
        Invalid: names `field`.
    """
    if not 1 <= len(members) <= MAX_VALIDATORS:
        raise Invalid(field, f"{len(members)} of them; a network has 1 to {MAX_VALIDATORS}")
    if any(bytes(a) >= bytes(b) for a, b in pairwise(members)):
        raise Invalid(field, "not sorted, each once")
    for member in members:
        check_key(field, member)


def check_key(field: str, account: AccountId) -> None:
    """Refuses a key of small order: with one, anybody could make its owner's votes.

    Raises:
        Invalid: names `field`.
    """
    if not is_reliable(account):
        raise Invalid(field, f"{account} is no ed25519 public key that can be relied on")


def write_members(w: Writer, members: Members) -> None:
    """Appends a list of accounts."""
    w.array(len(members))
    for member in members:
        member.write(w)


def read_members(r: Reader) -> Members:
    """Reads a list of accounts, which are not checked yet."""
    return tuple(AccountId.read(r) for _ in range(r.list(MAX_VALIDATORS)))
