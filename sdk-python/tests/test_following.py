"""When a broken stream of values is taken up again, from where, and when no more: without a node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from moot.client import AsyncClient, Broken, Client, Foreign, Refused, RequestError, ValuesMissed, ValueView
from moot.record import EntryId
from tests.test_exchange import Script, answered, problem

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST = "00" * 32


def at(height: int) -> str:
    """Where the reader stands, as the node says it first of all."""
    return f'id: block-{height}\nevent: at\ndata: {{"at":"block-{height}"}}\n\n'


def value(number: int) -> dict[str, Any]:
    path, at = f"/a/{number}", f"0-{number}-0-0-0"
    return {"id": at, "path": path, "height": 5, "time_ms": 6, "bytes": 2, "digest": DIGEST, "text": "hi"}


def stream(*numbers: int, begin: str = "", end: str = "") -> Callable[[httpx.Request], httpx.Response]:
    """An answer that tells these values and ends."""
    events = [f"id: 0-{n}-0-0-0\nevent: value\ndata: {json.dumps(value(n))}\n\n" for n in numbers]
    body = begin + "".join(events) + end
    return lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body.encode())


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("moot.client.sync_driver.time.sleep", waited.append)
    monkeypatch.setattr("moot.client.async_driver.anyio.sleep", sleep)
    return waited


def told(found: ValueView | ValuesMissed) -> int | None:
    return found.id.batch if isinstance(found, ValueView) else None


def test_it_goes_on_after_the_last_value(pauses: list[float]) -> None:
    busy = problem("busy", 503, {"retry-after": "1"})
    script = Script(stream(1, 2), httpx.ConnectError("gone"), busy, stream(3), stream(4, 5))
    with script.client().follow_values("/a/$n") as values:
        assert [told(next(values)) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert [request.headers.get("last-event-id") for request in script.requests] == [
        None,
        *["0-2-0-0-0"] * 3,
        "0-3-0-0-0",
    ]
    assert {request.url.raw_path for request in script.requests} == {b"/_moot/values/a/$n?follow"}
    assert pauses == [0.1, 0.2, 1, 0.1], "what was heard makes up for what broke before"


def test_it_goes_on_from_where_it_began_when_nothing_had_come_yet() -> None:
    script = Script(stream(begin=at(17)), httpx.ConnectError("gone"), stream(1, begin=at(17)), stream(2))
    with script.client().follow_values("/a/$n") as values:
        assert [told(next(values)) for _ in range(2)] == [1, 2], "and nothing is said to be missed"
    positions = [request.headers.get("last-event-id") for request in script.requests]
    assert positions == [None, "block-17", "block-17", "0-1-0-0-0"]
    # It moves on while nothing that is wanted is written, and can be given like an address.
    script = Script(stream(begin=at(17) + at(90)), stream(1))
    with script.client().follow_values("/a/$n", after="block-3") as values:
        assert told(next(values)) == 1
    assert [request.headers.get("last-event-id") for request in script.requests] == ["block-3", "block-90"]
    for odd in ("block-", "block-x", "block-\u0661"):
        with pytest.raises(RequestError), Script().client().follow_values("/a/$n", after=odd):
            pass
    wrong = Script(stream(begin='event: at\ndata: {"at":"later"}\n\n'))
    with wrong.client().follow_values("/a/$n") as values, pytest.raises(Foreign, match="at: "):
        next(values)


def test_it_gives_up(pauses: list[float]) -> None:
    script = Script(stream(1), httpx.ConnectError("gone"))
    with script.client().follow_values("/a/$n", after="0-0-0-0-0") as values:
        assert told(next(values)) == 1
        with pytest.raises(Exception, match="no node answers"):
            next(values)
    assert len(script.requests) == 11
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5]
    # A node that ends every stream at once is no better, whether it says where it stands or not.
    for begin in ("", at(17)):
        script = Script(stream(begin=begin))
        with script.client().follow_values("/a/$n", after="0-0-0-0-0") as values, pytest.raises(Broken, match="ended"):
            next(values)
        assert len(script.requests) == 11


def test_what_is_no_break_is_raised() -> None:
    script = Script(stream(1), problem("bad-request", 400))
    with script.client().follow_values("/a/$n") as values:
        assert told(next(values)) == 1
        with pytest.raises(Refused, match="bad-request it is"):
            next(values)
    odd = Script(stream(end="event: value\ndata: {}\n\n"))
    with odd.client().follow_values("/a/$n") as values, pytest.raises(Foreign):
        next(values)
    with pytest.raises(Refused), Script(problem("busy", 503)).client().follow_values("/a/$n"):
        pass


def test_what_may_have_been_missed_is_said() -> None:
    missed = 'event: missed\ndata: {"from":"0-7-0-0-0"}\n\n'
    with Script(stream(end=missed)).client().follow_values("/a/$n", after="0-7-0-0-0") as values:
        assert next(values) == ValuesMissed(EntryId.parse("0-7-0-0-0"))
    missed = 'event: missed\ndata: {"from":"block-7"}\n\n'
    with Script(stream(end=missed)).client().follow_values("/a/$n", after="block-7") as values:
        assert next(values) == ValuesMissed("block-7")
    with Script(stream(), stream(1)).client().follow_values("/a/$n") as values:
        assert [next(values), told(next(values))] == [ValuesMissed(None), 1]


@pytest.mark.anyio
async def test_the_asynchronous_client_has_the_same_rules(pauses: list[float]) -> None:
    script = Script(stream(1, begin=at(17)), httpx.ReadError("cut"), stream(2), problem("not-found", 404))
    async with (
        AsyncClient("127.0.0.1:1", transport=httpx.MockTransport(script)) as client,
        client.follow_values("/a/$n") as values,
    ):
        assert [told(await anext(values)) for _ in range(2)] == [1, 2]
        with pytest.raises(Refused):
            await anext(values)
    assert pauses == [0.1, 0.2, 0.1]


def test_a_bill_that_does_not_go_on_is_refused() -> None:
    part = {"calls": [], "prices": [], "next": "3-0"}
    with pytest.raises(Foreign, match="does not go on"):
        Script(answered(part)).client().bill(1, 9)
    call = {"height": 5, "call": "0-1-0-0-0", "receipt": "0-1-0-1-0", "function": "a", "worker": DIGEST, "fuel": 1}
    call |= {"bytes": 100, "paid_bytes": 60, "stated_ordering": "200", "stated_execution": "4"}
    prices = {"per_byte": 2, "per_mega_fuel": 3}
    late = {"calls": [call], "prices": [{"height": 6, "prices": prices}]}
    with pytest.raises(Foreign, match="no prices"):
        Script(answered(late)).client().bill(1, 9)
    good = {"calls": [call | {"fuel": 1_000_001}, call], "prices": [{"height": 1, "prices": prices}]}
    bill = Script(answered(good)).client().bill(1, 9)
    assert (bill.sums["a", None].ordering, bill.sums["a", None].execution) == (160, 5)
    assert [str(call) for call in bill.differing] == ["0-1-0-0-0"], "the second states 4 and costs 1"
    for wrong in ({"prices": [{"height": 1, "prices": {}}]}, {"next": "3"}, {"calls": [call | {"fuel": "1"}]}):
        with pytest.raises(Foreign):
            Script(answered(good | wrong)).client().bill(1, 9)


def test_units_are_decimal_digits() -> None:
    view = {"account": DIGEST, "balance": str(2**64 - 1), "reserved": "0", "height": 1}
    client: Client = Script(answered(view)).client()
    assert client.account(DIGEST).balance == 2**64 - 1
    for wrong in ("", "-1", "1.5", "\u0661", "9" * 40, 5):
        with pytest.raises(Foreign):
            Script(answered(view | {"balance": wrong})).client().account(DIGEST)
