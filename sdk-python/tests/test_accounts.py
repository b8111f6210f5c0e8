"""Accounts against a real node: balances, statements and bills, transfers, holds and stakes; said, or only rehearsed.

On a network that charges: the owner has units, a new key has none.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from moot.client import AsyncClient, Client, KeyNeeded, NotApplied, Refused, RequestError, Spec
from moot.record import (
    AccountId,
    Balance,
    Deploy,
    Keypair,
    Retire,
    Revoke,
    Stake,
    StateKey,
    Transfer,
    component_digest,
)
from tests.support.node import GREETING, Node, guest, moot_binary

if TYPE_CHECKING:
    from moot.verify import Genesis

pytestmark = pytest.mark.node


@pytest.fixture(scope="module", autouse=True)
def charged(client: Client) -> None:
    if not client.prices().charged:
        pytest.skip("nothing is charged on this network")


@pytest.fixture
def friend() -> AccountId:
    return Keypair.generate().account


def said_by_the_command_line(node: Node, *arguments: str) -> Any:
    command = [str(moot_binary()), *arguments, "--json", "--node", node.address]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return json.loads(ran.stdout)


def test_units_move(client: Client, node: Node, owner: Keypair, friend: AccountId) -> None:
    before = client.account()
    assert (before.account, before.balance > 0) == (owner.account, True)
    assert client.account(str(friend)).balance == 0
    outcome = client.transfer(friend, 500)
    assert (outcome.kind, outcome.status) == ("transfer", "done")
    assert outcome.height is not None
    assert client.account(friend).balance == 500
    (line,) = client.statement(friend).lines
    assert (line.kind, line.paid, line.units, line.height) == ("received", False, 500, outcome.height)
    paid = {line.kind: line.units for line in client.statement(limit=1).lines if line.height == outcome.height}
    assert paid["sent"] == 500
    assert before.balance - client.account().balance == 500 + paid["bundle"]
    found = client.account(friend)
    assert found.height >= outcome.height and found.reserved == 0
    with Client(node.address) as nobody:
        with pytest.raises(RequestError, match="no account is named"):
            nobody.account()
        with pytest.raises(KeyNeeded):
            nobody.transfer(friend, 1)
    for amount, to in ((0, friend), (1, "ab")):
        with pytest.raises(RequestError):
            client.transfer(to, amount)


def test_a_statement_has_pages(client: Client, friend: AccountId) -> None:
    for amount in (1, 2, 3):
        client.transfer(friend, amount)
    first = client.statement(friend, limit=2)
    assert [line.units for line in first.lines] == [3, 2]
    assert first.next is not None
    rest = client.statement(friend, below=first.next, limit=2)
    assert [line.units for line in rest.lines] == [1] and rest.next is None


def test_several_are_applied_together_or_not_at_all(client: Client, friend: AccountId) -> None:
    both = client.submit(Transfer(friend, 5), Transfer(friend, 6))
    assert [(outcome.kind, outcome.status) for outcome in both] == [("transfer", "done")] * 2
    assert client.account(friend).balance == 11
    with pytest.raises(NotApplied, match="nothing was changed") as refused:
        client.submit(Transfer(friend, 5), Transfer(friend, 2**63))
    assert refused.value.entry is not None
    assert client.account(friend).balance == 11
    with pytest.raises(RequestError, match="no transaction"):
        client.submit()


def test_a_dry_run_says_what_would_come_and_leaves_all_as_it_was(client: Client, node: Node, friend: AccountId) -> None:
    run = client.dry_run(Transfer(friend, 5))
    assert run.accepted and run.fee > 0
    assert [(one.kind, one.refused) for one in run.transactions] == [("transfer", None)]
    assert client.account(friend).balance == 0
    fee = run.fee
    before = client.account().balance
    client.transfer(friend, 5)
    assert before - client.account().balance == 5 + fee, "what was foretold is what it cost"
    bad = client.dry_run(Transfer(friend, 1), Retire("never-deployed"))
    assert not bad.accepted and len(bad.transactions) == 2
    assert bad.transactions[1].refused is not None
    wasm = guest("hello").read_bytes()
    deploy = Deploy("rehearsed", component_digest(wasm), len(wasm), Spec("/rehearsed", grants=GREETING).encode())
    (foreseen,) = client.dry_run(deploy).transactions
    assert (foreseen.kind, foreseen.refused, foreseen.version) == ("deploy", None, 1)
    assert client.function("rehearsed") is None
    with Client(node.address, key=Keypair.generate()) as poor:
        assert not poor.dry_run(Transfer(friend, 1)).accepted


def test_a_revoked_key_does_nothing_any_more(client: Client, node: Node, friend: AccountId) -> None:
    """Whoever has stolen a key must be able to do nothing with it once its owner has revoked it."""
    key = Keypair.generate()
    client.transfer(key.account, 1_000_000)
    with Client(node.address, key=key) as stolen:
        assert stolen.dry_run(Revoke()).accepted
        assert stolen.account().revoked is None
        rescue, revoked = stolen.submit(Transfer(friend, 500), Revoke())
        assert (rescue.status, revoked.kind, revoked.status) == ("done", "revoke", "done")
        seen = stolen.account()
        assert (seen.revoked, client.account(friend).balance) == (revoked.height, 500)
        for again in (lambda: stolen.transfer(friend, 1), stolen.revoke_key, lambda: stolen.put_value("/board/1", "x")):
            with pytest.raises(Refused, match=f"revoked at height {revoked.height}") as refused:
                again()
            assert (refused.value.status, refused.value.problem.slug) == (403, "key-revoked")
    with pytest.raises(NotApplied, match="nobody can use what it is given"):
        client.transfer(key.account, 1)
    proven = client.state(StateKey.account(key.account)).check(client.genesis())
    assert proven.read() == Balance(seen.balance, revoked.height)


def test_who_has_nothing_is_told_what_is_missing(node: Node, friend: AccountId) -> None:
    key = Keypair.generate()
    with Client(node.address, key=key) as poor, pytest.raises(Refused) as refused:
        poor.transfer(friend, 1)
    assert (refused.value.status, refused.value.problem.slug) == (402, "payment-required")
    payment = refused.value.problem.payment
    assert payment is not None
    assert (payment.account, payment.balance, payment.reserved) == (key.account, 0, 0)
    assert payment.missing == payment.needed > 0


def test_a_bill_is_computed_anew(client: Client, node: Node, owner: Keypair) -> None:
    client.deploy("billed", guest("hello"), Spec("/billed", grants=GREETING))
    answers = [client.invoke("billed", name) for name in ("ada", "grace")]
    first = client.receipt(answers[0].call).check(client.genesis())
    client.receipt(answers[1].call)
    bill = client.bill(1)
    total = bill.sums["billed", owner.account]
    assert total.calls == 2
    assert total.fuel == sum(answer.fuel or 0 for answer in answers)
    assert total.units >= first.receipt.fee.ordering + first.receipt.fee.execution
    assert bill.differing == [] and total.differing == 0
    assert bill.units >= total.units
    said = said_by_the_command_line(node, "bill", "--from", "1", "--to", str(bill.last))
    assert said["total"] == str(bill.units)
    mine = {row["function"]: row for row in said["functions"] if row["payer"] == str(owner.account)}
    assert (mine["billed"]["total"], mine["billed"]["bytes"]) == (str(total.units), total.length)
    assert client.bill(1, bill.last, account=owner.account).sums.keys() <= bill.sums.keys()
    assert client.bill(1, account=Keypair.generate().account).sums == {}
    assert client.bill(last=bill.last).units == bill.units


def test_prices(client: Client, node_genesis: Genesis) -> None:
    found = client.prices()
    assert found.charged and found.prices == node_genesis.prices
    assert found.members == node_genesis.validators
    assert found.quorum == 1 and found.votes == ()


def test_units_are_held_and_paid_in_part(client: Client, friend: AccountId, owner: Keypair) -> None:
    until = client.status().height + 100_000
    made = client.hold(friend, 900, until=until)
    held = client.find_hold(made.id)
    assert held is not None
    assert (held.from_account, held.to, held.amount, held.until) == (owner.account, friend, 900, until)
    client.release(made.id, 2, 3)
    assert client.find_hold(made.id) is None
    assert client.account(friend).balance == 600
    given_back = client.hold(friend, 50, until=until)
    client.release(str(given_back.id), 0)
    assert client.account(friend).balance == 600
    with pytest.raises(NotApplied):
        client.release(given_back.id)
    with pytest.raises(RequestError, match="a share is of one part"):
        client.release(made.id, 2, 1)


def test_units_are_staked_and_taken_out(client: Client) -> None:
    before = client.find_stake()
    done = client.stake(5000)
    assert done.status == "done"
    client.unstake(2000)
    found = client.find_stake()
    assert found.staked - before.staked == 3000
    assert sum(part.amount for part in found.waiting) - sum(part.amount for part in before.waiting) == 2000
    bids = client.stakes()
    assert (bids.by_stake, bids.bids) == (False, ())
    assert bids.lockup_blocks > 0
    with pytest.raises(NotApplied):
        client.unstake(2**62)


@pytest.mark.anyio
async def test_the_asynchronous_client_does_the_same(node: Node, owner: Keypair, friend: AccountId) -> None:
    async with AsyncClient(node.address, key=owner) as client:
        assert (await client.dry_run(Transfer(friend, 7))).accepted
        await client.transfer(friend, 7)
        assert (await client.account(friend)).balance == 7
        assert (await client.statement()).lines
        assert (await client.bill()).differing == []
        assert (await client.prices()).charged
        hold = await client.hold(friend, 5, until=(await client.status()).height + 1000)
        assert await client.find_hold(hold.id) is not None
        await client.release(hold.id)
        assert await client.find_hold(hold.id) is None
        await client.submit(Stake(10), Transfer(friend, 1))
        await client.stake(10)
        await client.unstake(5)
        assert (await client.find_stake()).staked > 0
        assert (await client.stakes()).seats > 0
