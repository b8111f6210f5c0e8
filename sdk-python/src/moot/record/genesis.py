"""The genesis: what a network is, and all that a verifier has to trust.

- Requires: that the file came from someone who is believed.
- Provides: the network's digest, which every bundle names; the committee whose votes certify blocks; prices.
- Does not provide: later committees. While the validators never change, one genesis verifies every height.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, ParseError, ProofError, shown
from moot.record import hash as domains
from moot.record import strict_json
from moot.record.fixed import AccountId, Digest
from moot.record.item import Record
from moot.record.key import is_reliable
from moot.record.limits import MAX_GENESIS_BYTES, MAX_NETWORK_NAME_BYTES, MAX_VALIDATORS
from moot.record.text import exact, has_control, read_exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

GENESIS_VERSION = 1
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
        validators: the replicas that vote, sorted.
    """

    version: int
    name: str
    time_ms: int
    validators: tuple[AccountId, ...]
    prices: Prices

    MAX_BYTES = MAX_GENESIS_BYTES

    def __post_init__(self) -> None:
        if self.version != GENESIS_VERSION:
            why = f"{self.version}; this version of moot knows {GENESIS_VERSION}"
            raise Invalid("genesis.version", why)
        if has_control(self.name) or not 1 <= len(self.name.encode()) <= MAX_NETWORK_NAME_BYTES:
            why = f"is not 1 to {MAX_NETWORK_NAME_BYTES} bytes without control characters"
            raise Invalid("genesis.name", f"{shown(self.name)} {why}")
        validators = self.validators
        if not 1 <= len(validators) <= MAX_VALIDATORS:
            why = f"{len(validators)} of them; a network has 1 to {MAX_VALIDATORS}"
            raise Invalid("genesis.validators", why)
        if any(bytes(a) >= bytes(b) for a, b in pairwise(validators)):
            raise Invalid("genesis.validators", "not sorted, each once")
        for validator in validators:
            # With a key of small order anybody could make this validator's votes.
            if not is_reliable(validator):
                why = f"{validator} is no ed25519 public key that can be relied on"
                raise Invalid("genesis.validators", why)

    def network(self) -> Digest:
        """The network's digest: what every bundle names."""
        return domains.GENESIS.hash(self.encode())

    def namespace(self) -> bytes:
        """The namespace of the replicas' votes: `moot:` and the first 16 digits of the network."""
        return b"moot:" + str(self.network())[:16].encode("ascii")

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
        fields = _object(file, _FIELDS)
        prices = _object(fields["prices"], ("per_byte", "per_mega_fuel"))
        validators = fields["validators"]
        if not isinstance(validators, list):
            raise strict_json.JsonError("validators: an array of accounts is expected")
        network = _text(fields["network"], "network", Digest.parse)
        genesis = cls(
            version=_version(fields["version"]),
            name=_text(fields["name"], "name", str),
            time_ms=read_exact(fields["time_ms"]),
            validators=tuple(_text(account, "validators", AccountId.parse) for account in validators),
            prices=Prices(read_exact(prices["per_byte"]), read_exact(prices["per_mega_fuel"])),
        )
        return network, genesis

    def to_json(self) -> dict[str, Any]:
        """The file form: its fields, with the network's digest in front."""
        prices = self.prices
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
        }

    def to_text(self) -> str:
        """The file's text, for people to read and keep."""
        return strict_json.pretty(self.to_json())

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(5)
        w.uint(self.version)
        w.text(self.name)
        w.uint(self.time_ms)
        w.array(len(self.validators))
        for validator in self.validators:
            validator.write(w)
        w.array(2)
        w.uint(self.prices.per_byte)
        w.uint(self.prices.per_mega_fuel)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(5)
        version, name, time_ms = r.small(32), r.text(MAX_NETWORK_NAME_BYTES), r.uint()
        validators = tuple(AccountId.read(r) for _ in range(r.list(MAX_VALIDATORS)))
        r.array(2)
        return cls(version, name, time_ms, validators, Prices(r.uint(), r.uint()))


def _object(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise strict_json.JsonError(f"an object with {', '.join(names)} is expected")
    for name in names:
        if name not in value:
            raise strict_json.JsonError(f"it has no field {name}")
    for name in value:
        if name not in names:
            raise strict_json.JsonError(f"its field {shown(name)} is none of {', '.join(names)}")
    return value


def _text(value: Any, name: str, read: Callable[[str], Any]) -> Any:
    if not isinstance(value, str):
        raise strict_json.JsonError(f"{name}: a string is expected")
    return read(value)


def _version(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise strict_json.JsonError("version: an unsigned integer is expected")
    return value
