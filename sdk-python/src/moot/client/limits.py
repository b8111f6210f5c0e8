"""Every bound of the client, each with why it is what it is. The same numbers as the `moot` command line's."""

from __future__ import annotations

from typing import Final

CONNECT_TIMEOUT_S: Final = 5.0
"""Longer than a lost packet's first repetitions take."""

TIMEOUT_S: Final = 30.0
"""For an answer that needs no computing."""

LONG_TIMEOUT_S: Final = 180.0
"""Where the node compiles, runs a call or waits for finality first: above each of its own limits."""

STREAM_TIMEOUT_S: Final = 60.0
"""Silence on an event stream. The node writes a comment every 15 s: four missed ones are a dead peer."""

MAX_ANSWER_BYTES: Final = 65 * 1024 * 1024
"""A component may have 64 MiB, nothing is larger."""

RETRIES: Final = 5
"""How often a request with an idempotency key is sent again: with doubling pauses about three seconds in all."""

FIRST_PAUSE_S: Final = 0.1
"""The pause before the first of them; each is twice the one before."""

MAX_PAUSE_S: Final = 5.0
"""The longest pause between two tries, whatever the node asks for: somebody is waiting."""

RECONNECTS: Final = 10
"""How often in a row a broken stream of values is taken up again: with their pauses half a minute, a node's restart."""

MAX_EVENT_BYTES: Final = 1024 * 1024
"""One event of a stream: a log line is at most 64 KiB, so this is generous."""

MAX_IDEMPOTENCY_KEY_BYTES: Final = 255
"""As many as the node takes."""

TRANSACTION_VALIDITY_BLOCKS: Final = 7_200
"""A transaction is valid for this many blocks: at 240 a second still half a minute, at one a second two hours."""

MAX_LINE_CHARACTERS: Final = 200
"""Of an answer that is no problem, as much is shown in an error."""
