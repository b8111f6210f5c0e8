"""How operations meet a connection, for programs that wait: requests one by one, and streams."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

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
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from moot.client.events import ServerEvent
    from moot.client.following import Following, ValuesMissed
    from moot.client.values import ValueView
    from moot.record.genesis import Genesis
    from moot.record.key import Keypair

T = TypeVar("T")


class Driver:
    """A connection to a node, and what drives operations over it."""

    def __init__(
        self,
        address: str | None = None,
        *,
        key: Keypair | None = None,
        genesis: Genesis | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """A client of the node at `address`. Connects to nothing yet.

        Args:
            address: scheme, host and port; `MOOT_NODE`, or http://127.0.0.1:8080, when none is given.
            key: signs transactions and values, and requests that the node wants signed.
            genesis: the network that is meant; transactions are signed for no other.
            transport: another way to the node, such as `httpx.HTTPTransport(proxy=...)`.
        """
        self._address = parse_address(default_address() if address is None else address)
        self._key = key
        self._http = httpx.Client(**settings(self._address), transport=transport)
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

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, exchange: Exchange[T]) -> T:
        """Drives an operation to its end."""
        try:
            ask = next(exchange)
            while True:
                try:
                    reply = self._send(ask)
                except ClientError as error:
                    ask = exchange.throw(error)
                else:
                    ask = exchange.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, ask: Ask) -> Reply:
        time.sleep(ask.pause_s)
        with translated(self._address, ask):
            response = self._open(ask)
            return self._read(response, ask)

    def _open(self, ask: Ask) -> httpx.Response:
        return self._http.send(build(self._http, self._address, ask, self._key), stream=True)

    def _read(self, response: httpx.Response, ask: Ask) -> Reply:
        """Reads an answer to its end, within its bounds."""
        due = time.monotonic() + ask.timeout_s
        body = bytearray()
        try:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > ask.max_answer_bytes:
                    raise too_large(ask)
                if time.monotonic() > due:
                    raise timed_out(self._address, ask)
        finally:
            response.close()
        return Reply(response.status_code, response.headers, bytes(body))

    @contextmanager
    def _stream(self, exchange: Exchange[Reply]) -> Iterator[Iterator[ServerEvent]]:
        """Drives an operation until an answer is no refusal, and gives that answer's events."""
        response, ask = self._connect(exchange)
        try:
            yield self._events(response, ask, EventParser())
        finally:
            response.close()

    def _connect(self, exchange: Exchange[Reply]) -> tuple[httpx.Response, Ask]:
        """Drives an operation until an answer is a stream of events."""
        ask = next(exchange)
        while True:
            with translated(self._address, ask):
                response = self._open(ask)
                if response.status_code < 400:
                    break
                reply = self._read(response, ask)
            ask = exchange.send(reply)
        try:
            check_stream(response, ask)
        except ClientError:
            response.close()
            raise
        return response, ask

    def _events(self, response: httpx.Response, ask: Ask, parser: EventParser) -> Iterator[ServerEvent]:
        with translated(self._address, ask):
            for chunk in response.iter_raw():
                yield from parser.feed(chunk)

    def _followed(
        self, following: Following, response: httpx.Response, ask: Ask
    ) -> Generator[ValueView | ValuesMissed]:
        """What comes over one connection after the other, as long as the breaks are short."""
        while True:
            error: ClientError = Broken(f"{self.address} ended the stream of values")
            try:
                for event in self._events(response, ask, following.parser()):
                    said = following.read(event)
                    if said is not None:
                        yield said
            except ClientError as broken:
                error = broken
            finally:
                response.close()
            response, ask = self._reconnect(following, error)
            missed = following.back()
            if missed is not None:
                yield missed

    def _reconnect(self, following: Following, error: ClientError) -> tuple[httpx.Response, Ask]:
        while True:
            time.sleep(following.pause_after(error))
            try:
                return self._connect(following.connect())
            except ClientError as again:
                error = again
