"""Transactions: what changes the ledger's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from moot.errors import DecodeError, Invalid
from moot.record.address import EntryId, check_name, read_name, write_name
from moot.record.bond import (
    Candidate,
    Convict,
    Hold,
    Release,
    Stake,
    Unstake,
    check_addresses,
    check_amount,
)
from moot.record.cbor import unknown_number
from moot.record.committee import check_key
from moot.record.fixed import AccountId, Digest, Signature
from moot.record.limits import (
    MAX_COMPONENT_BYTES,
    MAX_OFFENCE_BYTES,
    MAX_PATH_BYTES,
    MAX_RULE_BYTES,
    MAX_SPEC_BYTES,
    MAX_TOGETHER,
    MAX_VOTED_PRICE,
)
from moot.record.payload import check_path, check_pattern, check_rule_text
from moot.record.prices import Prices
from moot.record.socket_address import SocketAddress
from moot.record.spec import Spec
from moot.record.text import Numbered, base64url, exact
from moot.record.trigger import Trigger
from moot.record.work import Work, WorkOffer

if TYPE_CHECKING:
    from collections.abc import Callable

    from moot.record.cbor import Reader, Writer


@dataclass(frozen=True, slots=True)
class Deploy:
    """Deploys a component under a name.

    Attributes:
        spec: the spec's encoding, as it is signed.
        previous: the version that is active now; None for a new function.
    """

    name: str
    component: Digest
    component_bytes: int
    spec: bytes
    previous: int | None = None

    NUMBER: ClassVar = 0
    FIELDS: ClassVar = 6

    def __post_init__(self) -> None:
        check_name(self.name)
        if not 1 <= self.component_bytes <= MAX_COMPONENT_BYTES:
            why = f"{self.component_bytes}; a component has 1 to {MAX_COMPONENT_BYTES} bytes"
            raise Invalid("transaction.component_bytes", why)
        try:
            Spec.decode(self.spec)
        except DecodeError as error:
            raise Invalid("transaction.spec", str(error)) from None

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        fields = {
            "name": self.name,
            "component": str(self.component),
            "component_bytes": exact(self.component_bytes),
            "spec": base64url(self.spec),
            "previous": self.previous,
        }
        return {"deploy": fields}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        write_name(w, self.name)
        self.component.write(w)
        w.uint(self.component_bytes)
        w.byte_string(self.spec)
        w.optional(self.previous, lambda version: w.uint(version, 32))


@dataclass(frozen=True, slots=True)
class Rollback:
    """Makes an earlier version the active one."""

    name: str
    version: int

    NUMBER: ClassVar = 1
    FIELDS: ClassVar = 3

    def __post_init__(self) -> None:
        check_name(self.name)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"rollback": {"name": self.name, "version": self.version}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        write_name(w, self.name)
        w.uint(self.version, 32)


@dataclass(frozen=True, slots=True)
class Retire:
    """Ends a function for ever."""

    name: str

    NUMBER: ClassVar = 2
    FIELDS: ClassVar = 2

    def __post_init__(self) -> None:
        check_name(self.name)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"retire": {"name": self.name}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        write_name(w, self.name)


class Role(Numbered):
    """Role of a replica: what it does in the network.

    A replica that is out is not talked to any more; one that follows gets blocks and batches, and answers questions;
    one that votes does so from the epoch on whose committee it is in.
    """

    OUT = 0, "out"
    FOLLOWS = 1, "follows"
    VOTES = 2, "votes"


@dataclass(frozen=True, slots=True)
class Seat:
    """Gives a replica another role, or other addresses. Said by the authority that the genesis names.

    Attributes:
        ledger: where it takes votes and blocks; None: as before, or as the others' configurations have it.
        data: where it takes batches.
    """

    account: AccountId
    role: Role
    ledger: SocketAddress | None = None
    data: SocketAddress | None = None

    NUMBER: ClassVar = 3
    FIELDS: ClassVar = 5

    def __post_init__(self) -> None:
        check_key("transaction.account", self.account)
        check_addresses(self.ledger, self.data)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        fields = {
            "account": str(self.account),
            "role": self.role.text,
            "ledger": None if self.ledger is None else str(self.ledger),
            "data": None if self.data is None else str(self.data),
        }
        return {"seat": fields}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        self.account.write(w)
        self.role.write(w)
        w.optional(self.ledger, lambda address: address.write(w))
        w.optional(self.data, lambda address: address.write(w))


@dataclass(frozen=True, slots=True)
class Transfer:
    """Moves units from the account that says it to another.

    Attributes:
        amount: in the network's smallest unit of account; at least one.
    """

    to: AccountId
    amount: int

    NUMBER: ClassVar = 4
    FIELDS: ClassVar = 3

    def __post_init__(self) -> None:
        check_amount(self.amount)
        check_key("transaction.to", self.to)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"transfer": {"to": str(self.to), "amount": exact(self.amount)}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        self.to.write(w)
        w.uint(self.amount)


@dataclass(frozen=True, slots=True)
class Together:
    """Says that the transactions that follow it in its bundle, so many of them, are all applied or none is."""

    count: int

    NUMBER: ClassVar = 5
    FIELDS: ClassVar = 2

    def __post_init__(self) -> None:
        if not 2 <= self.count <= MAX_TOGETHER:
            why = f"{self.count}; 2 to {MAX_TOGETHER} transactions are applied together"
            raise Invalid("transaction.count", why)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"together": {"count": self.count}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        w.uint(self.count, 16)


@dataclass(frozen=True, slots=True)
class Own:
    """Gives a path another owner. Said by its owner, or by whoever comes first to a first label.

    Attributes:
        owner: who may change owners and rules there and below from now on; None: nobody ever again.
    """

    path: str
    owner: AccountId | None

    NUMBER: ClassVar = 6
    FIELDS: ClassVar = 3

    def __post_init__(self) -> None:
        check_path(self.path, "transaction.path")
        if self.owner is not None:
            check_key("transaction.owner", self.owner)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"own": {"path": self.path, "owner": None if self.owner is None else str(self.owner)}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        w.text(self.path)
        w.optional(self.owner, lambda owner: owner.write(w))


@dataclass(frozen=True, slots=True)
class Rule:
    """Says what may be written below a pattern. Said by the owner of its first labels.

    Attributes:
        rule: an expression; None: there is no rule any more.
    """

    pattern: str
    rule: str | None

    NUMBER: ClassVar = 7
    FIELDS: ClassVar = 3

    def __post_init__(self) -> None:
        check_pattern(self.pattern)
        if self.rule is not None:
            check_rule_text(self.rule, "transaction.rule")

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"rule": {"pattern": self.pattern, "rule": self.rule}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        w.text(self.pattern)
        w.optional(self.rule, w.text)


@dataclass(frozen=True, slots=True)
class SetPrices:
    """Says what things should cost, as a member of the committee would have it."""

    prices: Prices

    NUMBER: ClassVar = 13
    FIELDS: ClassVar = 2

    def __post_init__(self) -> None:
        for name in ("per_byte", "per_mega_fuel", "per_stored_byte"):
            price = getattr(self.prices, name)
            if price > MAX_VOTED_PRICE:
                why = f"{name} is {price}; at most {MAX_VOTED_PRICE} can be voted for"
                raise Invalid("transaction.prices", why)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"prices": {"prices": self.prices.to_json()}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        self.prices.write(w)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Gives up a function's upgrade and its destruction for good. Said by its owner."""

    name: str

    NUMBER: ClassVar = 14
    FIELDS: ClassVar = 2

    def __post_init__(self) -> None:
        check_name(self.name)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"freeze": {"name": self.name}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        write_name(w, self.name)


@dataclass(frozen=True, slots=True)
class SetTrigger:
    """Sets what makes a function run. Said by the owner of the pattern's first labels, or of the function.

    Attributes:
        name: the trigger's name; it belongs to who set it, as long as it is set.
        trigger: the trigger; None: there is none any more.
    """

    name: str
    trigger: Trigger | None

    NUMBER: ClassVar = 16
    FIELDS: ClassVar = 3

    def __post_init__(self) -> None:
        check_name(self.name)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        trigger = None if self.trigger is None else self.trigger.to_json()
        return {"trigger": {"name": self.name, "trigger": trigger}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        write_name(w, self.name)
        w.optional(self.trigger, lambda trigger: trigger.write(w))


@dataclass(frozen=True, slots=True)
class Revoke:
    """Revokes the key of the account that says it: nothing that it signs counts any more, for ever."""

    NUMBER: ClassVar = 18
    FIELDS: ClassVar = 1

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"revoke": {}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number: nothing."""


Transaction: TypeAlias = (
    Deploy
    | Rollback
    | Retire
    | Seat
    | Transfer
    | Together
    | Own
    | Rule
    | Hold
    | Release
    | Stake
    | Unstake
    | Convict
    | SetPrices
    | Freeze
    | SetTrigger
    | Work
    | Revoke
)


def write_transaction(w: Writer, transaction: Transaction) -> None:
    """Appends a transaction's fields."""
    w.uint(transaction.NUMBER)
    transaction.write_fields(w)


def read_transaction(r: Reader, fields: int) -> Transaction:
    """Reads a transaction of so many fields."""
    at = r.position
    number = r.uint()
    read = _READERS.get(number)
    if read is None:
        raise unknown_number("transaction", at, number)
    transaction = read(r)
    if fields != transaction.FIELDS:
        why = f"the transaction at byte {at} has length {fields}; the format has {transaction.FIELDS} here"
        raise DecodeError(why)
    return transaction


def _read_deploy(r: Reader) -> Deploy:
    return Deploy(
        name=read_name(r),
        component=Digest.read(r),
        component_bytes=r.uint(),
        spec=r.byte_string(MAX_SPEC_BYTES),
        previous=r.optional(lambda: r.small(32)),
    )


def _read_seat(r: Reader) -> Seat:
    return Seat(
        account=AccountId.read(r),
        role=Role.read(r),
        ledger=r.optional(lambda: SocketAddress.read(r)),
        data=r.optional(lambda: SocketAddress.read(r)),
    )


def _read_stake(r: Reader) -> Stake:
    amount = r.uint()
    replica = r.optional(lambda: Candidate.read(r))
    return Stake(amount, replica, r.optional(lambda: Signature.read(r)))


_READERS: dict[int, Callable[[Reader], Transaction]] = {
    Deploy.NUMBER: _read_deploy,
    Rollback.NUMBER: lambda r: Rollback(read_name(r), r.small(32)),
    Retire.NUMBER: lambda r: Retire(read_name(r)),
    Seat.NUMBER: _read_seat,
    Transfer.NUMBER: lambda r: Transfer(AccountId.read(r), r.uint()),
    Together.NUMBER: lambda r: Together(r.small(16)),
    Own.NUMBER: lambda r: Own(r.text(MAX_PATH_BYTES), r.optional(lambda: AccountId.read(r))),
    Rule.NUMBER: lambda r: Rule(r.text(MAX_PATH_BYTES), r.optional(lambda: r.text(MAX_RULE_BYTES))),
    Hold.NUMBER: lambda r: Hold(AccountId.read(r), r.uint(), r.uint()),
    Release.NUMBER: lambda r: Release(EntryId.read(r), r.uint(), r.uint()),
    Stake.NUMBER: _read_stake,
    Unstake.NUMBER: lambda r: Unstake(r.uint()),
    Convict.NUMBER: lambda r: Convict(r.byte_string(MAX_OFFENCE_BYTES)),
    SetPrices.NUMBER: lambda r: SetPrices(Prices.read(r)),
    Freeze.NUMBER: lambda r: Freeze(read_name(r)),
    SetTrigger.NUMBER: lambda r: SetTrigger(read_name(r), r.optional(lambda: Trigger.read(r))),
    Work.NUMBER: lambda r: Work(r.optional(lambda: WorkOffer.read(r))),
    Revoke.NUMBER: lambda _: Revoke(),
}
