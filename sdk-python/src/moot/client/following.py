"""Following values through broken connections: where the reader stands, and when the next connection is made.

```text
driver ──ask──► node ──events──► Following ──ValueView, ValuesMissed──► reader
   ▲                                 │ the last address seen
   └───── pause, then with it ◄──────┘ when the connection breaks
```

No connection here. What the node says by an address it says once: a reader that comes back with the last one that it
has seen gets what came after it. What may have been missed is said in its place, never passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.client.errors import Broken, ClientError, Refused, TimedOut, Unreachable
from moot.client.events import EventParser, ServerEvent, event_fields
from moot.client.limits import FIRST_PAUSE_S, MAX_PAUSE_S, RECONNECTS
from moot.client.targets import id_in, pattern_in
from moot.client.values import ValueView

if TYPE_CHECKING:
    from moot.client.exchange import Exchange, Reply
    from moot.client.operations import Operations
    from moot.record.address import EntryId


@dataclass(frozen=True, slots=True)
class ValuesMissed:
    """Values may have been missed here.

    Attributes:
        after: those after this address: the node does not know it any more. None: those that were written while the
            connection was broken, before the first value had come.
    """

    after: EntryId | None


class Following:
    """Where a reader of values stands."""

    def __init__(self, node: Operations, pattern: str, after: EntryId | str | None) -> None:
        self._node = node
        self._target = f"/_moot/values{pattern_in(pattern)}?follow"
        self._last = None if after is None else id_in(after)
        self._failures = 0
        self._parser = EventParser()

    def connect(self) -> Exchange[Reply]:
        """`GET /_moot/values/{pattern}?follow`, after the last value that was seen."""
        return self._node.follow(self._target, () if self._last is None else (("last-event-id", str(self._last)),))

    def parser(self) -> EventParser:
        """What reads the events of a new connection."""
        self._parser = EventParser()
        return self._parser

    def read(self, event: ServerEvent) -> ValueView | ValuesMissed:
        """What an event says."""
        f = event_fields(event)
        if event.name == "missed":
            return ValuesMissed(f.id("from"))
        value = ValueView.read(f)
        self._last = value.id
        return value

    def pause_after(self, error: ClientError) -> float:
        """How long to wait before the next connection, after one that ended so.

        Raises:
            ClientError: `error` itself, when another try would not be better, or there were enough of them.
        """
        if self._parser.heard:
            self._failures = 0
        self._parser = EventParser()
        busy = isinstance(error, Refused) and error.status in (429, 502, 503, 504)
        if not busy and not isinstance(error, (Broken, TimedOut, Unreachable)):
            raise error
        self._failures += 1
        if self._failures > RECONNECTS:
            raise error
        asked_for = error.retry_after_s if isinstance(error, Refused) else None
        pause = FIRST_PAUSE_S * 2 ** (self._failures - 1) if asked_for is None else asked_for
        return min(pause, MAX_PAUSE_S)

    def back(self) -> ValuesMissed | None:
        """What may have been missed, once there is a connection again."""
        return ValuesMissed(None) if self._last is None else None
