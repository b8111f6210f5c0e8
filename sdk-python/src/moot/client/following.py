"""Following values through broken connections: where the reader stands, and when the next connection is made.

```text
driver ──ask──► node ──events──► Following ──ValueView, ValuesMissed──► reader
   ▲                                 │ where it stands
   └───── pause, then with it ◄──────┘ when the connection breaks
```

No connection here. The node says where following begins, at the end of a block, before anything is written, and with
each value its address: a reader that comes back with the last of these gets what came after it, once. What may have
been missed is said in its place, never passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.client.errors import Broken, ClientError, Foreign, Refused, RequestError, TimedOut, Unreachable
from moot.client.events import EventParser, ServerEvent, event_fields
from moot.client.limits import FIRST_PAUSE_S, MAX_PAUSE_S, RECONNECTS
from moot.client.targets import pattern_in, position_in
from moot.client.values import ValueView

if TYPE_CHECKING:
    from moot.client.exchange import Exchange, Reply
    from moot.client.fields import Fields
    from moot.client.operations import Operations
    from moot.record.address import EntryId


@dataclass(frozen=True, slots=True)
class ValuesMissed:
    """Values may have been missed here.

    Attributes:
        after: those after this address, or the end of this block (`block-17`): the node has forgotten what came next,
            and what it still keeps follows. None: those that were written while the connection was broken, before the
            node had said where following began.
    """

    after: EntryId | str | None


class Following:
    """Where a reader of values stands."""

    def __init__(self, node: Operations, pattern: str, after: EntryId | str | None) -> None:
        self._node = node
        self._target = f"/_moot/values{pattern_in(pattern)}?follow"
        self._last = None if after is None else position_in(after)
        self._failures = 0
        self._told = False
        self._heard = False

    def connect(self) -> Exchange[Reply]:
        """`GET /_moot/values/{pattern}?follow`, after what was seen last."""
        return self._node.follow(self._target, () if self._last is None else (("last-event-id", str(self._last)),))

    def parser(self) -> EventParser:
        """What reads the events of a new connection."""
        self._told = self._heard = False
        return EventParser()

    def read(self, event: ServerEvent) -> ValueView | ValuesMissed | None:
        """What an event says; None: only where the reader stands."""
        f = event_fields(event)
        if event.name == "at":
            self._last = _position(f, "at")
            # The first comes at once, also of a node that ends every stream at once.
            self._heard = self._heard or self._told
            self._told = True
            return None
        self._heard = True
        if event.name == "missed":
            return ValuesMissed(_position(f, "from"))
        value = ValueView.read(f)
        self._last = value.id
        return value

    def pause_after(self, error: ClientError) -> float:
        """How long to wait before the next connection, after one that ended so.

        Raises:
            ClientError: `error` itself, when another try would not be better, or there were enough of them.
        """
        if self._heard:
            self._failures = 0
        self._told = self._heard = False
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


def _position(f: Fields, name: str) -> EntryId | str:
    try:
        return position_in(f.text(name))
    except RequestError as error:
        raise Foreign(f"{name}: {error}") from None
