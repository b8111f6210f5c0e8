"""The subset of CBOR (RFC 8949) that records are written in, with exactly one encoding for each value.

Unsigned integers, byte strings, text, arrays, booleans and null; heads in their shortest form, lengths definite,
nothing after the end. The reader checks every length against what is left and against the caller's bound before
anything is copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from moot.errors import DecodeError, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_UINT: Final = 0
_BYTES: Final = 2
_TEXT: Final = 3
_ARRAY: Final = 4
_FALSE: Final = 0xF4
_TRUE: Final = 0xF5
_NULL: Final = 0xF6
# What follows the first byte of a head: how many bytes, and the least value that needs them.
_WIDTHS: Final = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
_KINDS: Final = (
    "an unsigned integer",
    "a negative integer",
    "a byte string",
    "text",
    "an array",
    "a map",
    "a tag",
)


def head_len(value: int) -> int:
    """How many bytes the head of an array, a string or an integer takes."""
    if value < 24:
        return 1
    return 1 + next(width for width in (1, 2, 4, 8) if value < 1 << 8 * width)


class Writer:
    """Appends items to a buffer."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out = bytearray()

    def done(self) -> bytes:
        """What was written."""
        return bytes(self._out)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._out += data

    def uint(self, value: int, bits: int = 64) -> None:
        """An unsigned integer that fits `bits`."""
        if not 0 <= value < 1 << bits:
            raise Invalid("integer", f"{value} is not an unsigned integer of {bits} bits")
        self._head(_UINT, value)

    def byte_string(self, data: bytes) -> None:
        """A byte string."""
        self._head(_BYTES, len(data))
        self._out += data

    def text(self, text: str) -> None:
        """Text."""
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError:
            raise Invalid("text", "it has a lone surrogate, which UTF-8 cannot hold") from None
        self._head(_TEXT, len(data))
        self._out += data

    def array(self, length: int) -> None:
        """The head of an array; its items follow."""
        self._head(_ARRAY, length)

    def boolean(self, value: bool) -> None:
        """A boolean."""
        self._out.append(_TRUE if value else _FALSE)

    def null(self) -> None:
        """Null."""
        self._out.append(_NULL)

    def optional(self, value: T | None, write: Callable[[T], None]) -> None:
        """The value, or null."""
        if value is None:
            self.null()
        else:
            write(value)

    def _head(self, major: int, value: int) -> None:
        if value < 24:
            self._out.append(major << 5 | value)
            return
        for short, (width, _) in _WIDTHS.items():
            if value < 1 << 8 * width:
                self._out.append(major << 5 | short)
                self._out += value.to_bytes(width, "big")
                return
        raise Invalid("integer", f"{value} does not fit 64 bits")


class Reader:
    """Reads the subset from bytes, refusing every other form."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._at

    @property
    def left(self) -> int:
        """How many bytes were not read yet."""
        return len(self._data) - self._at

    def rest(self) -> bytes:
        """The bytes that were not read yet."""
        return self._data[self._at :]

    def take(self, length: int) -> bytes:
        """The next `length` bytes as they are."""
        if length > self.left:
            raise DecodeError(f"truncated at byte {self._at}: {length} more bytes are announced, {self.left} are left")
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken

    def uint(self) -> int:
        """An unsigned integer of 64 bits."""
        return self._head(_UINT)

    def small(self, bits: int) -> int:
        """An unsigned integer that fits `bits`."""
        at = self._at
        value = self.uint()
        if value >= 1 << bits:
            raise DecodeError(f"{value} at byte {at} does not fit {bits} bits")
        return value

    def byte_string(self, most: int) -> bytes:
        """A byte string of at most `most` bytes."""
        return self.take(self._length(_BYTES, most))

    def fixed(self, length: int) -> bytes:
        """A byte string of exactly `length` bytes."""
        at = self._at
        found = self._head(_BYTES)
        if found != length:
            raise wrong_length("a byte string", at, found, length)
        return self.take(length)

    def text(self, most: int) -> str:
        """Text of at most `most` bytes."""
        at = self._at
        try:
            return self.take(self._length(_TEXT, most)).decode("utf-8")
        except UnicodeDecodeError:
            raise DecodeError(f"text at byte {at} is not UTF-8") from None

    def array(self, length: int) -> None:
        """The head of an array of exactly `length` items."""
        at = self._at
        found = self._head(_ARRAY)
        if found != length:
            raise wrong_length("an array", at, found, length)

    def list(self, most: int) -> int:
        """The head of an array of at most `most` items; never more than the bytes left, an item each."""
        at = self._at
        length = self._length(_ARRAY, most)
        if length > self.left:
            raise DecodeError(f"truncated at byte {at}: {length} items are announced, {self.left} bytes are left")
        return length

    def one_more_than(self, length: int, what: str) -> bool:
        """The head of an array of `length` items, or of one more: whether it has that one."""
        at = self._at
        found = self.list(length + 1)
        if found < length:
            raise wrong_length(what, at, found, length)
        return found > length

    def boolean(self) -> bool:
        """A boolean."""
        at = self._at
        first = self.take(1)[0]
        if first in (_FALSE, _TRUE):
            return first == _TRUE
        raise _wrong_type(at, "a boolean", first)

    def at_text(self) -> bool:
        """Whether text comes next."""
        return self.left > 0 and self._data[self._at] >> 5 == _TEXT

    def optional(self, read: Callable[[], T]) -> T | None:
        """Null, or what `read` reads."""
        if self._data[self._at : self._at + 1] == bytes([_NULL]):
            self._at += 1
            return None
        return read()

    def end(self) -> None:
        """Ends reading: nothing may be left."""
        if self.left:
            raise DecodeError(
                f"{self.left} bytes follow the end of the record at byte {self._at}; "
                "a record ends where its encoding ends"
            )

    def _head(self, major: int) -> int:
        at = self._at
        first = self.take(1)[0]
        if first >> 5 != major:
            self._at = at
            raise _wrong_type(at, _KINDS[major], first)
        short = first & 31
        if short < 24:
            return short
        if short not in _WIDTHS:
            raise DecodeError(f"indefinite or reserved length at byte {at}; lengths are definite")
        width, least = _WIDTHS[short]
        value = int.from_bytes(self.take(width), "big")
        if value < least:
            raise DecodeError(f"{value} at byte {at} is not written in its shortest form")
        return value

    def _length(self, major: int, most: int) -> int:
        at = self._at
        length = self._head(major)
        if length > most:
            raise too_long(_KINDS[major], at, length, most)
        return length


def too_long(what: str, at: int, length: int, most: int) -> DecodeError:
    """The error for a string or array above its bound."""
    return DecodeError(f"{what} at byte {at} has length {length}; at most {most} is allowed")


def unknown_number(what: str, at: int, value: int) -> DecodeError:
    """The error for a number that stands for nothing."""
    return DecodeError(f"{value} at byte {at} is no known {what}; a newer version may know it")


def wrong_length(what: str, at: int, found: int, wanted: int) -> DecodeError:
    """The error for a string or array of another length than the format has."""
    return DecodeError(f"{what} at byte {at} has length {found}; the format has {wanted} here")


def _wrong_type(at: int, wanted: str, first: int) -> DecodeError:
    if first >> 5 < len(_KINDS):
        found = _KINDS[first >> 5]
    else:
        named = {_FALSE: "a boolean", _TRUE: "a boolean", _NULL: "null"}
        found = named.get(first, "a float or another simple value")
    return DecodeError(f"byte {at} starts {found}; the format has {wanted} here")
