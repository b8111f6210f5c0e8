"""Byte values of a fixed length and their text form, lowercase hexadecimal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from moot.errors import ParseError
from moot.record.item import Item

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

_HEX = re.compile(r"[0-9a-f]*", re.ASCII)


class FixedBytes(Item):
    """So many bytes; `str` gives them as lowercase hexadecimal, `bytes` as they are. Two kinds are never equal."""

    __slots__ = ("_data",)

    LENGTH: ClassVar[int]
    WANTED: ClassVar[str]

    def __init__(self, data: bytes) -> None:
        if len(data) != self.LENGTH:
            raise ParseError(data[:40].hex(), self.WANTED, f"{len(data)} bytes instead of {self.LENGTH}")
        self._data = bytes(data)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text form.

        Raises:
            ParseError: when it is no lowercase hexadecimal of this length.
        """
        if len(text) != 2 * cls.LENGTH:
            raise ParseError(text, cls.WANTED, f"{len(text)} characters instead of {2 * cls.LENGTH}")
        if not _HEX.fullmatch(text):
            place = next(i for i, c in enumerate(text, 1) if c not in "0123456789abcdef")
            raise ParseError(text, cls.WANTED, f"character {place} is not one of 0-9 a-f")
        return cls(bytes.fromhex(text))

    def write(self, w: Writer) -> None:
        """Appends a byte string."""
        w.byte_string(self._data)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads a byte string of the one length."""
        return cls(r.fixed(cls.LENGTH))

    def __bytes__(self) -> bytes:
        return self._data

    def __str__(self) -> str:
        return self._data.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedBytes) and type(other) is type(self) and self._data == other._data

    def __lt__(self, other: Self) -> bool:
        return self._data < other._data

    def __hash__(self) -> int:
        return hash((type(self), self._data))


class Digest(FixedBytes):
    """A BLAKE3 digest."""

    __slots__ = ()
    LENGTH = 32
    WANTED = "a digest (64 hexadecimal digits)"


class AccountId(FixedBytes):
    """An account: an ed25519 public key."""

    __slots__ = ()
    LENGTH = 32
    WANTED = "an account (64 hexadecimal digits)"


class Signature(FixedBytes):
    """An ed25519 signature, R then s."""

    __slots__ = ()
    LENGTH = 64
    WANTED = "a signature (128 hexadecimal digits)"


ZERO: Final = Digest(bytes(32))
"""The root of an empty tree and the parent of the first block."""
