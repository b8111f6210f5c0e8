"""Reads the JSON of a node's answers, each field with its type. Fields that a later version adds are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from moot.client.errors import Foreign
from moot.errors import ParseError
from moot.record.address import EntryId
from moot.record.fixed import AccountId, Digest
from moot.record.payload import Payload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_UNITS_DIGITS = 39
"""Sums of units of 64 bits, which nodes make in 128."""


class Fields:
    """Reads the fields of a JSON object, each with its type.

    Raises:
        Foreign: when one is missing or of another type.
    """

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise Foreign("the node's answer has something else where an object is expected")
        self._fields: dict[str, Any] = value

    def text(self, name: str) -> str:
        """A string."""
        return self._typed(name, str)

    def number(self, name: str) -> int:
        """An integer."""
        value = self._typed(name, int)
        if isinstance(value, bool):
            raise _wrong(name, "int")
        return value

    def units(self, name: str) -> int:
        """Units of account: a string of decimal digits, because they may be above 2^53."""
        return self.parsed(name, _read_units)

    def flag(self, name: str) -> bool:
        """A boolean."""
        return self._typed(name, bool)

    def items(self, name: str) -> list[Any]:
        """A list."""
        return self._typed(name, list)

    def inner(self, name: str) -> Fields:
        """An object."""
        return Fields(self._fields.get(name))

    def raw(self) -> dict[str, Any]:
        """All of it."""
        return dict(self._fields)

    def parsed(self, name: str, parse: Callable[[str], T]) -> T:
        """A string with a form of its own."""
        try:
            return parse(self.text(name))
        except ParseError as error:
            raise Foreign(f"the node's answer: {name}: {error}") from None

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """What `read` reads, when it is there."""
        return None if self._fields.get(name) is None else read(name)

    def id(self, name: str) -> EntryId:
        """An entry's address."""
        return self.parsed(name, EntryId.parse)

    def digest(self, name: str) -> Digest:
        """A digest."""
        return self.parsed(name, Digest.parse)

    def account(self, name: str) -> AccountId:
        """An account."""
        return self.parsed(name, AccountId.parse)

    def payload(self, name: str) -> Payload:
        """A payload by digest and length."""
        inner = self.inner(name)
        return Payload(inner.digest("digest"), inner.number("bytes"))

    def _typed(self, name: str, kind: type[T]) -> T:
        value = self._fields.get(name)
        if not isinstance(value, kind):
            raise _wrong(name, kind.__name__)
        return value


def _read_units(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_UNITS_DIGITS):
        raise ParseError(text, "a number of units", f"it has 1 to {MAX_UNITS_DIGITS} decimal digits")
    return int(text)


def _wrong(name: str, kind: str) -> Foreign:
    return Foreign(f"the node's answer has no {kind} called {name}; is it the same version of moot?")
