"""Triggers against a real node: as they are listed, and what came of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from moot.client import AsyncClient, Foreign, RequestError
from moot.record import ByAccounts, ByAnyone, ByRule, OnSchedule, OnValue, SetTrigger, Status, Trigger
from tests.test_exchange import Script, answered

if TYPE_CHECKING:
    from moot.client import Client, DerivedView
    from moot.record import Keypair
    from tests.support.node import Node

WAIT_S = 30
ACCOUNT = "00" * 32
VIEW = {"name": "a", "owner": ACCOUNT, "trigger": {"on": {"value": "/a"}, "function": "b", "access": "anyone"}}


@pytest.fixture(scope="module")
def bell(client: Client, deployed: str, owner: Keypair) -> dict[str, Trigger]:
    client.claim("/bell")
    client.set_rule("/bell/$n", "true")
    triggers = {
        "bell-few": Trigger(OnValue("/bell/few/$n"), deployed, ByAccounts((owner.account,))),
        "bell-morning": Trigger(OnSchedule("0 6 * * 1-5"), deployed, ByAnyone()),
        "bell-ring": Trigger(OnValue("/bell/$n"), deployed, ByRule("auth.account != null")),
    }
    client.submit(*[SetTrigger(name, trigger) for name, trigger in triggers.items()])
    return triggers


def answered_call(client: Client, at: object) -> DerivedView:
    """The call that a value made, once it has an answer."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        for one in client.derived_calls():
            if one.at == at and one.state != "open":
                return one
        time.sleep(0.05)
    pytest.fail(f"nothing came of {at} in {WAIT_S} s")


@pytest.mark.node
def test_triggers_are_listed_as_they_were_set(client: Client, owner: Keypair, bell: dict[str, Trigger]) -> None:
    found = {view.name: view for view in client.triggers()}
    assert {name: found[name].trigger for name in bell} == bell
    assert {found[name].owner for name in bell} == {owner.account}
    assert [found[name].next_ms is not None for name in bell] == [False, True, False]


@pytest.mark.node
def test_what_came_of_a_value_is_found(client: Client, owner: Keypair, deployed: str, bell: dict[str, Trigger]) -> None:
    assert bell
    written = client.put_value("/bell/1", b"ding")
    one = answered_call(client, written.id)
    assert (one.trigger, one.function, one.owner, one.by) == ("bell-ring", deployed, owner.account, owner.account)
    assert (one.source, one.state, one.status, one.why) == ("value:/bell/1", "answered", Status.OK, None)
    assert one.view is None, "the list has no calls"
    whole = client.find_derived_call(one.id)
    assert whole is not None and whole.view is not None and whole.view.receipt is not None
    assert (whole.view.id, whole.view.receipt.status) == (one.call, Status.OK)
    assert len(client.derived_calls(limit=1)) == 1
    assert client.find_derived_call("d-9999999-0") is None
    with pytest.raises(RequestError, match="d-17-0"):
        client.find_derived_call("../status")


@pytest.mark.node
@pytest.mark.anyio
async def test_the_asynchronous_client_does_the_same(node: Node, bell: dict[str, Trigger]) -> None:
    async with AsyncClient(node.address) as client:
        assert set(bell) <= {view.name for view in await client.triggers()}
        for one in await client.derived_calls(limit=3):
            assert await client.find_derived_call(one.id) is not None


def test_what_is_no_trigger_is_refused() -> None:
    (good,) = Script(answered({"triggers": [VIEW]})).client().triggers()
    assert good.trigger == Trigger(OnValue("/a"), "b", ByAnyone())
    changes: list[dict[str, object]] = [
        {"on": {"value": "a"}},
        {"on": {"moon": "full"}},
        {"on": {"value": "/a", "schedule": "* * * * *"}},
        {"on": {"schedule": "never"}},
        {"access": "nobody"},
        {"access": {"accounts": []}},
        {"access": {"accounts": ["ada"]}},
        {"access": {"rule": 7}},
        {"function": "A"},
    ]
    for wrong in changes:
        odd = VIEW | {"trigger": {**dict[str, object](on={"value": "/a"}, function="b", access="anyone"), **wrong}}
        with pytest.raises(Foreign):
            Script(answered({"triggers": [odd]})).client().triggers()
