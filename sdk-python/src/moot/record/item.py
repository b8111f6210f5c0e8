"""What every record has: one encoding, a decoder that takes nothing else, and records inside records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeVar

from moot.record.cbor import Reader, Writer, too_long

if TYPE_CHECKING:
    from typing_extensions import Self

R = TypeVar("R", bound="Item")


class Item(ABC):
    """A value with one canonical encoding."""

    __slots__ = ()

    @abstractmethod
    def write(self, w: Writer) -> None:
        """Appends the encoding."""

    @classmethod
    @abstractmethod
    def read(cls, r: Reader) -> Self:
        """Reads one item, leaving the reader behind it."""


class Record(Item):
    """An item that stands alone: it has `encode` and `decode`."""

    __slots__ = ()

    MAX_BYTES: ClassVar[int]

    def encode(self) -> bytes:
        """Its one encoding."""
        w = Writer()
        self.write(w)
        return w.done()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Reads exactly what `encode` writes.

        Raises:
            DecodeError: on any other byte string: too long, truncated, followed by more, in another form, or against
                the rules of the type.
        """
        if len(data) > cls.MAX_BYTES:
            raise too_long("the record", 0, len(data), cls.MAX_BYTES)
        r = Reader(data)
        value = cls.read(r)
        r.end()
        return value


def write_nested(w: Writer, value: Item) -> None:
    """Writes a record inside another: a byte string, so that it can be hashed as it stands."""
    inner = Writer()
    value.write(inner)
    w.byte_string(inner.done())


def read_nested(r: Reader, kind: type[R], most: int) -> R:
    """Reads a record inside a byte string of at most `most` bytes."""
    inner = Reader(r.byte_string(most))
    value = kind.read(inner)
    inner.end()
    return value
