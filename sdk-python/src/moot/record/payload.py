"""A payload by digest: what went into a function or came out of it. And the paths that values are written to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, shown
from moot.record import hash as domains
from moot.record.fixed import Digest
from moot.record.item import Item
from moot.record.limits import (
    MAX_INLINE_BYTES,
    MAX_PATH_BYTES,
    MAX_PATH_LABEL_BYTES,
    MAX_PATH_LABELS,
    MAX_RULE_BYTES,
    MAX_VARIABLE_BYTES,
)
from moot.record.text import base64url, exact

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

_LABEL = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
_VARIABLE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def payload_digest(data: bytes) -> Digest:
    """The digest of bytes that went in or came out."""
    return domains.PAYLOAD.hash(data)


@dataclass(frozen=True, slots=True)
class Payload(Item):
    """Bytes by digest and length, perhaps with the bytes themselves. In JSON: `digest`, `bytes`, `inline`."""

    digest: Digest
    length: int
    inline: bytes | None = None

    def __post_init__(self) -> None:
        inline = self.inline
        if inline is None:
            return
        if len(inline) > MAX_INLINE_BYTES:
            raise Invalid("payload.inline", f"{len(inline)} bytes; at most {MAX_INLINE_BYTES} ride in an entry")
        if len(inline) != self.length:
            raise Invalid("payload.bytes", f"{len(inline)} bytes are inline, {self.length} are announced")
        found = payload_digest(inline)
        if found != self.digest:
            raise Invalid("payload.digest", f"the inline bytes have digest {found}, not {self.digest}")

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The payload of some bytes, by digest alone."""
        return cls(payload_digest(data), len(data))

    @classmethod
    def inlined(cls, data: bytes) -> Self:
        """The payload of some bytes, with them when they are few enough to ride in an entry."""
        return cls(payload_digest(data), len(data), data if len(data) <= MAX_INLINE_BYTES else None)

    def is_of(self, data: bytes) -> bool:
        """Whether these are the bytes."""
        return self.length == len(data) and self.digest == payload_digest(data)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        readable: dict[str, Any] = {"digest": str(self.digest), "bytes": exact(self.length)}
        if self.inline is not None:
            readable["inline"] = base64url(self.inline)
        return readable

    def write(self, w: Writer) -> None:
        """Appends `[digest, length, bytes|null]`."""
        w.array(3)
        self.digest.write(w)
        w.uint(self.length)
        w.optional(self.inline, w.byte_string)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads `[digest, length, bytes|null]`."""
        r.array(3)
        return cls(Digest.read(r), r.uint(), r.optional(lambda: r.byte_string(MAX_INLINE_BYTES)))


def check_path(path: str, field: str = "value.path") -> None:
    """Checks a path: labels of `A-Z a-z 0-9 - . _ ~`, each after a slash, none of them `.` or `..`.

    Raises:
        Invalid: says which rule it breaks.
    """
    for label in _labels(path, field):
        _check_label(label, field)


def check_rule_text(rule: str, field: str) -> None:
    """Checks the length of a rule's text. Whether it can be judged by is the ledger's to say.

    Raises:
        Invalid: says how long it is.
    """
    length = len(rule.encode("utf-8", "surrogatepass"))
    if not 1 <= length <= MAX_RULE_BYTES:
        raise Invalid(field, f"{length} bytes; a rule has 1 to {MAX_RULE_BYTES}")


def _labels(path: str, field: str) -> list[str]:
    """The labels of a path or pattern whose length and depth are within their bounds."""
    length = len(path.encode("utf-8", "surrogatepass"))
    if length > MAX_PATH_BYTES:
        raise Invalid(field, f"{length} bytes; at most {MAX_PATH_BYTES} are allowed")
    if not path.startswith("/"):
        raise Invalid(field, f"{shown(path)} does not start with a slash; write it like /chat/lobby")
    labels = path[1:].split("/")
    if len(labels) > MAX_PATH_LABELS:
        raise Invalid(field, f"{len(labels)} labels; at most {MAX_PATH_LABELS} are allowed")
    return labels


def _check_label(label: str, field: str) -> None:
    if not _LABEL.fullmatch(label) or label in (".", "..") or len(label) > MAX_PATH_LABEL_BYTES:
        why = f"is not 1 to {MAX_PATH_LABEL_BYTES} of A-Z a-z 0-9 - . _ ~ (and not . or ..)"
        raise Invalid(field, f"label {shown(label)} {why}")


def check_pattern(pattern: str) -> None:
    """Checks a pattern: a path, in which every label but the first may be a variable, `$` and a name. No name twice.

    Raises:
        Invalid: says which label is wrong.
    """
    field = "transaction.pattern"
    names: set[str] = set()
    for at, label in enumerate(_labels(pattern, field)):
        if not label.startswith("$"):
            _check_label(label, field)
            continue
        name = label[1:]
        if not _VARIABLE.fullmatch(name) or len(name) > MAX_VARIABLE_BYTES:
            why = f"is not $ and 1 to {MAX_VARIABLE_BYTES} of a-z 0-9 _, a letter first"
            raise Invalid(field, f"variable {shown(label)} {why}")
        if at == 0:
            why = "begins with a variable; nobody owns what is below all labels"
            raise Invalid(field, f"{shown(pattern)} {why}")
        if name in names:
            raise Invalid(field, f"variable {shown(label)} is there twice")
        names.add(name)
