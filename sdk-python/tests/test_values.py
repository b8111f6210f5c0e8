"""Values against a real node: written where the rules allow it, read, and followed through broken connections."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from moot.client import (
    AsyncClient,
    Client,
    KeyNeeded,
    NotApplied,
    Refused,
    RequestError,
    ValuesMissed,
    ValueView,
    idempotency_key,
)
from moot.record import Keypair, Own, payload_digest
from tests.support.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moot.client import ValueWritten
    from tests.support.node import Node

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def chat(client: Client) -> str:
    """A path of our own, where one rule allows short values of anybody."""
    client.claim("/chat")
    client.set_rule("/chat/$room/$message", "value_size < 100000")
    return "/chat"


def texts(values: Iterator[ValueView | ValuesMissed], count: int) -> list[str]:
    """The next values as text; `missed` where some may have been."""
    found = [next(values) for _ in range(count)]
    return [(value.data or b"").decode() if isinstance(value, ValueView) else "missed" for value in found]


def test_a_value_is_written_and_read(client: Client, chat: str, owner: Keypair) -> None:
    written = client.put_value(f"{chat}/lobby/1", "hi, ada")
    assert (written.path, written.digest) == ("/chat/lobby/1", payload_digest(b"hi, ada"))
    assert written.height is not None
    found = client.value(f"{chat}/lobby/1")
    assert found is not None
    assert (found.id, found.text, found.height) == (written.id, "hi, ada", written.height)
    assert (found.account, found.function) == (owner.account, None)
    assert client.value(f"{chat}/lobby/nothing") is None
    soon = client.put_value(f"{chat}/lobby/soon", b"", wait=False)
    assert soon.height is None
    nobody = client.put_value(f"{chat}/lobby/2", b"\xff\x00", unsigned=True)
    found = client.value(f"{chat}/lobby/2")
    assert found is not None
    assert (found.id, found.data, found.account) == (nobody.id, b"\xff\x00", None)


def test_values_are_listed_in_pages(client: Client, chat: str) -> None:
    for name, data in (("a", b"old"), ("a", b"new"), ("b", b"\xff"), ("c", b"x" * 5000)):
        client.put_value(f"{chat}/list/{name}", data)
    first = client.values_below(f"{chat}/list", limit=2)
    assert [(value.path, value.data) for value in first.values] == [("/chat/list/a", b"new"), ("/chat/list/b", b"\xff")]
    assert first.next == "/chat/list/b"
    (last,) = client.values_below(f"{chat}/list", after=first.next).values
    assert (last.path, last.length, last.data) == ("/chat/list/c", 5000, None)
    assert last.digest == payload_digest(b"x" * 5000)
    found = client.value(last.path)
    assert found is not None and found.data == b"x" * 5000


def test_what_the_rules_do_not_allow_is_refused(client: Client, node: Node, chat: str, other: Keypair) -> None:
    for path, data in ((f"{chat}/lobby", b""), ("/elsewhere/1/2", b""), (f"{chat}/lobby/1", b"x" * 100_001)):
        with pytest.raises(Refused) as refused:
            client.put_value(path, data)
        assert (refused.value.status, refused.value.problem.slug) == (403, "denied-by-rule")
    with Client(node.address) as nobody, pytest.raises(KeyNeeded):
        nobody.put_value(f"{chat}/lobby/42", b"hi")
    # Reading, and writing unsigned, need no key.
    with Client(node.address) as nobody:
        nobody.put_value(f"{chat}/lobby/42", b"hi", unsigned=True)
        assert nobody.value(f"{chat}/lobby/42") is not None
    with Client(node.address, key=other) as stranger, pytest.raises((NotApplied, Refused)):
        stranger.set_rule("/chat/$room", "true")


def test_a_key_writes_once(client: Client, chat: str) -> None:
    key = idempotency_key()
    ids = {client.put_value(f"{chat}/once/1", b"one", idempotency_key=key).id for _ in range(2)}
    assert len(ids) == 1
    with pytest.raises(Refused) as refused:
        client.put_value(f"{chat}/once/1", b"two", idempotency_key=key)
    assert refused.value.problem.slug == "idempotency-key-reused"


def test_owners_rules_and_verdicts(client: Client, chat: str, owner: Keypair, other: Keypair) -> None:
    assert (chat + "/$room/$message", "value_size < 100000") in [(r.pattern, r.rule) for r in client.rules()]
    found = client.owner(f"{chat}/lobby")
    assert (found.path, found.at, found.owner, found.given_up) == ("/chat/lobby", "/chat", owner.account, False)
    assert client.owner("/nobody/here").at is None
    good = client.judge(f"{chat}/lobby/1", "hi", account=other.account)
    assert good.allowed and good.rule is not None and good.rule.pattern == "/chat/$room/$message"
    bad = client.judge(f"{chat}/lobby")
    assert not bad.allowed and bad.rule is None and bad.why is not None
    thief = client.judge(f"{chat}/lobby/1", "hi", function="thief")
    assert not thief.allowed and thief.why is not None and "no function thief" in thief.why
    client.set_rule("/chat/$room", "true")
    assert client.judge(f"{chat}/lobby").allowed
    client.set_rule("/chat/$room", None)
    assert not client.judge(f"{chat}/lobby").allowed
    client.submit(Own("/chat/handed", other.account))
    with pytest.raises(NotApplied, match="nothing was changed") as refused:
        client.claim("/chat/handed/over")
    assert refused.value.entry is not None
    with pytest.raises(RequestError, match="does not start with a slash"):
        client.set_rule("chat", "true")


def test_values_are_followed(client: Client, chat: str) -> None:
    first = client.put_value(f"{chat}/tail/1", b"one")
    with client.follow_values("/chat/tail/$message") as values:
        client.put_value(f"{chat}/other/1", b"not this one")
        client.put_value(f"{chat}/tail/2", b"two")
        client.put_value(f"{chat}/tail/1", b"three")
        assert texts(values, 2) == ["two", "three"]
    with client.follow_values("/chat/tail/$message", after=first.id) as values:
        assert texts(values, 2) == ["two", "three"]
    with pytest.raises(RequestError, match="begins with a variable"), client.follow_values("/$a"):
        pass


def test_an_address_that_the_node_does_not_know_is_said(client: Client, chat: str) -> None:
    client.put_value(f"{chat}/gap/1", b"one")
    with client.follow_values("/chat/gap/1", after="7-0-0-0-0") as values:
        missed = next(values)
        assert isinstance(missed, ValuesMissed) and str(missed.after) == "7-0-0-0-0"
        assert texts(values, 1) == ["one"]


def test_a_broken_connection_loses_no_value(client: Client, node: Node, chat: str, other: Keypair) -> None:
    written: list[ValueWritten] = []

    def write(*names: str) -> None:
        written.extend(client.put_value(f"{chat}/break/1", name) for name in names)

    with (
        closing(Relay(node.address)) as relay,
        Client(relay.address, key=other) as reader,
        reader.follow_values("/chat/break/$m") as values,
    ):
        write("a", "b")
        assert texts(values, 2) == ["a", "b"]
        relay.cut()
        write("c")
        # Written by the side, while the reader takes the connection up again.
        writer = threading.Thread(target=write, args=("d", "e"))
        writer.start()
        assert texts(values, 3) == ["c", "d", "e"]
        writer.join()
    with (
        closing(Relay(node.address)) as relay,
        Client(relay.address) as reader,
        reader.follow_values("/chat/break/$m") as values,
    ):
        # Before any value has come: the node has said where following began.
        threading.Timer(1, relay.cut).start()
        threading.Timer(2, write, args=("f",)).start()
        assert texts(values, 1) == ["f"]


@pytest.mark.anyio
async def test_the_asynchronous_client_does_the_same(node: Node, client: Client, chat: str, owner: Keypair) -> None:
    with closing(Relay(node.address)) as relay:
        async with AsyncClient(relay.address, key=owner) as reader:
            async with reader.follow_values("/chat/aio/$m") as values:
                await reader.put_value(f"{chat}/aio/1", b"one")
                first = await anext(values)
                assert isinstance(first, ValueView) and first.data == b"one"
                relay.cut()
                client.put_value(f"{chat}/aio/2", b"two")
                second = await anext(values)
                assert isinstance(second, ValueView) and second.data == b"two"
            found = await reader.value(f"{chat}/aio/2")
            assert found is not None and found.text == "two"
            page = await reader.values_below(f"{chat}/aio")
            assert [value.path for value in page.values] == ["/chat/aio/1", "/chat/aio/2"]
            assert (await reader.owner("/chat/aio")).owner == owner.account
            assert (await reader.judge("/chat/aio/1")).allowed
            assert any(rule.pattern == "/chat/$room/$message" for rule in await reader.rules())
            await reader.claim("/aio")
            assert (await reader.set_rule("/aio/$a", "true")).status == "done"
