"""The client for programs on an event loop (asyncio or trio)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import anyio
import httpx

from moot.client.address import default_address, parse_address, shown_address
from moot.client.deploying import Deploying
from moot.client.errors import ClientError
from moot.client.events import EventParser, log_event, node_event
from moot.client.exchange import Ask, Exchange, Reply
from moot.client.operations import CallOptions, Operations
from moot.client.transport import build, check_stream, settings, timed_out, too_large, translated
from moot.record.genesis import Genesis

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from moot.client.answer import Answer
    from moot.client.calls import Block, CallSummary, CallView, NodeStatus, ValueWritten
    from moot.client.events import LogLine, Missed, NodeEvent, ServerEvent
    from moot.client.functions import Deployed, FunctionSummary, FunctionView
    from moot.record.address import EntryId
    from moot.record.fixed import Digest
    from moot.record.key import Keypair
    from moot.record.receipt_file import ReceiptFile
    from moot.record.spec import Spec

T = TypeVar("T")


class AsyncClient:
    """`Client` for an event loop: the same methods, awaited.

    ```python
    async with AsyncClient("http://127.0.0.1:8080") as client:
        answer = await client.invoke("hello", "ada")
        print(answer.text, answer.call)
    ```

    Every method raises a `ClientError` when it has no answer, or not the one that was wanted.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        key: Keypair | None = None,
        genesis: Genesis | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """A client of the node at `address`. Connects to nothing yet.

        Args:
            address: scheme, host and port; `MOOT_NODE`, or http://127.0.0.1:8080, when none is given.
            key: signs deploys and values, and requests that the node wants signed.
            genesis: the network that is meant; deploys are signed for no other.
            transport: another way to the node, such as `httpx.AsyncHTTPTransport(proxy=...)`.
        """
        self._address = parse_address(default_address() if address is None else address)
        self._key = key
        self._http = httpx.AsyncClient(**settings(self._address), transport=transport)
        self._node = Operations(has_key=key is not None)
        network = None if genesis is None else genesis.network()
        self._deploying = Deploying(self._node, self.address, key, network)

    @property
    def address(self) -> str:
        """The node's address."""
        return shown_address(self._address)

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Calls

    async def invoke(
        self,
        name: str,
        payload: bytes | str = b"",
        *,
        content_type: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Answer:
        """Calls a function that takes events with a payload."""
        return await self._run(self._node.invoke(name, payload, content_type, options))

    async def call(self, name: str, export: str, *arguments: object, **options: Unpack[CallOptions]) -> Answer:
        """Calls a typed export (`add`, or `interface#name`) with what JSON can say, and bytes."""
        return await self._run(self._node.call(name, export, arguments, options))

    async def request(self, method: str, target: str, body: bytes = b"", **options: Unpack[CallOptions]) -> Answer:
        """Sends an HTTP request to the function whose route `target` is below."""
        return await self._run(self._node.request(method, target, body, options))

    async def put_value(self, path: str, data: bytes) -> ValueWritten:
        """Writes a value to a path, such as `/chat/lobby`."""
        return await self._run(self._node.put_value(path, data))

    # Evidence

    async def receipt(self, call: EntryId | str, *, final: bool = True) -> ReceiptFile:
        """The receipt of a call, with the ledger's certificate when `final` (waited for half a minute).

        What the node says is evidence only after `ReceiptFile.check`.
        """
        return await self._run(self._node.receipt(call, final=final))

    async def input(self, call: EntryId | str) -> bytes:
        """Exactly the recorded bytes that went into a call: `Payload.is_of` compares them with its record."""
        return await self._run(self._node.payload(call, "input"))

    async def output(self, call: EntryId | str) -> bytes:
        """Exactly the recorded bytes that came out of a call: `Payload.is_of` compares them with its receipt."""
        return await self._run(self._node.payload(call, "output"))

    async def genesis(self) -> Genesis:
        """The node's own genesis. It proves something only to who trusts it: compare its digest."""
        return Genesis.from_json(await self._run(self._node.genesis()))

    # Functions

    async def deploy(self, name: str, component: bytes | str | os.PathLike[str], spec: Spec | None = None) -> Deployed:
        """Deploys a component (its bytes, or a file) under a name, as `moot deploy` does; waits until it is final.

        Without a spec: no grants, route `/<name>`, the usual limits. The spec's kind is taken from the component.
        """
        wasm = component if isinstance(component, bytes) else await anyio.Path(component).read_bytes()
        return await self._run(self._deploying.deploy(name, wasm, spec))

    async def rollback(self, name: str, version: int | None = None) -> Deployed:
        """Makes an earlier version the active one: the one before, when none is named."""
        return await self._run(self._deploying.rollback(name, version))

    async def retire(self, name: str) -> None:
        """Ends a function for ever, when its spec says that it is destructible."""
        await self._run(self._deploying.retire(name))

    async def functions(self) -> list[FunctionSummary]:
        """Every function that was ever deployed there."""
        return await self._run(self._node.functions())

    async def function(self, name: str) -> FunctionView | None:
        """One function; None when there is none of that name."""
        return await self._run(self._node.function(name))

    async def component(self, digest: Digest) -> bytes | None:
        """A component's bytes; None when the node has them not."""
        return await self._run(self._node.component(digest))

    # The node

    async def status(self) -> NodeStatus:
        """What the node says about itself."""
        return await self._run(self._node.status())

    async def calls(self, limit: int = 50) -> list[CallSummary]:
        """The newest calls, newest first."""
        return await self._run(self._node.calls(limit))

    async def find_call(self, call: EntryId | str) -> CallView | None:
        """One call with what became of it; None when there is none of that id."""
        return await self._run(self._node.find_call(call))

    async def block(self, height: int) -> Block | None:
        """A block; None when there is none of that height yet."""
        return await self._run(self._node.block(height))

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[NodeEvent]]:
        """Follows blocks, receipts and functions: `async with client.events() as events: async for e in events`.

        It ends when the node ends it. What happened before, or while nobody listened, is not told.
        """
        async with self._stream(self._node.events(), node_event) as events:
            yield events

    @asynccontextmanager
    async def logs(self, name: str, *, follow: bool = False) -> AsyncIterator[AsyncIterator[LogLine | Missed]]:
        """What a function wrote lately, and, when `follow`, what it writes from now on."""
        async with self._stream(self._node.logs(name, follow=follow), log_event) as events:
            yield events

    async def _run(self, exchange: Exchange[T]) -> T:
        """Drives an operation to its end."""
        try:
            ask = next(exchange)
            while True:
                try:
                    reply = await self._send(ask)
                except ClientError as error:
                    ask = exchange.throw(error)
                else:
                    ask = exchange.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _send(self, ask: Ask) -> Reply:
        await anyio.sleep(ask.pause_s)
        try:
            with translated(self._address, ask), anyio.fail_after(ask.timeout_s):
                return await self._read(await self._open(ask), ask)
        except TimeoutError:
            raise timed_out(self._address, ask) from None

    async def _open(self, ask: Ask) -> httpx.Response:
        return await self._http.send(build(self._http, self._address, ask, self._key), stream=True)

    async def _read(self, response: httpx.Response, ask: Ask) -> Reply:
        """Reads an answer to its end, within its bounds."""
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ask.max_answer_bytes:
                    raise too_large(ask)
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, bytes(body))

    @asynccontextmanager
    async def _stream(
        self, exchange: Exchange[Reply], read: Callable[[ServerEvent], T]
    ) -> AsyncIterator[AsyncIterator[T]]:
        """Drives an operation until an answer is no refusal, and gives that answer's events."""
        ask = next(exchange)
        while True:
            with translated(self._address, ask):
                response = await self._open(ask)
                if response.status_code < 400:
                    break
                reply = await self._read(response, ask)
            ask = exchange.send(reply)
        try:
            check_stream(response, ask)
            yield self._events(response, ask, read)
        finally:
            await response.aclose()

    async def _events(self, response: httpx.Response, ask: Ask, read: Callable[[ServerEvent], T]) -> AsyncIterator[T]:
        parser = EventParser()
        with translated(self._address, ask):
            async for chunk in response.aiter_raw():
                for event in parser.feed(chunk):
                    yield read(event)
