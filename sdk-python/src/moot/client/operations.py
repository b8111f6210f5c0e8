"""Every question to a node, as an exchange of requests and answers. Nothing here opens a connection."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar
from urllib.parse import quote

from moot.client.answer import Answer, Wait, read_answer
from moot.client.calls import Block, CallSummary, CallView, NodeStatus
from moot.client.errors import Foreign, KeyNeeded, Refused, RequestError, problem_of, refusal
from moot.client.exchange import IDEMPOTENCY_KEY, Ask, Exchange, Reply, expect, read_json, send
from moot.client.fields import Fields
from moot.client.functions import ComponentView, FunctionSummary, FunctionView
from moot.client.limits import LONG_TIMEOUT_S, STREAM_TIMEOUT_S
from moot.client.targets import id_in, name_in, state_target
from moot.record.hash import component_digest
from moot.record.receipt_file import ReceiptFile
from moot.record.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moot.record.address import EntryId
    from moot.record.fixed import Digest
    from moot.record.state import StateKey

T = TypeVar("T")

JSON: Final = ("content-type", "application/json")


class CallOptions(TypedDict, total=False):
    """How a call is made.

    Attributes:
        wait: how far it is waited for; until its receipt is durable, when nothing is said.
        idempotency_key: makes a retry safe: the same key and the same request run once. With it, a request that did
            not get through is sent again, five times at most. `idempotency_key()` makes one.
        receipt: ask for the signed receipt along with the answer.
        sign: sign the request, so that the call has a caller. Without it a request is signed when the node asks.
        headers: further headers.
        timeout_s: how long the answer may take. Give more for a function whose deadline is longer than a minute.
    """

    wait: Wait
    idempotency_key: str
    receipt: bool
    sign: bool
    headers: Mapping[str, str]
    timeout_s: float


def idempotency_key() -> str:
    """A new idempotency key: a random UUID."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Operations:
    """The questions, and whether there is a key to sign them with."""

    has_key: bool

    def status(self) -> Exchange[NodeStatus]:
        """`GET /_moot/status`."""
        return self.get("/_moot/status", NodeStatus.read)

    def genesis(self) -> Exchange[str]:
        """`GET /_moot/genesis`: the text of the file."""
        reply = yield from self.expect(Ask("GET", "/_moot/genesis"))
        return _text(reply)

    def functions(self) -> Exchange[list[FunctionSummary]]:
        """`GET /_moot/functions`."""
        listed = yield from self.get("/_moot/functions", lambda f: f.items("functions"))
        return [FunctionSummary.read(Fields(item)) for item in listed]

    def function(self, name: str) -> Exchange[FunctionView | None]:
        """`GET /_moot/functions/{name}`."""
        return self.find(self.get(f"/_moot/functions/{name_in(name)}", FunctionView.read))

    def calls(self, limit: int) -> Exchange[list[CallSummary]]:
        """`GET /_moot/calls`."""
        listed = yield from self.get(f"/_moot/calls?limit={int(limit)}", lambda f: f.items("calls"))
        return [CallSummary.read(Fields(item)) for item in listed]

    def find_call(self, call: EntryId | str) -> Exchange[CallView | None]:
        """`GET /_moot/calls/{id}`."""
        return self.find(self.get(f"/_moot/calls/{id_in(call)}", CallView.read))

    def block(self, height: int) -> Exchange[Block | None]:
        """`GET /_moot/blocks/{height}`."""
        return self.find(self.get(f"/_moot/blocks/{int(height)}", Block.read))

    def receipt(self, call: EntryId | str, *, final: bool) -> Exchange[ReceiptFile]:
        """`GET /_moot/calls/{id}/receipt`."""
        target = f"/_moot/calls/{id_in(call)}/receipt{'?final' if final else ''}"
        reply = yield from self.expect(Ask("GET", target, timeout_s=LONG_TIMEOUT_S))
        return ReceiptFile.parse(_text(reply))

    def state(self, key: StateKey) -> Exchange[StateFile]:
        """`GET /_moot/state/{kind}/{key}`: waits for the block that carries the root of the present state."""
        place = state_target(key)
        reply = yield from self.expect(Ask("GET", f"/_moot/state/{place}", timeout_s=LONG_TIMEOUT_S))
        file = StateFile.parse(_text(reply))
        if file.proof.key != key:
            raise Foreign("the node answers with the proof of something else than was asked for")
        return file

    def payload(self, call: EntryId | str, which: str) -> Exchange[bytes]:
        """`GET /_moot/calls/{id}/input` and `/output`."""
        return self._bytes(f"/_moot/calls/{id_in(call)}/{which}")

    def component(self, digest: Digest) -> Exchange[bytes | None]:
        """`GET /_moot/components/{digest}`."""
        return self.find(self._bytes(f"/_moot/components/{digest}"))

    def put_component(self, wasm: bytes) -> Exchange[ComponentView]:
        """`PUT /_moot/components/{digest}`, signed: the node checks it, which can take long."""
        self.need_key()
        headers = (("content-type", "application/wasm"),)
        target = f"/_moot/components/{component_digest(wasm)}"
        reply = yield from self.expect(Ask("PUT", target, headers, wasm, LONG_TIMEOUT_S, signed=True))
        return ComponentView.read(Fields(read_json(reply)))

    def events(self) -> Exchange[Reply]:
        """`GET /_moot/events`: the driver takes over when the answer begins."""
        return self.follow("/_moot/events")

    def logs(self, name: str, *, follow: bool) -> Exchange[Reply]:
        """`GET /_moot/functions/{name}/logs`: the driver takes over when the answer begins."""
        return self.follow(f"/_moot/functions/{name_in(name)}/logs{'?follow' if follow else ''}")

    def follow(self, target: str, headers: tuple[tuple[str, str], ...] = ()) -> Exchange[Reply]:
        """Any stream of events: the driver takes over when the answer begins."""
        accept = ("accept", "text/event-stream")
        return self.expect(Ask("GET", target, (accept, *headers), timeout_s=STREAM_TIMEOUT_S))

    def invoke(
        self, name: str, payload: bytes | str, content_type: str | None, options: CallOptions
    ) -> Exchange[Answer]:
        """`POST /_moot/functions/{name}/call`: a function that takes events."""
        headers = () if content_type is None else (("content-type", content_type),)
        body = payload.encode("utf-8") if isinstance(payload, str) else payload
        return self._call("POST", f"/_moot/functions/{name_in(name)}/call", headers, body, options)

    def call(self, name: str, export: str, arguments: tuple[object, ...], options: CallOptions) -> Exchange[Answer]:
        """`POST /_moot/functions/{name}/call/{export}`: a typed export."""
        target = f"/_moot/functions/{name_in(name)}/call/{quote(export, safe='-._~:@/')}"
        return self._call("POST", target, (JSON,), _arguments(arguments), options)

    def request(self, method: str, target: str, body: bytes, options: CallOptions) -> Exchange[Answer]:
        """Any request below a function's route."""
        return self._call(method, target, (), body, options)

    def _call(
        self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, options: CallOptions
    ) -> Exchange[Answer]:
        ask = self._ask_call(method, target, headers, body, options)
        reply = yield from send(ask, has_key=self.has_key)
        # A function may answer 404 itself: that is its answer. Only the node's own problems are errors.
        if problem_of(reply.headers, reply.body) is not None:
            raise refusal(reply.status, reply.headers, reply.body)
        return read_answer(reply)

    def _ask_call(
        self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, options: CallOptions
    ) -> Ask:
        more = list(options.get("headers", {}).items())
        key = options.get("idempotency_key")
        if key is not None:
            more.append((IDEMPOTENCY_KEY, key))
        wait = options.get("wait", Wait.EXECUTED)
        prefer = {Wait.ACCEPTED: ["respond-async"], Wait.EXECUTED: [], Wait.FINAL: ["moot-wait=final"]}[wait]
        if options.get("receipt", False):
            if wait is Wait.ACCEPTED:
                raise RequestError("a call that is only accepted has no receipt yet: fetch it later, with `receipt`")
            prefer = [*prefer, "moot-receipt"]
        if prefer:
            more.append(("prefer", ", ".join(prefer)))
        signed = options.get("sign", False)
        if signed:
            self.need_key()
        timeout_s = options.get("timeout_s", LONG_TIMEOUT_S)
        return Ask(method, target, (*headers, *more), body, timeout_s, signed=signed)

    def need_key(self) -> None:
        """Refuses what must be signed and cannot be."""
        if not self.has_key:
            raise KeyNeeded("the request must be signed, and it cannot be: the client was made without `key`")

    def expect(self, ask: Ask) -> Exchange[Reply]:
        """Any request; a refusal is an error."""
        return expect(ask, has_key=self.has_key)

    def get(self, target: str, read: Callable[[Fields], T]) -> Exchange[T]:
        """What is read from the JSON object at a target."""
        reply = yield from self.expect(Ask("GET", target))
        return read(Fields(read_json(reply)))

    def _bytes(self, target: str) -> Exchange[bytes]:
        reply = yield from self.expect(Ask("GET", target, timeout_s=LONG_TIMEOUT_S))
        return reply.body

    def find(self, exchange: Exchange[T]) -> Exchange[T | None]:
        """404 as None."""
        try:
            return (yield from exchange)
        except Refused as error:
            if error.status == 404:
                return None
            raise


def _text(reply: Reply) -> str:
    try:
        return reply.body.decode("utf-8")
    except UnicodeDecodeError:
        raise Foreign("the node's answer is not UTF-8 text") from None


def _arguments(arguments: tuple[object, ...]) -> bytes:
    """The arguments as a JSON array: integers with every digit, bytes as base64."""

    def other(value: object) -> Any:
        if isinstance(value, (bytes, bytearray)):
            return base64.b64encode(value).decode("ascii")
        raise TypeError(f"{type(value).__name__} has no JSON form")

    try:
        return json.dumps(arguments, default=other, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"the arguments cannot be written as JSON: {error}") from None
