"""What precedes the body in a recorded payload: the request's or response's head, the event's attributes.

```text
payload = head (one CBOR item) || body (as it was)
```

The item ends where it ends, so the body needs no framing. Fields keep the order in which they were sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, shown
from moot.record.cbor import Reader, Writer, too_long
from moot.record.item import Item
from moot.record.limits import MAX_HEAD_BYTES, MAX_HEAD_FIELDS
from moot.record.text import base64url

if TYPE_CHECKING:
    from typing_extensions import Self

_FIELD_NAME = re.compile(r"[!-@\[-~]+", re.ASCII)

Headers = tuple[tuple[str, bytes], ...]


class Head(Item):
    """What precedes a body."""

    __slots__ = ()

    def with_body(self, body: bytes) -> bytes:
        """The head and `body` as one payload."""
        w = Writer()
        self.write(w)
        w.raw(body)
        return w.done()

    @classmethod
    def split(cls, payload: bytes) -> tuple[Self, bytes]:
        """Splits a payload into its head and its body.

        Raises:
            DecodeError: when the payload does not start with such a head.
        """
        r = Reader(payload)
        head = cls.read(r)
        if r.position > MAX_HEAD_BYTES:
            raise too_long("the head", 0, r.position, MAX_HEAD_BYTES)
        return head, r.rest()


def _write_headers(w: Writer, headers: Headers) -> None:
    w.array(len(headers))
    for name, value in headers:
        w.array(2)
        w.text(name)
        w.byte_string(value)


def _read_header(r: Reader) -> tuple[str, bytes]:
    r.array(2)
    name = r.text(MAX_HEAD_BYTES)
    if not _FIELD_NAME.fullmatch(name):
        raise Invalid("headers.name", f"{shown(name)} is not a lowercase field name")
    return (name, r.byte_string(MAX_HEAD_BYTES))


def _read_headers(r: Reader) -> Headers:
    return tuple(_read_header(r) for _ in range(r.list(MAX_HEAD_FIELDS)))


def _headers_json(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": base64url(value)} for name, value in headers]


@dataclass(frozen=True, slots=True)
class HttpRequestHead(Head):
    """The head of a recorded HTTP request: `[method, target, [[name, value], ...]]`."""

    method: str
    target: str
    headers: Headers = ()

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"method": self.method, "target": self.target, "headers": _headers_json(self.headers)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        w.text(self.method)
        w.text(self.target)
        _write_headers(w, self.headers)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(3)
        return cls(r.text(MAX_HEAD_BYTES), r.text(MAX_HEAD_BYTES), _read_headers(r))


@dataclass(frozen=True, slots=True)
class HttpResponseHead(Head):
    """The head of a recorded HTTP response: `[status, [[name, value], ...]]`."""

    status: int
    headers: Headers = ()

    def __post_init__(self) -> None:
        if not 100 <= self.status <= 999:
            raise Invalid("status", f"{self.status} is no HTTP status")

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"status": self.status, "headers": _headers_json(self.headers)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(2)
        w.uint(self.status)
        _write_headers(w, self.headers)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(2)
        return cls(r.small(16), _read_headers(r))


@dataclass(frozen=True, slots=True)
class EventInput(Head):
    """What precedes the data of an event: `[source, content_type, [[name, value], ...]]`."""

    source: str
    content_type: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "source": self.source,
            "content_type": self.content_type,
            "attributes": [list(pair) for pair in self.attributes],
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        w.text(self.source)
        w.text(self.content_type)
        w.array(len(self.attributes))
        for name, value in self.attributes:
            w.array(2)
            w.text(name)
            w.text(value)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""

        def pair() -> tuple[str, str]:
            r.array(2)
            return (r.text(MAX_HEAD_BYTES), r.text(MAX_HEAD_BYTES))

        r.array(3)
        source, content_type = r.text(MAX_HEAD_BYTES), r.text(MAX_HEAD_BYTES)
        return cls(source, content_type, tuple(pair() for _ in range(r.list(MAX_HEAD_FIELDS))))
