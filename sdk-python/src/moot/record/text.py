"""Text forms shared by the JSON views: exact integers, base64url, and enumerations with a number and a name."""

from __future__ import annotations

import base64
import re
import unicodedata
from enum import Enum
from typing import TYPE_CHECKING

from moot.errors import ParseError
from moot.record.cbor import unknown_number
from moot.record.limits import MAX_JSON_INTEGER

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def exact(value: int) -> int | str:
    """An unsigned integer in JSON without loss: a number up to 2^53-1, a decimal string above."""
    return value if value <= MAX_JSON_INTEGER else str(value)


def read_exact(value: object) -> int:
    """Reads what `exact` writes. Each value has one form; the other is refused.

    Raises:
        ParseError: on anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_JSON_INTEGER:
        return value
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        number = int(value)
        if MAX_JSON_INTEGER < number < 1 << 64 and str(number) == value:
            return number
    raise ParseError(str(value), "an integer", "a JSON number up to 2^53-1, a decimal string above it")


def base64url(data: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def read_base64url(text: str) -> bytes:
    """Reads what `base64url` writes: no padding, no other alphabet, no bits beyond the last byte.

    Raises:
        ParseError: on anything else.
    """
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ParseError(text, "base64url without padding", "it has other characters, or one too few")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ParseError(text, "base64url without padding", "its last character has bits beyond the last byte")
    return data


def has_control(text: str) -> bool:
    """Whether there is a control character (Unicode category Cc) in `text`."""
    return any(unicodedata.category(c) == "Cc" for c in text)


class Numbered(Enum):
    """An enumeration whose members have a stable number (in records) and a stable name (in text)."""

    @property
    def number(self) -> int:
        """Its number in records."""
        number: int = self.value[0]
        return number

    @property
    def text(self) -> str:
        """Its name in text forms."""
        text: str = self.value[1]
        return text

    def __str__(self) -> str:
        return self.text

    def write(self, w: Writer) -> None:
        """Appends the number."""
        w.uint(self.number)

    @classmethod
    def kind(cls) -> str:
        """What the members are, in words."""
        return (cls.__doc__ or "").partition(":")[0].removesuffix(".").lower()

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads the number."""
        at = r.position
        number = r.uint()
        for member in cls:
            if member.number == number:
                return member
        raise unknown_number(cls.kind(), at, number)

    @classmethod
    def parse(cls, text: object) -> Self:
        """The member of that name.

        Raises:
            ParseError: when there is none.
        """
        for member in cls:
            if member.text == text:
                return member
        known = " ".join(member.text for member in cls)
        raise ParseError(str(text), f"a {cls.kind()}", f"known are {known}")
