"""What the state holds under its keys, for the kinds that others can read: of the others, bytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid
from moot.record.address import EntryId, read_name
from moot.record.bond import Candidate
from moot.record.double_vote import Contradiction
from moot.record.fixed import AccountId, Digest
from moot.record.item import Record
from moot.record.limits import (
    MAX_PATH_BYTES,
    MAX_RULE_BYTES,
    MAX_SPEC_BYTES,
    MAX_STAKED_REPLICAS,
    MAX_STATE_VALUE_BYTES,
    MAX_TRIGGER_ACCOUNTS,
    MAX_VALIDATORS,
    MAX_VERSIONS_KEPT,
    MAX_WAITING_PARTS,
)
from moot.record.prices import Prices
from moot.record.spec import Spec
from moot.record.state import StateKind
from moot.record.text import exact
from moot.record.trigger import Trigger
from moot.record.work import WorkerRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.state import StateKey


@dataclass(frozen=True, slots=True)
class Balance(Record):
    """What an account has, in the network's smallest unit of account, and whether its key may sign.

    Attributes:
        revoked: the height of the block from which on nothing counts that its key signs; None while it does.
    """

    balance: int
    revoked: int | None = None

    MAX_BYTES = 24

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        revoked = {} if self.revoked is None else {"revoked": exact(self.revoked)}
        return {"balance": exact(self.balance), **revoked}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(1 if self.revoked is None else 2)
        w.uint(self.balance)
        if self.revoked is not None:
            w.uint(self.revoked)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        revoked = r.one_more_than(1, "the account")
        return cls(r.uint(), r.uint() if revoked else None)


@dataclass(frozen=True, slots=True)
class PathOwner(Record):
    """Who may change owners and rules at a path and below; None: nobody ever again."""

    owner: AccountId | None

    MAX_BYTES = 64

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"owner": None if self.owner is None else str(self.owner)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(1)
        w.optional(self.owner, lambda owner: owner.write(w))

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(1)
        return cls(r.optional(lambda: AccountId.read(r)))


@dataclass(frozen=True, slots=True)
class PathRule(Record):
    """A rule: an expression, and the pattern that it is about."""

    pattern: str
    rule: str

    MAX_BYTES = MAX_PATH_BYTES + MAX_RULE_BYTES + 16

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"pattern": self.pattern, "rule": self.rule}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        w.text(self.pattern)
        w.text(self.rule)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        return cls(r.text(MAX_PATH_BYTES), r.text(MAX_RULE_BYTES))


@dataclass(frozen=True, slots=True)
class Held(Record):
    """Units that left one account and have not come to another.

    Attributes:
        from_account: whose units they were, and who says how much of them is paid.
        to: whom they are held for.
        until: the height at which all of them go back.
    """

    from_account: AccountId
    to: AccountId
    amount: int
    until: int

    MAX_BYTES = 128

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        who = {"from": str(self.from_account), "to": str(self.to)}
        return {**who, "amount": exact(self.amount), "until": exact(self.until)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(4)
        self.from_account.write(w)
        self.to.write(w)
        w.uint(self.amount)
        w.uint(self.until)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(4)
        return cls(AccountId.read(r), AccountId.read(r), r.uint(), r.uint())


@dataclass(frozen=True, slots=True)
class Staked(Record):
    """An account's stake.

    Attributes:
        staked: what counts for seats.
        waiting: heights, and how many units come back then; these can still be burned.
        replicas: the replicas that it is behind, in the order in which they were named.
    """

    staked: int
    waiting: tuple[tuple[int, int], ...] = ()
    replicas: tuple[Candidate, ...] = ()

    MAX_BYTES = 2048

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "staked": exact(self.staked),
            "waiting": [{"until": exact(until), "amount": exact(amount)} for until, amount in self.waiting],
            "replicas": [replica.to_json() for replica in self.replicas],
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        w.uint(self.staked)
        w.array(len(self.waiting))
        for until, amount in self.waiting:
            w.array(2)
            w.uint(until)
            w.uint(amount)
        w.array(len(self.replicas))
        for replica in self.replicas:
            replica.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""

        def part() -> tuple[int, int]:
            r.array(2)
            return (r.uint(), r.uint())

        r.array(3)
        staked = r.uint()
        waiting = tuple(part() for _ in range(r.list(MAX_WAITING_PARTS)))
        return cls(staked, waiting, tuple(Candidate.read(r) for _ in range(r.list(MAX_STAKED_REPLICAS))))


@dataclass(frozen=True, slots=True)
class Conviction(Record):
    """A replica was proven to have sealed twice, or voted for two things in one view.

    Attributes:
        said: the transaction with the proof.
        burned: how many units were burned for it.
        voted: what its votes say; None: it sealed twice.
    """

    said: EntryId
    burned: int
    voted: Contradiction | None = None

    MAX_BYTES = 128

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        voted = {} if self.voted is None else {"voted": str(self.voted)}
        return {"said": str(self.said), "burned": exact(self.burned), **voted}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2 if self.voted is None else 3)
        self.said.write(w)
        w.uint(self.burned)
        if self.voted is not None:
            self.voted.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        voted = r.one_more_than(2, "the conviction")
        return cls(EntryId.read(r), r.uint(), Contradiction.read(r) if voted else None)


@dataclass(frozen=True, slots=True)
class PriceList(Record):
    """The prices in force, and what members of the committee would have instead, sorted by account."""

    prices: Prices
    votes: tuple[tuple[AccountId, Prices], ...] = ()

    MAX_BYTES = MAX_VALIDATORS * 80 + 64

    def __post_init__(self) -> None:
        if any(bytes(a) >= bytes(b) for (a, _), (b, _) in pairwise(self.votes)):
            raise Invalid("prices.votes", "not sorted, each account once")

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        votes = [{"account": str(account), "prices": prices.to_json()} for account, prices in self.votes]
        return {"prices": self.prices.to_json(), "votes": votes}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        self.prices.write(w)
        w.array(len(self.votes))
        for account, prices in self.votes:
            w.array(2)
            account.write(w)
            prices.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""

        def vote() -> tuple[AccountId, Prices]:
            r.array(2)
            return (AccountId.read(r), Prices.read(r))

        r.array(2)
        prices = Prices.read(r)
        return cls(prices, tuple(vote() for _ in range(r.list(MAX_VALIDATORS))))


@dataclass(frozen=True, slots=True)
class Pot(Record):
    """What was paid and not paid out yet."""

    units: int

    MAX_BYTES = 16

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"units": exact(self.units)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(1)
        w.uint(self.units)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(1)
        return cls(r.uint())


@dataclass(frozen=True, slots=True)
class TriggerSet(Record):
    """A trigger.

    Attributes:
        owner: who set it, may change it, and is the caller of what it makes run.
        next_ms: of a schedule: when it fires next, milliseconds since 1970.
    """

    owner: AccountId
    trigger: Trigger
    next_ms: int = 0

    MAX_BYTES = 2 * MAX_RULE_BYTES + MAX_PATH_BYTES + 64 * MAX_TRIGGER_ACCOUNTS

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"owner": str(self.owner), "trigger": self.trigger.to_json(), "next_ms": exact(self.next_ms)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        self.owner.write(w)
        self.trigger.write(w)
        w.uint(self.next_ms)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(3)
        return cls(AccountId.read(r), Trigger.read(r), r.uint())


@dataclass(frozen=True, slots=True)
class DeployedVersion:
    """One deployed version of a function.

    Attributes:
        height: of the block that deployed it.
        deployed: the transaction that deployed it.
    """

    number: int
    component: Digest
    component_bytes: int
    spec: Spec
    height: int
    deployed: EntryId


@dataclass(frozen=True, slots=True)
class FunctionRecord(Record):
    """A function and its history.

    Attributes:
        active: the number of the version that runs.
        retired: it runs no more, and its name stays spent.
        versions: ascending; the oldest may have been let go.
        frozen: its owner gave up upgrade and destruction for good, whatever its spec says.
    """

    name: str
    owner: AccountId
    active: int
    retired: bool
    versions: tuple[DeployedVersion, ...]
    frozen: bool = False

    MAX_BYTES = MAX_STATE_VALUE_BYTES

    def version(self, number: int) -> DeployedVersion | None:
        """The version of that number."""
        return next((version for version in self.versions if version.number == number), None)

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(5 + self.frozen)
        w.text(self.name)
        self.owner.write(w)
        w.uint(self.active, 32)
        w.boolean(self.retired)
        w.array(len(self.versions))
        for version in self.versions:
            w.array(6)
            w.uint(version.number, 32)
            version.component.write(w)
            w.uint(version.component_bytes)
            w.byte_string(version.spec.encode())
            w.uint(version.height)
            w.byte_string(version.deployed.encode())
        if self.frozen:
            w.boolean(True)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""

        def version() -> DeployedVersion:
            r.array(6)
            return DeployedVersion(
                number=r.small(32),
                component=Digest.read(r),
                component_bytes=r.uint(),
                spec=Spec.decode(r.byte_string(MAX_SPEC_BYTES)),
                height=r.uint(),
                deployed=EntryId.decode(r.byte_string(EntryId.MAX_BYTES)),
            )

        frozen = r.one_more_than(5, "a function's record")
        name, owner, active, retired = read_name(r), AccountId.read(r), r.small(32), r.boolean()
        versions = tuple(version() for _ in range(r.list(MAX_VERSIONS_KEPT)))
        if frozen and not r.boolean():
            raise Invalid("frozen", "only a frozen function says whether it is")
        return cls(name, owner, active, retired, versions, frozen)


Readable = Balance | PathOwner | PathRule | Held | Staked | Conviction | PriceList | Pot | TriggerSet | WorkerRecord
"""Values with a readable form in a state file. Of all others it shows the bytes."""

StateValue = Readable | FunctionRecord | bytes

_READ: dict[StateKind, Callable[[bytes], Readable]] = {
    StateKind.ACCOUNT: Balance.decode,
    StateKind.OWNER: PathOwner.decode,
    StateKind.RULE: PathRule.decode,
    StateKind.HOLD: Held.decode,
    StateKind.STAKE: Staked.decode,
    StateKind.CONVICTION: Conviction.decode,
    StateKind.PRICES: PriceList.decode,
    StateKind.POT: Pot.decode,
    StateKind.TRIGGER: TriggerSet.decode,
    StateKind.WORKER: WorkerRecord.decode,
}


def readable(key: StateKey, value: bytes) -> Readable | bytes:
    """A value of a kind that has a readable form; of any other its bytes.

    Raises:
        DecodeError: when it is no value of its key's kind.
    """
    read = _READ.get(key.kind)
    return value if read is None else read(value)


def state_value(key: StateKey, value: bytes) -> StateValue:
    """A value as far as it can be read: the readable ones, and a function's record.

    Raises:
        DecodeError: when it is no value of its key's kind.
    """
    return FunctionRecord.decode(value) if key.kind is StateKind.FUNCTION else readable(key, value)
