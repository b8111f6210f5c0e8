"""An entry's address, and a function's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import Invalid, ParseError, shown
from moot.record import hash as domains
from moot.record.cbor import Writer
from moot.record.item import Record
from moot.record.limits import MAX_FUNCTION_NAME_BYTES

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader
    from moot.record.fixed import Digest

_PLACES = (("lane", 32), ("batch", 64), ("bundle", 16), ("page", 16), ("slot", 16))
_NUMBER = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)
_NAME = re.compile(r"[a-z0-9-]*", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class EntryId(Record):
    """Where an entry stands: lane, batch in the lane, bundle in the batch, page in the bundle, slot in the page.

    It is the id of a call. Its text form is `lane-batch-bundle-page-slot` in decimal: `0-42-0-1-3`.
    """

    lane: int
    batch: int
    bundle: int
    page: int
    slot: int

    MAX_BYTES = 64

    def __post_init__(self) -> None:
        for (name, bits), value in zip(_PLACES, self._numbers(), strict=True):
            if not 0 <= value < 1 << bits:
                raise Invalid(f"id.{name}", f"{value} is not an unsigned integer of {bits} bits")

    def _numbers(self) -> tuple[int, ...]:
        return (self.lane, self.batch, self.bundle, self.page, self.slot)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text form, in which every number has one form: no sign, no leading zero.

        Raises:
            ParseError: on anything else.
        """
        parts = text.split("-")
        try:
            if len(parts) == len(_PLACES) and all(map(_NUMBER.fullmatch, parts)):
                return cls(*map(int, parts))
        except Invalid:
            pass
        why = "it has five decimal numbers, lane-batch-bundle-page-slot, as in 0-42-0-1-3"
        raise ParseError(text, "an entry's address", why)

    def __str__(self) -> str:
        return "-".join(map(str, self._numbers()))

    def write(self, w: Writer) -> None:
        """Appends `[lane, batch, bundle, page, slot]`."""
        w.array(len(_PLACES))
        for number in self._numbers():
            w.uint(number)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads `[lane, batch, bundle, page, slot]`."""
        r.array(len(_PLACES))
        return cls(*(r.small(bits) for _, bits in _PLACES))

    def seed(self, network: Digest) -> bytes:
        """Thirty-two bytes that depend on the network and this address alone: a deterministic call's randomness."""
        w = Writer()
        network.write(w)
        self.write(w)
        return bytes(domains.SEED.hash(w.done()))


def check_name(name: str) -> str:
    """Checks a function's name: 1 to 63 of `a-z 0-9 -`, starting with a letter, no `--`, not ending with `-`.

    Raises:
        ParseError: says which rule the name breaks, and how.
    """
    why = _broken_rule(name)
    if why is not None:
        raise ParseError(name, "a function name", why)
    return name


def _broken_rule(name: str) -> str | None:
    why = None
    if not name:
        why = "it is empty"
    elif not _NAME.fullmatch(name):
        odd = next(c for c in name if not _NAME.fullmatch(c))
        why = f"{shown(odd)} is not allowed; use lowercase letters a-z, digits and hyphens"
    elif len(name) > MAX_FUNCTION_NAME_BYTES:
        why = f"{len(name)} characters; at most {MAX_FUNCTION_NAME_BYTES} are allowed"
    elif not name[0].isalpha():
        why = "it must start with a letter"
    elif name.endswith("-") or "--" in name:
        why = "a hyphen stands alone between letters or digits"
    return why


def write_name(w: Writer, name: str) -> None:
    """Appends a function's name."""
    w.text(name)


def read_name(r: Reader) -> str:
    """Reads a function's name."""
    name = r.text(MAX_FUNCTION_NAME_BYTES)
    try:
        return check_name(name)
    except ParseError as error:
        raise Invalid("function", str(error)) from None
