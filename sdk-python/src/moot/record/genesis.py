"""The genesis: what a network is, and all that a verifier has to trust.

- Requires: that the file came from someone who is believed.
- Provides: the network's digest, which every bundle names; the first committee, whose votes certify blocks and later
  committees; prices.
- Does not provide: a defence against members of an old committee who all sell their keys: together they could certify
  another history from their time on. Who fears that keeps a later proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, ParseError, ProofError, shown
from moot.record import hash as domains
from moot.record import strict_json
from moot.record.committee import Committee, Epochs, check_members, read_members, write_members
from moot.record.fixed import AccountId, Digest
from moot.record.item import Record
from moot.record.limits import MAX_GENESIS_BYTES, MAX_NETWORK_NAME_BYTES
from moot.record.text import exact, has_control, read_exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

GENESIS_VERSION = 1
"""Of a genesis whose committee never changes."""

GENESIS_VERSION_EPOCHS = 2
"""Of a genesis with epochs."""

_PLAIN_FIELDS = 5
_FIELDS = ("network", "version", "name", "time_ms", "validators", "prices")


class GenesisError(ProofError):
    """A genesis file that cannot be used. Its `field` is `genesis`, or the field that is wrong."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost, in the network's smallest unit."""

    per_byte: int
    per_mega_fuel: int


@dataclass(frozen=True, slots=True)
class Genesis(Record):
    """The start of a network.

    Attributes:
        name: a name for people.
        time_ms: when it was made, milliseconds since 1970.
        validators: the replicas that vote, or that vote first; sorted.
        epochs: how the committee may change; None: it never does.
    """

    version: int
    name: str
    time_ms: int
    validators: tuple[AccountId, ...]
    prices: Prices
    epochs: Epochs | None = None

    MAX_BYTES = MAX_GENESIS_BYTES

    def __post_init__(self) -> None:
        if self.version != (GENESIS_VERSION if self.epochs is None else GENESIS_VERSION_EPOCHS):
            known = f"{GENESIS_VERSION}, and {GENESIS_VERSION_EPOCHS} with epochs"
            why = f"{self.version}; this version of moot knows {known}"
            raise Invalid("genesis.version", why)
        if has_control(self.name) or not 1 <= len(self.name.encode()) <= MAX_NETWORK_NAME_BYTES:
            why = f"is not 1 to {MAX_NETWORK_NAME_BYTES} bytes without control characters"
            raise Invalid("genesis.name", f"{shown(self.name)} {why}")
        check_members("genesis.validators", self.validators)
        if self.epochs is not None:
            self.epochs.check()

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
        fields = _object(file, _FIELDS, ("epochs",))
        prices = _object(fields["prices"], ("per_byte", "per_mega_fuel"))
        validators = fields["validators"]
        if not isinstance(validators, list):
            raise strict_json.JsonError("validators: an array of accounts is expected")
        epochs = None if fields.get("epochs") is None else _object(fields["epochs"], ("blocks", "authority"))
        network = _text(fields["network"], "network", Digest.parse)
        genesis = cls(
            version=_version(fields["version"]),
            name=_text(fields["name"], "name", str),
            time_ms=read_exact(fields["time_ms"]),
            validators=tuple(_text(account, "validators", AccountId.parse) for account in validators),
            prices=Prices(read_exact(prices["per_byte"]), read_exact(prices["per_mega_fuel"])),
            epochs=None if epochs is None else _epochs(epochs),
        )
        return network, genesis

    def to_json(self) -> dict[str, Any]:
        """The file form: its fields, with the network's digest in front."""
        prices = self.prices
        epochs = {} if self.epochs is None else {"epochs": self.epochs.to_json()}
        return {
            "network": str(self.network()),
            "version": self.version,
            "name": self.name,
            "time_ms": exact(self.time_ms),
            "validators": [str(validator) for validator in self.validators],
            "prices": {
                "per_byte": exact(prices.per_byte),
                "per_mega_fuel": exact(prices.per_mega_fuel),
            },
            **epochs,
        }

    def to_text(self) -> str:
        """The file's text, for people to read and keep."""
        return strict_json.pretty(self.to_json())

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(_PLAIN_FIELDS + (self.epochs is not None))
        w.uint(self.version)
        w.text(self.name)
        w.uint(self.time_ms)
        write_members(w, self.validators)
        w.array(2)
        w.uint(self.prices.per_byte)
        w.uint(self.prices.per_mega_fuel)
        if self.epochs is not None:
            self.epochs.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        changing = r.one_more_than(_PLAIN_FIELDS, "the genesis")
        version, name, time_ms = r.small(32), r.text(MAX_NETWORK_NAME_BYTES), r.uint()
        validators = read_members(r)
        r.array(2)
        prices = Prices(r.uint(), r.uint())
        return cls(version, name, time_ms, validators, prices, Epochs.read(r) if changing else None)


def _epochs(fields: dict[str, Any]) -> Epochs:
    return Epochs(read_exact(fields["blocks"]), _text(fields["authority"], "authority", AccountId.parse))


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


def _version(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise strict_json.JsonError("version: an unsigned integer is expected")
    return value
