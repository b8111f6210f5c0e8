"""What can go wrong, as far as every part of the package shares it.

Every error that is raised on purpose is a `MootError`. Each says what was wrong with which value, and what would be
right; what a stranger sent is shown shortened and escaped, so that it cannot drive a terminal.
"""

from __future__ import annotations

__all__ = ["DecodeError", "Invalid", "MootError", "ParseError", "ProofError", "line", "shown"]

MAX_MESSAGE_CHARACTERS = 4096
"""Of a message, before escapes: a screen or two. A server may write megabytes."""

MAX_SHOWN_CHARACTERS = 80
"""A value in a message is there to be recognised, not to be read."""


class MootError(Exception):
    """Every error of this package.

    Its text can be printed, whatever a server or a guest wrote into it: it is one line of bounded length, and every
    character in it that is not printable is shown as an escape.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(line(_shortened(message, MAX_MESSAGE_CHARACTERS)))


class DecodeError(MootError, ValueError):
    """Bytes that are not the one encoding of a record."""


class Invalid(DecodeError):
    """A value against the rules of its field, whether it was read or about to be written.

    Attributes:
        field: the field, dotted (`payload.inline`).
        why: what is wrong with which value, and what would be right.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class ParseError(MootError, ValueError):
    """A text form that cannot be read."""

    def __init__(self, found: str, wanted: str, why: str) -> None:
        super().__init__(f"{shown(found)} is not {wanted}: {why}")


class ProofError(MootError):
    """A proof, a signed entry, a receipt file or a genesis that proves nothing.

    Attributes:
        field: the part that does not fit, dotted: `bundle.signature`, `certificate.quorum`, `receipt.fuel`.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


def shown(text: str) -> str:
    """`text` in quotes, shortened, with everything that is not printable escaped."""
    body = "".join("\\" + c if c in '"\\' else line(c) for c in _shortened(text, MAX_SHOWN_CHARACTERS))
    return f'"{body}"'


def line(text: str) -> str:
    """Text of others in one line: every character that is not printable is shown as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
