"""Server-sent events (WHATWG HTML, section 9.2): bytes to events, and what a node's events say.

```text
body ──chunks──► line buffer (bounded) ──► fields ──blank line──► ServerEvent ──► NodeEvent
```
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.client.errors import Foreign, TooLarge
from moot.client.fields import Fields
from moot.client.limits import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moot.record.address import EntryId
    from moot.record.fixed import Digest


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream: its kind (`message` when the server gave none), its data, its id."""

    name: str
    data: str
    id: str | None = None


class EventParser:
    """Turns bytes into events. Holds at most one unfinished event."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._name = ""
        self._data: list[str] = []
        self._bytes = 0
        self._id: str | None = None

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Takes the next bytes and gives the events that they complete.

        Raises:
            TooLarge: when one event is larger than any that a node writes.
        """
        *lines, rest = chunk.split(b"\n")
        for end in lines:
            line = bytes(self._line) + end
            self._line.clear()
            event = self._field(line.removesuffix(b"\r").decode("utf-8", "replace"))
            self._check()
            if event is not None:
                yield event
        self._line += rest
        self._check()

    def _check(self) -> None:
        if len(self._line) + self._bytes > MAX_EVENT_BYTES:
            raise TooLarge(f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes")

    def _field(self, line: str) -> ServerEvent | None:
        if not line:
            event = ServerEvent(self._name or "message", "\n".join(self._data), self._id) if self._data else None
            self._name, self._data, self._bytes = "", [], 0
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "id":
            self._id = value
        elif name == "data":
            self._data.append(value)
            self._bytes += len(value) + 1
        # Else a comment (no name), `retry`, or a field of a later version.
        return None


@dataclass(frozen=True, slots=True)
class BlockApplied:
    """A block was applied."""

    height: int
    digest: Digest
    batches: int


@dataclass(frozen=True, slots=True)
class ReceiptMade:
    """A call got its receipt."""

    call: EntryId
    receipt: EntryId
    status: str
    fuel: int


@dataclass(frozen=True, slots=True)
class FunctionChanged:
    """A function was deployed, rolled back or retired."""

    name: str


@dataclass(frozen=True, slots=True)
class Missed:
    """This reader was too slow and missed this many events."""

    events: int


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event that a later version of the node tells."""

    type: str
    fields: dict[str, Any]


NodeEvent = BlockApplied | ReceiptMade | FunctionChanged | Missed | OtherEvent


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a function wrote.

    Attributes:
        level: `trace`, `debug`, `info`, `warn`, `error`, `critical`, `stdout` or `stderr`.
        context: the function's own context word; empty for standard output and error.
    """

    time_us: int
    call: str
    level: str
    context: str
    message: str


def node_event(event: ServerEvent) -> NodeEvent:
    """What an event of `/_moot/events` says."""
    f = event_fields(event)
    match event.name:
        case "block":
            return BlockApplied(f.number("height"), f.digest("digest"), f.number("batches"))
        case "receipt":
            return ReceiptMade(f.id("call"), f.id("receipt"), f.text("status"), f.number("fuel"))
        case "function":
            return FunctionChanged(f.text("name"))
        case "missed":
            return Missed(f.number("events"))
        case other:
            return OtherEvent(other, f.raw())


def log_event(event: ServerEvent) -> LogLine | Missed:
    """What an event of a function's log says."""
    f = event_fields(event)
    if event.name == "missed":
        return Missed(f.number("events"))
    context = f.optional("context", f.text) or ""
    return LogLine(f.number("time_us"), f.text("call"), f.text("level"), context, f.text("message"))


def event_fields(event: ServerEvent) -> Fields:
    """The fields of an event's JSON."""
    try:
        return Fields(json.loads(event.data))
    except (ValueError, RecursionError) as error:
        raise Foreign(f"an event {event.name} is not the JSON expected ({error})") from None
