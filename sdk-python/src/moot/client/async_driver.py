"""How operations meet a connection, for programs on an event loop: requests one by one, and streams."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import anyio
import httpx

from moot.client.accounts import AccountOperations
from moot.client.address import default_address, parse_address, shown_address
from moot.client.deploying import Deploying
from moot.client.errors import Broken, ClientError
from moot.client.events import EventParser
from moot.client.exchange import Ask, Exchange, Reply
from moot.client.operations import Operations
from moot.client.paths import PathOperations
from moot.client.signing import Signing
from moot.client.transport import build, check_stream, settings, timed_out, too_large, translated
from moot.client.triggers import TriggerOperations
from moot.client.values import ValueOperations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from types import TracebackType

    from typing_extensions import Self

    from moot.client.events import ServerEvent
    from moot.client.following import Following, ValuesMissed
    from moot.client.values import ValueView
    from moot.record.genesis import Genesis
    from moot.record.key import Keypair

T = TypeVar("T")


class AsyncDriver:
    """A connection to a node, and what drives operations over it."""

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
            key: signs transactions and values, and requests that the node wants signed.
            genesis: the network that is meant; transactions are signed for no other.
            transport: another way to the node, such as `httpx.AsyncHTTPTransport(proxy=...)`.
        """
        self._address = parse_address(default_address() if address is None else address)
        self._key = key
        self._http = httpx.AsyncClient(**settings(self._address), transport=transport)
        self._node = Operations(has_key=key is not None)
        network = None if genesis is None else genesis.network()
        self._values = ValueOperations(self._node)
        self._paths = PathOperations(self._node)
        self._triggers = TriggerOperations(self._node)
        self._accounts = AccountOperations(self._node, None if key is None else key.account)
        self._signing = Signing(self._node, key, network)
        self._deploying = Deploying(self._node, self.address, self._signing)

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
        response, ask = await self._connect(exchange)
        try:
            yield self._events(response, ask, EventParser(), read)
        finally:
            await response.aclose()

    async def _connect(self, exchange: Exchange[Reply]) -> tuple[httpx.Response, Ask]:
        """Drives an operation until an answer is a stream of events."""
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
        except ClientError:
            await response.aclose()
            raise
        return response, ask

    async def _events(
        self, response: httpx.Response, ask: Ask, parser: EventParser, read: Callable[[ServerEvent], T]
    ) -> AsyncGenerator[T]:
        with translated(self._address, ask):
            async for chunk in response.aiter_raw():
                for event in parser.feed(chunk):
                    yield read(event)

    async def _followed(
        self, following: Following, response: httpx.Response, ask: Ask
    ) -> AsyncGenerator[ValueView | ValuesMissed]:
        """What comes over one connection after the other, as long as the breaks are short."""
        while True:
            error: ClientError = Broken(f"{self.address} ended the stream of values")
            try:
                async with aclosing(self._events(response, ask, following.parser(), following.read)) as events:
                    async for said in events:
                        if said is not None:
                            yield said
            except ClientError as broken:
                error = broken
            finally:
                await response.aclose()
            response, ask = await self._reconnect(following, error)
            missed = following.back()
            if missed is not None:
                yield missed

    async def _reconnect(self, following: Following, error: ClientError) -> tuple[httpx.Response, Ask]:
        while True:
            await anyio.sleep(following.pause_after(error))
            try:
                return await self._connect(following.connect())
            except ClientError as again:
                error = again
