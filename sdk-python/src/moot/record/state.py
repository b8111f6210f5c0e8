"""The ledger's state as a tree: what a block's state root commits to, key by key.

```text
key ──► place (256 bits) ──► the way down: bit 0 first, 0 left, 1 right

          root = H(state domain, top)
           top = node ─┬─ node ─┬─ leaf        a subtree of one leaf is that leaf, an empty one is 32 zeros
                       │        └─ leaf        leaf = H(leaf domain, place || digest of the value)
                       └─ leaf                 node = H(node domain, left || right)
```

The root depends on nothing but what the state holds, so that a key without a value can be proven to have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid
from moot.record import hash as domains
from moot.record.address import EntryId, check_name, read_name
from moot.record.cbor import wrong_length
from moot.record.fixed import AccountId, Digest
from moot.record.item import Record
from moot.record.limits import MAX_PATH_BYTES, MAX_STATE_DEPTH, MAX_STATE_KEY_BYTES
from moot.record.payload import check_path, check_pattern
from moot.record.text import Numbered

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.merkle import Path


class StateKind(Numbered):
    """Key of the state."""

    HISTORY = 0, "history"
    SEATS = 1, "seats"
    FUNCTION = 2, "function"
    ACCOUNT = 3, "account"
    OWNER = 4, "owner"
    RULE = 5, "rule"
    HOLD = 6, "hold"
    STAKE = 7, "stake"
    CONVICTION = 8, "conviction"
    PRICES = 9, "prices"
    POT = 10, "pot"
    TRIGGER = 11, "trigger"
    DERIVED = 12, "derived"
    WATCHED = 13, "watched"
    WORKER = 14, "worker"
    COMPARED = 15, "compared"


_NAMES = (StateKind.FUNCTION, StateKind.TRIGGER)
_ACCOUNTS = (StateKind.ACCOUNT, StateKind.STAKE, StateKind.CONVICTION, StateKind.WORKER)
_PATHS = (StateKind.OWNER, StateKind.RULE)
_IDS = (StateKind.HOLD, StateKind.WATCHED, StateKind.COMPARED)

Of = str | AccountId | EntryId | tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class StateKey(Record):
    """What the state says something about. The class methods make one.

    Attributes:
        kind: what kind of thing it is.
        of: which one: a function's or a trigger's name, an account, a path, the place of a pattern, an entry's address,
            a height and a number; None where there is only one.
    """

    kind: StateKind
    of: Of = None

    MAX_BYTES = MAX_STATE_KEY_BYTES

    @classmethod
    def account(cls, account: AccountId) -> Self:
        """What an account has: `Balance`. One with nothing, whose key was not revoked, has no value."""
        return cls(StateKind.ACCOUNT, account)

    @classmethod
    def function(cls, name: str) -> Self:
        """What is deployed under a name: `FunctionRecord`."""
        return cls(StateKind.FUNCTION, check_name(name))

    @classmethod
    def owner(cls, path: str) -> Self:
        """Who owns a path itself, not one above it: `PathOwner`."""
        check_path(path, "key.owner")
        return cls(StateKind.OWNER, path)

    @classmethod
    def rule(cls, pattern: str) -> Self:
        """The rule of a pattern, whatever its variables are called: `PathRule`."""
        check_pattern(pattern)
        return cls(StateKind.RULE, "/".join("$" if label.startswith("$") else label for label in pattern.split("/")))

    @classmethod
    def hold(cls, hold: EntryId) -> Self:
        """What is held under the address of the transaction that said so: `Held`."""
        return cls(StateKind.HOLD, hold)

    @classmethod
    def stake(cls, account: AccountId) -> Self:
        """What an account has staked: `Staked`."""
        return cls(StateKind.STAKE, account)

    @classmethod
    def conviction(cls, replica: AccountId) -> Self:
        """Whether a replica was proven to have sealed twice: `Conviction`."""
        return cls(StateKind.CONVICTION, replica)

    @classmethod
    def prices(cls) -> Self:
        """What things cost: `PriceList`. Where nothing is charged it has no value."""
        return cls(StateKind.PRICES)

    @classmethod
    def pot(cls) -> Self:
        """What was paid and not paid out yet: `Pot`."""
        return cls(StateKind.POT)

    @classmethod
    def trigger(cls, name: str) -> Self:
        """What makes a function run: `TriggerSet`."""
        return cls(StateKind.TRIGGER, check_name(name))

    @classmethod
    def worker(cls, account: AccountId) -> Self:
        """A worker that registered, or that was found at fault: `WorkerRecord`."""
        return cls(StateKind.WORKER, account)

    def place(self) -> Digest:
        """Where its leaf is, and the first bits of the way there."""
        return domains.STATE_KEY.hash(self.encode())

    def to_json(self) -> Any:
        """Its readable form."""
        match self.of:
            case None:
                return self.kind.text
            case tuple():
                return {self.kind.text: list(self.of)}
            case _:
                return {self.kind.text: str(self.of)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        match self.of:
            case None:
                w.array(1)
                self.kind.write(w)
            case tuple((height, number)):
                w.array(3)
                self.kind.write(w)
                w.uint(height)
                w.uint(number, 32)
            case str(text):
                w.array(2)
                self.kind.write(w)
                w.text(text)
            case found:
                w.array(2)
                self.kind.write(w)
                found.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        at = r.position
        fields = r.list(3)
        kind = StateKind.read(r)
        of: Of = None
        if kind in _NAMES:
            of = read_name(r)
        elif kind in _ACCOUNTS:
            of = AccountId.read(r)
        elif kind in _PATHS:
            of = r.text(MAX_PATH_BYTES)
        elif kind in _IDS:
            of = EntryId.read(r)
        elif kind is StateKind.DERIVED:
            of = (r.uint(), r.small(32))
        wanted = 1 if of is None else 3 if isinstance(of, tuple) else 2
        if fields != wanted:
            raise wrong_length("the key", at, fields, wanted)
        return cls(kind, of)


def value_digest(value: bytes) -> Digest:
    """The digest of a value: what its leaf holds of it."""
    return domains.STATE_VALUE.hash(value)


def leaf_digest(place: Digest, value: Digest) -> Digest:
    """A leaf of the tree."""
    return domains.STATE_LEAF.hash(bytes(place) + bytes(value))


def node_digest(left: Digest, right: Digest) -> Digest:
    """An inner node of the tree. An empty side is thirty-two zeros."""
    return domains.STATE_NODE.hash(bytes(left) + bytes(right))


def bit(place: Digest, depth: int) -> bool:
    """The bit of a place that decides at a depth below 256: true leads right."""
    return bool(bytes(place)[depth // 8] >> (7 - depth % 8) & 1)


def climb(place: Digest, end: Digest, path: Path) -> Digest:
    """The root above what stands at the end of a path: the digests beside the way, from the end to the top.

    Raises:
        Invalid: when the path is longer than any way.
    """
    if len(path) > MAX_STATE_DEPTH:
        raise Invalid("state.path", f"{len(path)} digests; at most {MAX_STATE_DEPTH}")
    at = end
    for depth, beside in zip(reversed(range(len(path))), path, strict=True):
        at = node_digest(beside, at) if bit(place, depth) else node_digest(at, beside)
    return domains.STATE.hash(bytes(at))
