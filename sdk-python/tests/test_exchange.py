"""What is tried again, what is signed, and what an answer is: against a node that misbehaves on purpose."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from moot.client import (
    AsyncClient,
    Broken,
    CallFailed,
    Client,
    DeployError,
    Foreign,
    NotApplied,
    Refused,
    RequestError,
    TimedOut,
    TooLarge,
    Unreachable,
    Wait,
    idempotency_key,
)
from moot.client.exchange import Ask
from moot.keys import Keypair
from moot.record import Spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces of a few bytes, as from a connection."""

    def __init__(self, data: bytes) -> None:
        self.pieces = [data[i : i + 1000] for i in range(0, len(data), 1000)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


class Script:
    """Answers every request with the next step, the last one again and again; keeps the requests."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        step = self.steps[min(len(self.requests), len(self.steps) - 1)]
        self.requests.append(request)
        if isinstance(step, Exception):
            raise step
        made = step(request) if callable(step) else step
        return httpx.Response(made.status_code, headers=made.headers, stream=Body(made.read()))

    def client(self, **options: Any) -> Client:
        return Client("127.0.0.1:1", transport=httpx.MockTransport(self), **options)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr("moot.client.sync_driver.time.sleep", waited.append)
    return waited


def problem(
    slug: str, status: int, headers: dict[str, str] | None = None, fields: dict[str, object] | None = None
) -> Step:
    body = {"type": f"/_moot/problems#{slug}", "title": slug, "status": status, "detail": f"{slug} it is"} | (
        fields or {}
    )

    def answer(_: httpx.Request) -> httpx.Response:
        media = {"content-type": "application/problem+json"}
        return httpx.Response(status, headers=media | (headers or {}), content=json.dumps(body))

    return answer


CALLED = {"moot-call": "0-1-0-0-0"}


def ok(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers={"moot-call": "0-1-0-0-0", "moot-fuel": "7"}, content=b"done")


def test_only_a_request_with_a_key_is_sent_again(pauses: list[float]) -> None:
    # Without a key a second try could run the function twice; with one it cannot, so a busy node is tried again.
    busy = problem("busy", 503)
    script = Script(busy, busy, ok)
    with pytest.raises(Refused, match="busy it is"):
        script.client().invoke("hello")
    assert len(script.requests) == 1
    script = Script(busy, httpx.ReadError("cut"), httpx.ConnectError("gone"), httpx.ReadTimeout("slow"), ok)
    pauses.clear()
    answer = script.client().invoke("hello", idempotency_key="k1")
    assert (answer.body, str(answer.call), answer.fuel) == (b"done", "0-1-0-0-0", 7)
    assert pauses == [0, 0.1, 0.2, 0.4, 0.8]
    assert {request.headers["idempotency-key"] for request in script.requests} == {"k1"}


def test_tries_and_pauses_are_bounded(pauses: list[float]) -> None:
    script = Script(problem("busy", 503, {"retry-after": "3600"}))
    with pytest.raises(Refused) as refused:
        script.client().invoke("hello", idempotency_key="k1")
    assert refused.value.retry_after_s == 3600
    assert len(script.requests) == 6
    assert pauses == [0, 5, 5, 5, 5, 5]
    script = Script(httpx.ConnectError("gone"))
    with pytest.raises(Unreachable, match="no node answers at http://127.0.0.1:1: gone"):
        script.client().invoke("hello", idempotency_key="k1")
    assert len(script.requests) == 6


def test_what_is_final_is_not_tried_again() -> None:
    for step in (
        problem("bad-arguments", 422),
        # The call has its receipt: the same key gives the same answer for ever, whatever the status says.
        problem("function-trapped", 502, fields={"call": "0-1-0-0-0", "call-status": "trapped", "fuel": 3}),
    ):
        script = Script(step)
        with pytest.raises(Refused):
            script.client().invoke("hello", idempotency_key="k1")
        assert len(script.requests) == 1


def test_a_retry_that_overtakes_the_first_try_waits_for_it() -> None:
    script = Script(httpx.ReadError("cut"), problem("in-flight", 409, {"retry-after": "1"}), ok)
    assert script.client().invoke("hello", idempotency_key="k1").text == "done"


def test_a_failed_call_says_which_and_how() -> None:
    fields: dict[str, object] = {
        "call": "0-1-0-0-0",
        "call-status": "trapped",
        "fuel": 3,
        "backtrace": ["main", "boom"],
    }
    with pytest.raises(CallFailed, match="function-trapped it is") as failed:
        Script(problem("function-trapped", 502, fields=fields)).client().invoke("hello")
    found = failed.value.problem
    assert (found.slug, found.status, found.title) == ("function-trapped", 502, "function-trapped")
    assert (found.call, found.call_status, found.fuel) == ("0-1-0-0-0", "trapped", 3)
    assert found.backtrace == ("main", "boom")


def test_what_the_node_wants_signed_is_signed_each_time_anew() -> None:
    # A node serves a signed request once: a second try must not be a copy.
    key = Keypair.generate()
    script = Script(problem("signature-needed", 401), problem("busy", 503), ok)
    script.client(key=key).invoke("hello", idempotency_key="k1")
    unsigned, first, second = script.requests
    assert "signature" not in unsigned.headers
    assert str(key.account) in first.headers["signature-input"]
    assert first.headers["signature"] != second.headers["signature"]
    script = Script(problem("signature-wrong", 401))
    with pytest.raises(Refused):
        script.client(key=key).invoke("hello", sign=True)
    assert len(script.requests) == 1


def test_what_is_said_in_nobody_s_name_is_never_signed() -> None:
    script = Script(problem("signature-needed", 401))
    with pytest.raises(Refused, match="signature-needed"):
        script.client(key=Keypair.generate()).put_value("/a", "hi", unsigned=True)
    assert len(script.requests) == 1
    assert "signature" not in script.requests[0].headers


def test_a_function_s_own_401_does_not_run_it_twice() -> None:
    script = Script(httpx.Response(401, headers=CALLED, content=b"who are you?"))
    answer = script.client(key=Keypair.generate()).request("POST", "/login")
    assert (answer.status, answer.text, len(script.requests)) == (401, "who are you?", 1)


def test_a_function_s_own_errors_are_its_answers() -> None:
    body = {"type": "https://shop.example/sold-out", "detail": "gone"}
    answer = Script(
        httpx.Response(409, headers=CALLED | {"content-type": "application/problem+json"}, json=body)
    ).client()
    assert answer.request("GET", "/shop").json()["detail"] == "gone"


def test_what_is_asked_for() -> None:
    script = Script(ok)
    client = script.client()
    client.invoke("hello", "ada", wait=Wait.FINAL, receipt=True, headers={"traceparent": "00-1"})
    client.invoke("hello", wait=Wait.ACCEPTED, content_type="text/plain")
    client.call("math", "acme:math/api@1.0.0#add", 2**64, b"\xff", "é")
    first, second, third = script.requests
    assert (first.method, first.url.raw_path) == ("POST", b"/_moot/functions/hello/call")
    assert first.headers["prefer"] == "moot-wait=final, moot-receipt"
    assert (first.headers["traceparent"], first.headers["accept-encoding"]) == ("00-1", "identity")
    assert first.headers["user-agent"].startswith("folkmoot-python/")
    assert (second.headers["prefer"], second.headers["content-type"]) == ("respond-async", "text/plain")
    assert third.url.raw_path == b"/_moot/functions/math/call/acme:math/api@1.0.0%23add"
    assert third.content == '[18446744073709551616, "/w==", "é"]'.encode()


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda c: c.invoke("No Way"), "is not a function name"),
        (lambda c: c.invoke("hello", headers={"x-name": "a\r\nb: c"}), "`x-name` holds a line break"),
        (lambda c: c.invoke("hello", headers={"bad name": "v"}), "not the name of a header"),
        (lambda c: c.invoke("hello", headers={"x": "\u20ac"}), "Latin-1"),
        (lambda c: c.invoke("hello", idempotency_key=""), "not an idempotency key"),
        (lambda c: c.invoke("hello", idempotency_key="k" * 256), "not an idempotency key"),
        (lambda c: c.invoke("hello", wait=Wait.ACCEPTED, receipt=True), "no receipt yet"),
        (lambda c: c.request("GET", "hello"), "must start with a slash"),
        (lambda c: c.request("GET", "/hello#there"), "write it as %23"),
        (lambda c: c.request("GE T", "/hello"), "not an HTTP method"),
        (lambda c: c.call("math", "add", float("nan")), "cannot be written as JSON"),
        (lambda c: c.call("math", "add", object()), "object has no JSON form"),
        (lambda c: c.receipt("0-1"), "not an entry's address"),
        (lambda c: c.put_value("a", b""), "does not start with a slash"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(ask: Callable[[Client], object], why: str) -> None:
    script = Script(ok)
    with pytest.raises(RequestError, match=why):
        ask(script.client(key=Keypair.generate()))
    assert not script.requests


def test_another_program_on_the_port_is_named_as_such() -> None:
    with pytest.raises(Foreign, match="not the JSON expected"):
        Script(httpx.Response(200, content=b"<html>hello</html>")).client().status()
    with pytest.raises(Foreign, match="something else where an object is expected"):
        Script(httpx.Response(200, json=[])).client().status()
    with pytest.raises(Foreign, match="no str called version"):
        Script(httpx.Response(200, json={"version": 1})).client().status()
    with pytest.raises(Foreign, match="names no call"):
        Script(httpx.Response(200)).client().invoke("hello")
    with pytest.raises(Foreign, match="a header of the node's answer cannot be read"):
        Script(httpx.Response(200, headers={"moot-call": "x"})).client().invoke("hello")
    with pytest.raises(Foreign, match="not HTTP"):
        Script(httpx.RemoteProtocolError("illegal status line")).client().status()
    with pytest.raises(Broken, match="broke"):
        Script(httpx.RemoteProtocolError("Server disconnected without sending a response.")).client().status()
    with pytest.raises(Refused, match="the node answered 500: oh"):
        Script(httpx.Response(500, content=b"oh\nno")).client().status()


EVIL = "a\x1b[2Jb\rc\x07d\x9b31me\u202ef\u2066g\x7fh\ti"
SAFE = r"a\x1b[2Jb\rc\x07d\x9b31me\u202ef\u2066g\x7fh\ti"


def test_case_75_what_a_server_writes_cannot_drive_the_terminal_of_who_prints_the_error() -> None:
    for words in ({"detail": f"{EVIL}\n"}, {"detail": "", "title": f"{EVIL}\n"}):
        fields: dict[str, object] = {**words}
        with pytest.raises(Refused) as refused:
            Script(problem("x", 400, fields=fields)).client().status()
        assert str(refused.value) == f"{SAFE}\\n"
        found = refused.value.problem
        assert (found.detail or found.title) == f"{EVIL}\n", "programs have it as it came"
    with pytest.raises(Refused) as refused:
        Script(httpx.Response(500, content=f"{EVIL}\nno".encode())).client().status()
    assert str(refused.value) == f"the node answered 500: {SAFE}"
    with pytest.raises(Foreign) as foreign:
        Script(httpx.Response(200, headers={"moot-call": "0-1\x1b[2J"})).client().invoke("hello")
    assert r"0-1\x1b[2J" in str(foreign.value)
    assert str(NotApplied(f"nothing was changed: {EVIL}")) == f"nothing was changed: {SAFE}"


def test_case_75_nor_flood_it() -> None:
    detail = "x" * 10_000
    with pytest.raises(Refused) as refused:
        Script(problem("x", 400, fields={"detail": detail})).client().status()
    assert str(refused.value) == "x" * 4096 + "…"
    assert refused.value.problem.detail == detail
    with pytest.raises(Refused) as refused:
        Script(problem("x", 400, fields={"detail": detail[:4096]})).client().status()
    assert str(refused.value) == detail[:4096]


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moot.client.operations.Ask", lambda *a, **k: Ask(*a, **{**k, "max_answer_bytes": 1000}))
    with pytest.raises(TooLarge, match="larger than 1000 bytes"):
        Script(httpx.Response(200, content=b"x" * 100_000)).client().genesis()


def test_an_answer_that_drips_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr("moot.client.sync_driver.time.monotonic", lambda: next(clock))
    with pytest.raises(TimedOut, match="did not answer GET /_moot/status within 30 s"):
        Script(httpx.Response(200, content=b"{" + b" " * 3000)).client().status()


@pytest.mark.anyio
async def test_the_asynchronous_client_has_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("moot.client.async_driver.anyio.sleep", sleep)
    key = Keypair.generate()
    steps = [problem("signature-needed", 401), httpx.ReadError("cut"), problem("busy", 503), ok]
    script = Script(*steps)
    async with AsyncClient("127.0.0.1:1", key=key, transport=httpx.MockTransport(script)) as client:
        answer = await client.invoke("hello", idempotency_key=idempotency_key())
    assert answer.text == "done"
    assert waited == [0, 0, 0.1, 0.2]
    async with AsyncClient("127.0.0.1:1", transport=httpx.MockTransport(Script(httpx.ConnectError("no")))) as client:
        with pytest.raises(Unreachable):
            await client.status()


@pytest.mark.anyio
async def test_a_silent_node_times_out() -> None:
    async def silent(_: httpx.Request) -> httpx.Response:
        await anyio.sleep(30)
        raise AssertionError("never")

    async with AsyncClient("127.0.0.1:1", transport=httpx.MockTransport(silent)) as client:
        with pytest.raises(TimedOut, match=r"within 0.05 s"):
            await client.invoke("hello", timeout_s=0.05)


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Client(f"127.0.0.1:{port}") as client, pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
        client.status()


COMPONENT = bytes.fromhex("0061736d0d000100") + bytes([11, 9, 1, 0, 3]) + b"add" + bytes([1, 0, 0])


def test_a_node_s_word_about_a_deploy_is_checked() -> None:
    missing = problem("no-such-function", 404)
    digest = "00" * 32
    view = {"digest": digest, "bytes": 1, "kind": "http", "imports": [], "exports": []}
    script = Script(missing, lambda _: httpx.Response(201, json=view))
    with pytest.raises(Foreign, match="says that the component is of kind http, it is of kind typed"):
        script.client(key=Keypair.generate()).deploy("math", COMPONENT)
    view["kind"] = "typed"
    status: dict[str, Any] = dict.fromkeys(("lane", "height", "time_ms"), 5)
    status |= {"version": "0", "network_name": "n", "network": digest, "account": digest, "condition": "running"}
    refused = {"id": "0-1-0-0-0", "kind": "deploy", "height": 6, "outcome": {"status": "refused", "reason": "no"}}
    waiting = {"id": "0-1-0-0-0", "kind": "deploy", "outcome": {"status": "accepted"}}
    for entries, why in (
        ([refused], "math was not deployed: no"),
        ([waiting], "may become final yet"),
        ([], "0 outcomes of one entry"),
    ):
        answers = [view, status, {"entries": entries}]
        steps = [lambda _, answer=answer: httpx.Response(200, json=answer) for answer in answers]
        with pytest.raises((DeployError, Foreign), match=why):
            Script(missing, *steps).client(key=Keypair.generate()).deploy("math", COMPONENT, Spec("/math"))


def answered(body: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, json=body)


def test_a_node_says_whether_it_votes() -> None:
    digest = "00" * 32
    before: dict[str, Any] = dict.fromkeys(("height", "time_ms"), 5)
    before |= {"version": "0", "network_name": "n", "network": digest, "account": digest, "condition": "running"}
    follower = before | {"votes": False, "follows": "it has no seat", "epoch": 3}
    validator = before | {"lane": 4, "votes": True}
    for answer, said in (
        (before | {"lane": 0}, (0, False, None, None)),
        (follower, (None, False, "it has no seat", 3)),
        (validator, (4, True, None, None)),
    ):
        status = Script(answered(answer)).client().status()
        assert (status.lane, status.votes, status.follows, status.epoch) == said
        assert status.everything == answer
    with pytest.raises(Foreign, match="no int called lane"):
        Script(answered(before | {"lane": "4"})).client().status()
