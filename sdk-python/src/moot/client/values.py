"""Values: messages written to a path, read there, and followed as they come.

```text
put ──► the rules now ──► durable ──► its block: allowed, or denied by the rules then
get ──► the newest of a path, the newest of each path below one, or events as they come
```

What a node says of a value is its word; that a block has it is proven by a proof of the entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.client.errors import Foreign
from moot.client.exchange import IDEMPOTENCY_KEY, Ask, Exchange, Reply, read_json
from moot.client.fields import Fields
from moot.client.limits import LONG_TIMEOUT_S
from moot.client.targets import path_in
from moot.errors import ParseError
from moot.record.address import EntryId
from moot.record.fixed import AccountId
from moot.record.text import read_base64url

if TYPE_CHECKING:
    from moot.client.operations import Operations
    from moot.record.fixed import Digest


@dataclass(frozen=True, slots=True)
class ValueWritten:
    """Where a value is on the ledger.

    Attributes:
        height: of the block in which the rules allowed it; None while it is in none.
    """

    id: EntryId
    path: str
    digest: Digest
    height: int | None

    @classmethod
    def read(cls, f: Fields) -> ValueWritten:
        """Reads it."""
        return cls(f.id("id"), f.text("path"), f.digest("digest"), f.optional("height", f.number))


@dataclass(frozen=True, slots=True)
class Value:
    """The newest value of a path, whole.

    Attributes:
        height: of its block.
        account: who wrote it; None when it was written in nobody's name.
        function: the function that wrote it, if one did.
    """

    id: EntryId
    path: str
    data: bytes
    height: int
    account: AccountId | None
    function: str | None

    @property
    def text(self) -> str:
        """The value as UTF-8 text.

        Raises:
            UnicodeDecodeError: when it is none.
        """
        return self.data.decode("utf-8")


@dataclass(frozen=True, slots=True)
class ValueView:
    """A value that was allowed, in a list or as it came.

    Attributes:
        height: of its block.
        time_ms: of its block, milliseconds since 1970.
        account: who wrote it; None when it was written in nobody's name.
        function: the function that wrote it, if one did.
        call: the call in which the function wrote it.
        length: how many bytes it has.
        data: the bytes, when they are few enough to ride in the entry (4 KiB); None: `Client.value` fetches them.
    """

    id: EntryId
    path: str
    height: int
    time_ms: int
    account: AccountId | None
    function: str | None
    call: EntryId | None
    length: int
    digest: Digest
    data: bytes | None

    @classmethod
    def read(cls, f: Fields) -> ValueView:
        """Reads it."""
        text = f.optional("text", f.text)
        data = f.optional("base64", lambda name: f.parsed(name, read_base64url))
        return cls(
            id=f.id("id"),
            path=f.text("path"),
            height=f.number("height"),
            time_ms=f.number("time_ms"),
            account=f.optional("account", f.account),
            function=f.optional("function", f.text),
            call=f.optional("call", f.id),
            length=f.number("bytes"),
            digest=f.digest("digest"),
            data=data if text is None else text.encode("utf-8", "surrogatepass"),
        )


@dataclass(frozen=True, slots=True)
class ValuePage:
    """The newest values of paths, by path.

    Attributes:
        next: where the list goes on: `after` of the next page; None at its end.
    """

    values: tuple[ValueView, ...]
    next: str | None

    @classmethod
    def read(cls, f: Fields) -> ValuePage:
        """Reads it."""
        values = tuple(ValueView.read(Fields(item)) for item in f.items("values"))
        return cls(values, f.optional("next", f.text))


@dataclass(frozen=True, slots=True)
class ValueOperations:
    """The questions about values."""

    node: Operations

    def put(
        self, path: str, data: bytes | str, *, wait: bool, unsigned: bool, idempotency_key: str | None
    ) -> Exchange[ValueWritten]:
        """`PUT /_moot/values/{path}`."""
        path_in(path)
        if not unsigned:
            self.node.need_key()
        headers = [("content-type", "application/octet-stream")]
        if idempotency_key is not None:
            headers.append((IDEMPOTENCY_KEY, idempotency_key))
        if not wait:
            headers.append(("prefer", "respond-async"))
        body = data.encode("utf-8") if isinstance(data, str) else data
        target = f"/_moot/values{path}"
        ask = Ask("PUT", target, tuple(headers), body, LONG_TIMEOUT_S, signed=not unsigned, nobody=unsigned)
        reply = yield from self.node.expect(ask)
        return ValueWritten.read(Fields(read_json(reply)))

    def value(self, path: str) -> Exchange[Value | None]:
        """`GET /_moot/values/{path}`."""
        return self.node.find(self._value(path_in(path)))

    def _value(self, path: str) -> Exchange[Value]:
        reply = yield from self.node.expect(Ask("GET", f"/_moot/values{path}"))
        return _read_value(path, reply)

    def below(self, path: str, *, after: str | None, limit: int) -> Exchange[ValuePage]:
        """`GET /_moot/values/{path}?below`."""
        after = "" if after is None else f"&after={path_in(after)}"
        return self.node.get(f"/_moot/values{path_in(path)}?below&limit={int(limit)}{after}", ValuePage.read)


def _read_value(path: str, reply: Reply) -> Value:
    headers = reply.headers
    where, height, account = (headers.get(name) for name in ("moot-value", "moot-height", "moot-account"))
    if where is None or height is None:
        raise Foreign("the answer does not say where the value is (it has no Moot-Value header)")
    try:
        return Value(
            id=EntryId.parse(where),
            path=path,
            data=reply.body,
            height=int(height),
            account=None if account is None else AccountId.parse(account),
            function=headers.get("moot-function"),
        )
    except (ParseError, ValueError) as error:
        raise Foreign(f"a header of the node's answer cannot be read: {error}") from None
