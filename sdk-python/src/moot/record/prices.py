"""What things cost, and how it is written: with the price of storage, or as networks without an economy have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.record import strict_json
from moot.record.item import Item
from moot.record.text import exact, read_exact

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

_PLAIN = ("per_byte", "per_mega_fuel")


@dataclass(frozen=True, slots=True)
class Prices(Item):
    """What things cost, in the network's smallest unit of account.

    Attributes:
        per_byte: for ordering one byte of an entry.
        per_mega_fuel: for burning one million units of fuel.
        per_stored_byte: for storing one byte of a component, once, when it is deployed.
    """

    per_byte: int
    per_mega_fuel: int
    per_stored_byte: int = 0

    def to_json(self) -> dict[str, Any]:
        """Its readable form, in which the price of storage is left out when it is nothing."""
        plain = {"per_byte": exact(self.per_byte), "per_mega_fuel": exact(self.per_mega_fuel)}
        stored = {"per_stored_byte": exact(self.per_stored_byte)} if self.per_stored_byte else {}
        return {**plain, **stored}

    @classmethod
    def of_json(cls, value: Any) -> Self:
        """Reads the readable form.

        Raises:
            JsonError: when it is none.
        """
        names = (*_PLAIN, "per_stored_byte")
        if not isinstance(value, dict) or not set(_PLAIN) <= set(value) <= set(names):
            raise strict_json.JsonError(f"prices: an object with {', '.join(names)} is expected")
        return cls(*(read_exact(value.get(name, 0)) for name in names))

    def write(self, w: Writer) -> None:
        """Appends all of its fields."""
        w.array(3)
        for price in (self.per_byte, self.per_mega_fuel, self.per_stored_byte):
            w.uint(price)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads all of its fields."""
        r.array(3)
        return cls(r.uint(), r.uint(), r.uint())

    def write_without_storage(self, w: Writer) -> None:
        """Appends the two fields of a list in which storage has no price."""
        w.array(2)
        w.uint(self.per_byte)
        w.uint(self.per_mega_fuel)

    @classmethod
    def read_without_storage(cls, r: Reader) -> Self:
        """Reads the two fields of a list in which storage has no price."""
        r.array(2)
        return cls(r.uint(), r.uint())
