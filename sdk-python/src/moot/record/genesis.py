"""The genesis: what a network is, and all that a verifier has to trust.

- Requires: that the file came from someone who is believed.
- Provides: the network's digest, which every bundle names; the first committee, whose votes certify blocks and later
  committees; prices.
- Does not provide: a defence against members of an old committee who all sell their keys: together they could certify
  another history from their time on. Who fears that keeps a later proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, ParseError, ProofError, shown
from moot.record import hash as domains
from moot.record import strict_json
from moot.record.cbor import wrong_length
from moot.record.committee import (
    Committee,
    Epochs,
    check_key,
    check_members,
    read_members,
    write_members,
)
from moot.record.fixed import AccountId, Digest
from moot.record.item import Record
from moot.record.limits import (
    MAX_ALLOCATIONS,
    MAX_EPOCH_BLOCKS,
    MAX_GENESIS_BYTES,
    MAX_NETWORK_NAME_BYTES,
    MAX_U64,
    MAX_VALIDATORS,
)
from moot.record.prices import Prices
from moot.record.text import exact, has_control, read_exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

GENESIS_VERSION = 1
"""Of a genesis whose committee never changes."""

GENESIS_VERSION_EPOCHS = 2
"""Of a genesis with epochs."""

GENESIS_VERSION_ACCOUNTS = 3
"""Of a genesis with allocations."""

GENESIS_VERSION_ECONOMY = 4
"""Of a genesis with an economy."""

_PLAIN_FIELDS = 5
_FIELDS = ("network", "version", "name", "time_ms", "validators", "prices")


class GenesisError(ProofError):
    """A genesis file that cannot be used. Its `field` is `genesis`, or the field that is wrong."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """What an account has from the start: at least one of the network's smallest unit of account."""

    account: AccountId
    balance: int


@dataclass(frozen=True, slots=True)
class Economy:
    """How what is paid and staked is dealt with, where what is ordered, run and stored is charged.

    Attributes:
        lockup_blocks: how many blocks units that were staked wait before they can be spent again.
        seats: how many validators stake seats at most.
        worker_percent: the worker's share of what running a call costs; the rest is the committee's.
    """

    lockup_blocks: int
    seats: int
    worker_percent: int

    def __post_init__(self) -> None:
        why = None
        if not 0 <= self.lockup_blocks <= MAX_EPOCH_BLOCKS:
            why = f"lockup_blocks is {self.lockup_blocks}; at most {MAX_EPOCH_BLOCKS} are allowed"
        elif not 1 <= self.seats <= MAX_VALIDATORS:
            why = f"seats is {self.seats}; a network has 1 to {MAX_VALIDATORS}"
        elif not 0 <= self.worker_percent <= 100:
            why = f"worker_percent is {self.worker_percent}; it is 0 to 100"
        if why is not None:
            raise Invalid("genesis.economy", why)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "lockup_blocks": exact(self.lockup_blocks),
            "seats": self.seats,
            "worker_percent": self.worker_percent,
        }


@dataclass(frozen=True, slots=True)
class Genesis(Record):
    """The start of a network.

    Attributes:
        name: a name for people.
        time_ms: when it was made, milliseconds since 1970.
        validators: the replicas that vote, or that vote first; sorted.
        epochs: how the committee may change; None: it never does.
        accounts: who has what from the start, sorted by account.
        economy: where what is paid goes; None: nothing is charged.
    """

    version: int
    name: str
    time_ms: int
    validators: tuple[AccountId, ...]
    prices: Prices
    epochs: Epochs | None = None
    accounts: tuple[Allocation, ...] = ()
    economy: Economy | None = None

    MAX_BYTES = MAX_GENESIS_BYTES

    def __post_init__(self) -> None:
        if self.version != self._fitting_version():
            two = f"{GENESIS_VERSION}, {GENESIS_VERSION_EPOCHS} with epochs"
            three = f"{two}, {GENESIS_VERSION_ACCOUNTS} with accounts"
            known = f"{three}, and {GENESIS_VERSION_ECONOMY} with an economy"
            why = f"{self.version}; this version of moot knows {known}"
            raise Invalid("genesis.version", why)
        if has_control(self.name) or not 1 <= len(self.name.encode()) <= MAX_NETWORK_NAME_BYTES:
            why = f"is not 1 to {MAX_NETWORK_NAME_BYTES} bytes without control characters"
            raise Invalid("genesis.name", f"{shown(self.name)} {why}")
        check_members("genesis.validators", self.validators)
        if self.epochs is not None:
            self.epochs.check()
        _check_allocations(self.accounts)
        if self.economy is None and self.prices.per_stored_byte:
            why = "per_stored_byte belongs to a genesis with an economy: leave it out, or add one"
            raise Invalid("genesis.prices", why)

    def _fitting_version(self) -> int:
        """The version of a genesis with these fields: each has one encoding."""
        if self.economy is not None:
            return GENESIS_VERSION_ECONOMY
        if self.accounts:
            return GENESIS_VERSION_ACCOUNTS
        return GENESIS_VERSION if self.epochs is None else GENESIS_VERSION_EPOCHS

    def committee(self) -> Committee:
        """The first committee: the validators."""
        return Committee(0, self.validators)

    def network(self) -> Digest:
        """The network's digest: what every bundle names."""
        return domains.GENESIS.hash(self.encode())

    def namespace(self) -> bytes:
        """The namespace of the first committee's votes: `moot:` and the first 16 digits of the network."""
        return self.committee().namespace(self.network())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads a genesis file.

        Raises:
            GenesisError: when it is not one, or when its fields do not hash to the network that it names.
        """
        try:
            said, genesis = cls._read_file(strict_json.parse(text, MAX_GENESIS_BYTES))
        except Invalid as error:
            raise GenesisError(error.field, error.why) from None
        except (strict_json.JsonError, ParseError) as error:
            raise GenesisError("genesis", f"the genesis file cannot be read: {error}") from None
        found = genesis.network()
        if found != said:
            why = (
                f"the file says {said}, its other fields hash to {found}; something in it was changed, "
                "get the file again from its source"
            )
            raise GenesisError("genesis.network", why)
        return genesis

    @classmethod
    def _read_file(cls, file: Any) -> tuple[Digest, Self]:
        fields = _object(file, _FIELDS, ("epochs", "accounts", "economy"))
        validators = fields["validators"]
        if not isinstance(validators, list):
            raise strict_json.JsonError("validators: an array of accounts is expected")
        epochs = None if fields.get("epochs") is None else _object(fields["epochs"], ("blocks", "authority"))
        network = _text(fields["network"], "network", Digest.parse)
        genesis = cls(
            version=_small(fields["version"], "version", 32),
            name=_text(fields["name"], "name", str),
            time_ms=read_exact(fields["time_ms"]),
            validators=tuple(_text(account, "validators", AccountId.parse) for account in validators),
            prices=Prices.of_json(fields["prices"]),
            epochs=None if epochs is None else _epochs(epochs),
            accounts=_accounts(fields.get("accounts", [])),
            economy=_economy(fields.get("economy")),
        )
        return network, genesis

    def to_json(self) -> dict[str, Any]:
        """The file form: its fields, with the network's digest in front."""
        epochs = {} if self.epochs is None else {"epochs": self.epochs.to_json()}
        listed = [{"account": str(one.account), "balance": exact(one.balance)} for one in self.accounts]
        accounts = {"accounts": listed} if listed else {}
        economy = {} if self.economy is None else {"economy": self.economy.to_json()}
        return {
            "network": str(self.network()),
            "version": self.version,
            "name": self.name,
            "time_ms": exact(self.time_ms),
            "validators": [str(validator) for validator in self.validators],
            "prices": self.prices.to_json(),
            **epochs,
            **accounts,
            **economy,
        }

    def to_text(self) -> str:
        """The file's text, for people to read and keep."""
        return strict_json.pretty(self.to_json())

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(_PLAIN_FIELDS + _more(self.version))
        w.uint(self.version)
        w.text(self.name)
        w.uint(self.time_ms)
        write_members(w, self.validators)
        if self.economy is None:
            self.prices.write_without_storage(w)
        else:
            self.prices.write(w)
        if self.version > GENESIS_VERSION:
            w.optional(self.epochs, lambda epochs: epochs.write(w))
        if self.version > GENESIS_VERSION_EPOCHS:
            w.array(len(self.accounts))
            for allocation in self.accounts:
                w.array(2)
                allocation.account.write(w)
                w.uint(allocation.balance)
        if self.economy is not None:
            w.array(3)
            w.uint(self.economy.lockup_blocks)
            w.uint(self.economy.seats, 32)
            w.uint(self.economy.worker_percent, 8)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        at = r.position
        most = _PLAIN_FIELDS + _more(GENESIS_VERSION_ECONOMY)
        fields = r.list(most)
        charging = fields == most
        if fields < _PLAIN_FIELDS:
            raise wrong_length("the genesis", at, fields, _PLAIN_FIELDS)
        version, name, time_ms = r.small(32), r.text(MAX_NETWORK_NAME_BYTES), r.uint()
        validators = read_members(r)
        prices = Prices.read(r) if charging else Prices.read_without_storage(r)
        epochs: Epochs | None = None
        accounts: tuple[Allocation, ...] = ()
        if fields == _PLAIN_FIELDS + 1:
            epochs = Epochs.read(r)
        elif fields > _PLAIN_FIELDS + 1:
            epochs, accounts = r.optional(lambda: Epochs.read(r)), _read_allocations(r, charging)
        economy = _read_economy(r) if charging else None
        return cls(version, name, time_ms, validators, prices, epochs, accounts, economy)


def _more(version: int) -> int:
    """How many fields a version has after the plain ones: each has those of the one before, and one more."""
    return version - GENESIS_VERSION


def _read_economy(r: Reader) -> Economy:
    r.array(3)
    return Economy(r.uint(), r.small(32), r.small(8))


def _read_allocations(r: Reader, charging: bool) -> tuple[Allocation, ...]:
    at = r.position
    count = r.list(MAX_ALLOCATIONS)
    if not count and not charging:
        # Without any the genesis is of another version: each has one encoding.
        raise wrong_length("the list of accounts", at, 0, 1)

    def one() -> Allocation:
        r.array(2)
        return Allocation(AccountId.read(r), r.uint())

    return tuple(one() for _ in range(count))


def _check_allocations(accounts: tuple[Allocation, ...]) -> None:
    if len(accounts) > MAX_ALLOCATIONS:
        raise Invalid("genesis.accounts", f"{len(accounts)} of them; at most {MAX_ALLOCATIONS} are allowed")
    if any(bytes(a.account) >= bytes(b.account) for a, b in pairwise(accounts)):
        raise Invalid("genesis.accounts", "not sorted, each once")
    for allocation in accounts:
        check_key("genesis.accounts", allocation.account)
        if allocation.balance < 1:
            why = f"{allocation.account} has 0; leave it out, or give it one unit at least"
            raise Invalid("genesis.accounts", why)
    if sum(allocation.balance for allocation in accounts) > MAX_U64:
        raise Invalid("genesis.accounts", f"together they have more than {MAX_U64}, the largest balance")


def _epochs(fields: dict[str, Any]) -> Epochs:
    return Epochs(read_exact(fields["blocks"]), _text(fields["authority"], "authority", AccountId.parse))


def _economy(value: Any) -> Economy | None:
    if value is None:
        return None
    fields = _object(value, ("lockup_blocks", "seats", "worker_percent"))
    seats, percent = _small(fields["seats"], "seats", 32), _small(fields["worker_percent"], "worker_percent", 8)
    return Economy(read_exact(fields["lockup_blocks"]), seats, percent)


def _accounts(value: Any) -> tuple[Allocation, ...]:
    if not isinstance(value, list):
        raise strict_json.JsonError("accounts: an array of allocations is expected")
    listed = [_object(one, ("account", "balance")) for one in value]
    return tuple(
        Allocation(_text(one["account"], "account", AccountId.parse), read_exact(one["balance"])) for one in listed
    )


def _object(value: Any, names: tuple[str, ...], more: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise strict_json.JsonError(f"an object with {', '.join(names)} is expected")
    for name in names:
        if name not in value:
            raise strict_json.JsonError(f"it has no field {name}")
    for name in value:
        if name not in (*names, *more):
            raise strict_json.JsonError(f"its field {shown(name)} is none of {', '.join((*names, *more))}")
    return value


def _text(value: Any, name: str, read: Callable[[str], Any]) -> Any:
    if not isinstance(value, str):
        raise strict_json.JsonError(f"{name}: a string is expected")
    return read(value)


def _small(value: Any, name: str, bits: int) -> int:
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise strict_json.JsonError(f"{name}: an unsigned integer of {bits} bits is expected")
    return value
