"""Requests and answers without a connection: what is asked, in which order, and what is tried again.

```text
operation ──Ask──► driver (sync or async httpx) ──► node
    ▲                                                │
    └──────────── Reply, or ClientError thrown in ◄──┘
```

An operation is a generator: it yields an `Ask`, is sent the `Reply`, and returns its result. So every rule stands
once, for both clients, and can be tested without a network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from moot.client.errors import Broken, Foreign, RequestError, TimedOut, Unreachable, problem_of, refusal, retry_after_s
from moot.client.limits import (
    FIRST_PAUSE_S,
    MAX_ANSWER_BYTES,
    MAX_IDEMPOTENCY_KEY_BYTES,
    MAX_PAUSE_S,
    RETRIES,
    TIMEOUT_S,
)
from moot.errors import shown

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

IDEMPOTENCY_KEY: Final = "idempotency-key"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_FIELD_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_KEY: Final = re.compile(rf"[!-~]{{1,{MAX_IDEMPOTENCY_KEY_BYTES}}}", re.ASCII)
_TRANSIENT: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Ask:
    """A request before it is sent.

    Attributes:
        target: path and query, beginning with `/`.
        timeout_s: how long the whole answer may take.
        max_answer_bytes: the largest answer that is read.
        signed: it is signed when it is sent, each time anew: a node serves a signed request once.
        nobody: it is never signed, whatever the node wants: it is said in nobody's name, or not at all.
        pause_s: the driver waits this long before it sends it.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_s: float = TIMEOUT_S
    max_answer_bytes: int = MAX_ANSWER_BYTES
    signed: bool = False
    nobody: bool = False
    pause_s: float = 0.0

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.method):
            raise RequestError(f"{shown(self.method)} is not an HTTP method")
        if not self.target.startswith("/"):
            raise RequestError(f"{shown(self.target)} is not a path: it must start with a slash, as in /hello")
        if "#" in self.target:
            raise RequestError(f"{shown(self.target)} has a #, and what follows it is never sent: write it as %23")
        for name, value in self.headers:
            if not _TOKEN.fullmatch(name):
                raise RequestError(f"{shown(name)} is not the name of a header")
            if not _FIELD_VALUE.fullmatch(value):
                why = "holds a line break, another control character, or what Latin-1 does not have"
                raise RequestError(f"the value of header `{name}` {why}")
            if name.lower() == IDEMPOTENCY_KEY and not _KEY.fullmatch(value):
                why = f"1 to {MAX_IDEMPOTENCY_KEY_BYTES} printable ASCII characters, such as a random UUID"
                raise RequestError(f"{shown(value)} is not an idempotency key: {why}")

    @property
    def what(self) -> str:
        """What is asked for, as messages name it."""
        return f"{self.method} {self.target}"

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it again cannot run a function twice."""
        return any(name.lower() == IDEMPOTENCY_KEY for name, _ in self.headers)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: httpx.Headers
    body: bytes


Exchange = Generator[Ask, Reply, T]
"""An operation that gives a `T` in the end."""


def patiently(ask: Ask) -> Exchange[Reply]:
    """Sends a request; one with an idempotency key again while the node is out of reach or busy."""
    pause = FIRST_PAUSE_S
    for _ in range(RETRIES if ask.is_repeatable else 0):
        asked_for = None
        try:
            reply = yield ask
            if not _is_transient(reply):
                return reply
            asked_for = retry_after_s(reply.headers)
        except (Unreachable, Broken, TimedOut):
            # With the key it does not matter whether the node got it.
            pass
        ask = replace(ask, pause_s=min(pause if asked_for is None else asked_for, MAX_PAUSE_S))
        pause *= 2
    return (yield ask)


def send(ask: Ask, *, has_key: bool) -> Exchange[Reply]:
    """Sends a request and gives the answer, whatever its status; signed when the node wants that, given a key."""
    reply = yield from patiently(ask)
    problem = problem_of(reply.headers, reply.body)
    if ask.signed or ask.nobody or not has_key or problem is None or problem.slug != "signature-needed":
        return reply
    return (yield from patiently(replace(ask, signed=True)))


def expect(ask: Ask, *, has_key: bool) -> Exchange[Reply]:
    """Sends a request; an answer of 400 and above is an error with the node's words."""
    reply = yield from send(ask, has_key=has_key)
    if reply.status >= 400:
        raise refusal(reply.status, reply.headers, reply.body)
    return reply


def read_json(reply: Reply) -> Any:
    """The JSON of an answer.

    Raises:
        Foreign: when it is none.
    """
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise Foreign(
            f"the node's answer is not the JSON expected ({error}); is it the same version of moot?"
        ) from None


def _is_transient(reply: Reply) -> bool:
    """Whether the same request may get another answer when it is sent again."""
    problem = problem_of(reply.headers, reply.body)
    if problem is not None and problem.call_status is not None:
        # The call has its receipt: with the same key, the same answer comes for ever.
        return False
    return reply.status in _TRANSIENT or (problem is not None and problem.slug == "in-flight")
