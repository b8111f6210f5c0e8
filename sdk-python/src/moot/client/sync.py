"""The client for programs that wait."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

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
    from collections.abc import Iterator
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


class Client:
    """A node, seen from outside. May be shared by threads.

    ```python
    with Client("http://127.0.0.1:8080") as client:
        answer = client.invoke("hello", "ada")
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """A client of the node at `address`. Connects to nothing yet.

        Args:
            address: scheme, host and port; `MOOT_NODE`, or http://127.0.0.1:8080, when none is given.
            key: signs deploys and values, and requests that the node wants signed.
            genesis: the network that is meant; deploys are signed for no other.
            transport: another way to the node, such as `httpx.HTTPTransport(proxy=...)`.
        """
        self._address = parse_address(default_address() if address is None else address)
        self._key = key
        self._http = httpx.Client(**settings(self._address), transport=transport)
        self._node = Operations(has_key=key is not None)
        network = None if genesis is None else genesis.network()
        self._deploying = Deploying(self._node, self.address, key, network)

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

    # Calls

    def invoke(
        self,
        name: str,
        payload: bytes | str = b"",
        *,
        content_type: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Answer:
        """Calls a function that takes events with a payload."""
        return self._run(self._node.invoke(name, payload, content_type, options))

    def call(self, name: str, export: str, *arguments: object, **options: Unpack[CallOptions]) -> Answer:
        """Calls a typed export (`add`, or `interface#name`) with what JSON can say, and bytes."""
        return self._run(self._node.call(name, export, arguments, options))

    def request(self, method: str, target: str, body: bytes = b"", **options: Unpack[CallOptions]) -> Answer:
        """Sends an HTTP request to the function whose route `target` is below."""
        return self._run(self._node.request(method, target, body, options))

    def put_value(self, path: str, data: bytes) -> ValueWritten:
        """Writes a value to a path, such as `/chat/lobby`."""
        return self._run(self._node.put_value(path, data))

    # Evidence

    def receipt(self, call: EntryId | str, *, final: bool = True) -> ReceiptFile:
        """The receipt of a call, with the ledger's certificate when `final` (waited for half a minute).

        What the node says is evidence only after `ReceiptFile.check`.
        """
        return self._run(self._node.receipt(call, final=final))

    def input(self, call: EntryId | str) -> bytes:
        """Exactly the recorded bytes that went into a call: `Payload.is_of` compares them with its record."""
        return self._run(self._node.payload(call, "input"))

    def output(self, call: EntryId | str) -> bytes:
        """Exactly the recorded bytes that came out of a call: `Payload.is_of` compares them with its receipt."""
        return self._run(self._node.payload(call, "output"))

    def genesis(self) -> Genesis:
        """The node's own genesis. It proves something only to who trusts it: compare its digest."""
        return Genesis.from_json(self._run(self._node.genesis()))

    # Functions

    def deploy(self, name: str, component: bytes | str | os.PathLike[str], spec: Spec | None = None) -> Deployed:
        """Deploys a component (its bytes, or a file) under a name, as `moot deploy` does; waits until it is final.

        Without a spec: no grants, route `/<name>`, the usual limits. The spec's kind is taken from the component.
        """
        wasm = component if isinstance(component, bytes) else Path(component).read_bytes()
        return self._run(self._deploying.deploy(name, wasm, spec))

    def rollback(self, name: str, version: int | None = None) -> Deployed:
        """Makes an earlier version the active one: the one before, when none is named."""
        return self._run(self._deploying.rollback(name, version))

    def retire(self, name: str) -> None:
        """Ends a function for ever, when its spec says that it is destructible."""
        self._run(self._deploying.retire(name))

    def functions(self) -> list[FunctionSummary]:
        """Every function that was ever deployed there."""
        return self._run(self._node.functions())

    def function(self, name: str) -> FunctionView | None:
        """One function; None when there is none of that name."""
        return self._run(self._node.function(name))

    def component(self, digest: Digest) -> bytes | None:
        """A component's bytes; None when the node has them not."""
        return self._run(self._node.component(digest))

    # The node

    def status(self) -> NodeStatus:
        """What the node says about itself."""
        return self._run(self._node.status())

    def calls(self, limit: int = 50) -> list[CallSummary]:
        """The newest calls, newest first."""
        return self._run(self._node.calls(limit))

    def find_call(self, call: EntryId | str) -> CallView | None:
        """One call with what became of it; None when there is none of that id."""
        return self._run(self._node.find_call(call))

    def block(self, height: int) -> Block | None:
        """A block; None when there is none of that height yet."""
        return self._run(self._node.block(height))

    @contextmanager
    def events(self) -> Iterator[Iterator[NodeEvent]]:
        """Follows blocks, receipts and functions as they come: `with client.events() as events: for e in events`.

        It ends when the node ends it. What happened before, or while nobody listened, is not told.
        """
        with self._stream(self._node.events()) as events:
            yield map(node_event, events)

    @contextmanager
    def logs(self, name: str, *, follow: bool = False) -> Iterator[Iterator[LogLine | Missed]]:
        """What a function wrote lately, and, when `follow`, what it writes from now on."""
        with self._stream(self._node.logs(name, follow=follow)) as events:
            yield map(log_event, events)

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
            yield self._events(response, ask)
        finally:
            response.close()

    def _events(self, response: httpx.Response, ask: Ask) -> Iterator[ServerEvent]:
        parser = EventParser()
        with translated(self._address, ask):
            for chunk in response.iter_raw():
                yield from parser.feed(chunk)
