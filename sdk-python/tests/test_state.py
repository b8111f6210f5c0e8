"""Proofs of the state: made here and forged, and fetched from a real node; both verifiers agree on them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.client import Client, RequestError, Spec
from moot.errors import DecodeError, Invalid, ProofError
from moot.record import (
    AccountId,
    Balance,
    BlockHeader,
    Candidate,
    Contradiction,
    Conviction,
    Digest,
    EntryId,
    FunctionRecord,
    Held,
    Keypair,
    OnSchedule,
    OtherLeaf,
    PathOwner,
    PathRule,
    Pot,
    PriceList,
    Prices,
    Sandbox,
    SocketAddress,
    Staked,
    StateFile,
    StateKey,
    StateProof,
    Trigger,
    TriggerSet,
    WorkerFault,
    WorkerRecord,
    WorkOffer,
    component_digest,
)
from moot.record.fixed import ZERO
from moot.record.hash import STATE
from moot.record.state import StateKind, bit, climb, leaf_digest, node_digest, value_digest
from moot.verify import verify_state_files
from tests.support.network import Changing, Network, honest
from tests.support.node import GREETING, guest, moot_binary

if TYPE_CHECKING:
    from pathlib import Path

    from moot.record import Genesis

ADA, BOB = (Keypair(bytes([n]) * 32).account for n in (7, 8))
NETWORK = Network()
QUORUM = [(0, honest), (1, honest), (2, honest)]
ENTRY = EntryId(1, 2, 3, 4, 5)

Leaves = dict[Digest, Digest]


def leaves_of(state: dict[StateKey, bytes]) -> Leaves:
    return {key.place(): leaf_digest(key.place(), value_digest(value)) for key, value in state.items()}


def top(leaves: Leaves, depth: int = 0) -> Digest:
    """The top of a tree, as its definition says."""
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        return next(iter(leaves.values()))
    left, right = sides(leaves, depth)
    return node_digest(top(left, depth + 1), top(right, depth + 1))


def sides(leaves: Leaves, depth: int) -> tuple[Leaves, Leaves]:
    left = {place: leaf for place, leaf in leaves.items() if not bit(place, depth)}
    return left, {place: leaf for place, leaf in leaves.items() if bit(place, depth)}


def prove(
    state: dict[StateKey, bytes], key: StateKey, network: Network = NETWORK, *, height: int = 7, votes: bytes = b""
) -> StateProof:
    """The proof of what a state holds under a key."""
    leaves, way, depth = leaves_of(state), [], 0
    root = STATE.hash(bytes(top(leaves)))
    while len(leaves) > 1:
        left, right = sides(leaves, depth)
        leaves, beside = (right, left) if bit(key.place(), depth) else (left, right)
        depth += 1
        way.append(top(beside, depth))
    found: bytes | OtherLeaf | None = state.get(key)
    if found is None and leaves:
        (other,) = (each for each in state if each.place() in leaves)
        found = OtherLeaf(other.place(), value_digest(state[other]))
    header = BlockHeader(height, ZERO, 1_700_000_000_007, root, 0, ZERO)
    certificate = votes or network.certify(header.digest(), QUORUM)
    return StateProof(key, found, tuple(reversed(way)), header, (), certificate)


def account(number: int) -> StateKey:
    return StateKey.account(AccountId(number.to_bytes(32, "big")))


def field_of(proof: StateProof, genesis: Genesis = NETWORK.genesis) -> str | None:
    try:
        StateProof.decode(proof.encode()).verify(genesis)
    except ProofError as error:
        return error.field
    except DecodeError:
        return "proof"
    return None


@given(st.dictionaries(st.integers(0, 300), st.integers(0, 2**64 - 1), max_size=60), st.integers(0, 300))
def test_what_is_there_is_proven_and_what_is_not(balances: dict[int, int], number: int) -> None:
    state = {account(n): Balance(balance).encode() for n, balance in balances.items()}
    proof = prove(state, account(number))
    proven = StateProof.decode(proof.encode()).verify(NETWORK.genesis)
    assert (proven.key, proven.height, proven.time_ms) == (account(number), 7, 1_700_000_000_007)
    assert proven.read() == (Balance(balances[number]) if number in balances else None)
    file = StateFile.make(proof, NETWORK.genesis)
    assert StateFile.is_one(file.to_text())
    assert StateFile.parse(file.to_text()).check(NETWORK.genesis) == proven


STATE_OF_40 = {account(n): Balance(n).encode() for n in range(40)}


@given(st.data())
def test_a_changed_byte_proves_nothing(data: st.DataObject) -> None:
    key = account(data.draw(st.sampled_from([3, 77])))
    encoded = prove(STATE_OF_40, key).encode()
    at, change = data.draw(st.integers(0, len(encoded) - 1)), data.draw(st.integers(1, 255))
    forged = encoded[:at] + bytes([encoded[at] ^ change]) + encoded[at + 1 :]
    try:
        proof = StateProof.decode(forged)
    except DecodeError:
        return
    # What shows that one key has no value shows it of every other whose way ends at the same place. That is true,
    # and of another key than the one that was asked for.
    elsewhere = proof.key != key and not isinstance(proof.found, bytes)
    assert field_of(proof) is not None or elsewhere


def test_forgeries_are_named() -> None:
    there, gone = prove(STATE_OF_40, account(3)), prove(STATE_OF_40, account(77))
    assert field_of(there) is None and field_of(gone) is None
    assert isinstance(gone.found, OtherLeaf) or gone.found is None
    other = OtherLeaf(account(3).place(), value_digest(Balance(3).encode()))
    few = replace(there, certificate=NETWORK.certify(there.block_header.digest(), QUORUM[:2]))
    child = BlockHeader(8, there.block_header.digest(), 0, ZERO, 0, ZERO)
    for proof, field in (
        (replace(there, found=Balance(4).encode()), "state.value"),
        (replace(there, found=None), "state.value"),
        # That a key has no value: its own leaf is no other's, and one from elsewhere does not stand on the way.
        (replace(there, found=other), "state.other"),
        (replace(gone, found=OtherLeaf(flipped(account(77).place()), ZERO)), "state.other"),
        (replace(there, key=account(4)), "state.value"),
        (replace(there, path=there.path[1:]), "state.value"),
        (replace(there, path=there.path * 60), "proof"),
        (replace(there, block_header=replace(there.block_header, height=8)), "certificate.block"),
        (few, "certificate.quorum"),
        (replace(there, descent=(child,), certificate=NETWORK.certify(child.digest(), QUORUM)), None),
        (replace(there, descent=(replace(child, height=9),)), "descent"),
    ):
        assert field_of(proof) == field
    with pytest.raises(ProofError) as long:
        replace(there, path=(ZERO,) * 257).verify(NETWORK.genesis)
    assert long.value.field == "state.path"


def flipped(place: Digest) -> Digest:
    data = bytes(place)
    return Digest(bytes([data[0] ^ 0x80]) + data[1:])


def test_a_committee_of_later_is_led_to() -> None:
    network = Changing()
    like = network.prove_at(25)
    header = BlockHeader(25, ZERO, 5, prove(STATE_OF_40, account(3)).block_header.state, 0, ZERO)
    votes = network.votes(1, 2, header)
    proof = replace(prove(STATE_OF_40, account(3)), block_header=header, certificate=votes, handovers=like.handovers)
    assert field_of(proof, network.genesis) is None
    assert field_of(replace(proof, handovers=()), network.genesis) == "certificate.committee"


AT = SocketAddress.parse("[2001:db8::1]:9080"), SocketAddress.parse("10.0.0.1:10080")


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        (StateKey.account(ADA), Balance(2**64 - 1), {"balance": str(2**64 - 1)}),
        (StateKey.account(ADA), Balance(0, 70_000), {"balance": 0, "revoked": 70_000}),
        (StateKey.owner("/chat"), PathOwner(None), {"owner": None}),
        (StateKey.rule("/chat/$room"), PathRule("/chat/$room", "true"), {"pattern": "/chat/$room", "rule": "true"}),
        (
            StateKey.hold(ENTRY),
            Held(ADA, BOB, 5, 9),
            {"from": str(ADA), "to": str(BOB), "amount": 5, "until": 9},
        ),
        (
            StateKey.stake(ADA),
            Staked(5, ((7, 3),), (Candidate(BOB, *AT),)),
            {
                "staked": 5,
                "waiting": [{"until": 7, "amount": 3}],
                "replicas": [{"account": str(BOB), "ledger": "[2001:db8::1]:9080", "data": "10.0.0.1:10080"}],
            },
        ),
        (StateKey.conviction(ADA), Conviction(ENTRY, 7), {"said": "1-2-3-4-5", "burned": 7}),
        (
            StateKey.conviction(ADA),
            Conviction(ENTRY, 7, Contradiction.SKIPPED_AND_FINAL),
            {"said": "1-2-3-4-5", "burned": 7, "voted": "skipped-and-final"},
        ),
        (
            StateKey.prices(),
            PriceList(Prices(1, 2, 3), ((ADA, Prices(4, 5)),)),
            {
                "prices": {"per_byte": 1, "per_mega_fuel": 2, "per_stored_byte": 3},
                "votes": [{"account": str(ADA), "prices": {"per_byte": 4, "per_mega_fuel": 5}}],
            },
        ),
        (StateKey.pot(), Pot(5), {"units": 5}),
        (
            StateKey.trigger("nightly"),
            TriggerSet(ADA, Trigger(OnSchedule("0 6 * * *"), "clean"), 5),
            {
                "owner": str(ADA),
                "trigger": {"on": {"schedule": "0 6 * * *"}, "function": "clean", "access": "anyone"},
                "next_ms": 5,
            },
        ),
        (
            StateKey.worker(ADA),
            WorkerRecord(
                WorkOffer((Sandbox.COMPONENT,), ("sum",), (BOB,), engine="e-1"),
                5,
                1,
                100,
                (WorkerFault(ENTRY, ENTRY, ENTRY, 100),),
            ),
            {
                "offer": {"kinds": ["component"], "functions": ["sum"], "replicas": [str(BOB)], "engine": "e-1"},
                "since": 5,
                "faults": 1,
                "burned": 100,
                "last": [{"call": "1-2-3-4-5", "receipt": "1-2-3-4-5", "agreed": "1-2-3-4-5", "burned": 100}],
            },
        ),
    ],
)
def test_values_as_people_read_them(key: StateKey, value: Any, shown: dict[str, Any]) -> None:
    file = StateFile.make(prove({key: value.encode()}, key), NETWORK.genesis)
    assert file.to_json()["value"] == shown
    assert StateFile.parse(file.to_text()).check(NETWORK.genesis).read() == value
    with pytest.raises(ProofError) as wrong:
        StateFile.make(prove({key: b"\x80"}, key), NETWORK.genesis)
    assert wrong.value.field == "state.value"


def test_keys_have_one_encoding_and_a_place_each() -> None:
    keys = [
        StateKey(StateKind.HISTORY),
        StateKey(StateKind.SEATS),
        StateKey.function("hello"),
        StateKey.trigger("hello"),
        StateKey.account(ADA),
        StateKey.stake(ADA),
        StateKey.conviction(ADA),
        StateKey.worker(ADA),
        StateKey.owner("/chat"),
        StateKey.rule("/chat"),
        StateKey.rule("/chat/$room"),
        StateKey.hold(ENTRY),
        StateKey.prices(),
        StateKey.pot(),
        StateKey(StateKind.DERIVED, (7, 0)),
        StateKey(StateKind.WATCHED, ENTRY),
        StateKey(StateKind.COMPARED, ENTRY),
    ]
    assert all(StateKey.decode(key.encode()) == key for key in keys)
    assert len({key.place() for key in keys}) == len(keys)
    assert StateKey.rule("/chat/$room") == StateKey.rule("/chat/$r")
    for bad in (b"\x82\x00\x00", b"\x82\x09\x00", b"\x81\x10", b"\x82\x02\x61A", b"\x81\x02", b"\x80"):
        with pytest.raises(DecodeError):
            StateKey.decode(bad)
    with pytest.raises(Invalid):
        PriceList(Prices(1, 1), ((BOB, Prices(1, 1)), (ADA, Prices(1, 1)))[:: 1 if bytes(BOB) > bytes(ADA) else -1])


def test_bits_lead_from_the_first() -> None:
    place = Digest(bytes([0b0100_0000]) + bytes(30) + b"\x01")
    assert [depth for depth in range(256) if bit(place, depth)] == [1, 255]
    assert climb(place, ZERO, ()) == STATE.hash(bytes(32))


def test_files_that_are_none() -> None:
    good = StateFile.make(prove(STATE_OF_40, account(3)), NETWORK.genesis).to_json()
    for fields, field in (
        ({"format": "moot-state-2"}, "format"),
        ({"proof": 5}, "proof"),
        ({"proof": "a"}, "proof"),
        ({"proof": "gA"}, "proof"),
        ({"proof": "A" * 500_000}, "proof"),
    ):
        with pytest.raises(ProofError) as refused:
            StateFile.parse(json.dumps(good | fields))
        assert refused.value.field == field
    with pytest.raises(ProofError, match="not a state file"):
        StateFile.parse("{")
    for changed, field in (
        ({"value": {"balance": 4}}, "value.balance"),
        ({"value": None}, "value"),
        ({"block": {"height": 8, "time_ms": 1_700_000_000_007}}, "block.height"),
        ({"network": "00" * 32}, "network"),
        ({"more": 1}, "more"),
    ):
        with pytest.raises(ProofError) as refused:
            StateFile.parse(json.dumps(good | changed)).check(NETWORK.genesis)
        assert refused.value.field == field
    assert not StateFile.is_one("{") and not StateFile.is_one("[]")


@pytest.mark.node
def test_a_node_proves_what_it_says(client: Client, node_genesis: Genesis, owner: Keypair) -> None:
    client.deploy("proven", guest("hello"), Spec("/proven", grants=GREETING))
    client.claim("/proven")
    client.set_rule("/proven/$a/$b", "value_size < 9")

    def proven(key: StateKey) -> Any:
        return client.state(key).check(node_genesis).read()

    assert proven(StateKey.account(owner.account)) == Balance(client.account().balance)
    assert proven(StateKey.account(BOB)) is None
    record = proven(StateKey.function("proven"))
    assert isinstance(record, FunctionRecord)
    assert FunctionRecord.decode(record.encode()) == record
    assert (record.name, record.owner, record.active, record.frozen) == ("proven", owner.account, 1, False)
    active = record.version(1)
    assert active is not None
    assert active.component == component_digest(guest("hello").read_bytes())
    assert active.spec.route == "/proven"
    assert proven(StateKey.function("never")) is None
    assert proven(StateKey.owner("/proven")) == PathOwner(owner.account)
    assert proven(StateKey.rule("/proven/$x/$y")) == PathRule("/proven/$a/$b", "value_size < 9")
    assert proven(StateKey.rule("/proven")) is None
    prices = client.prices()
    assert proven(StateKey.prices()) == (PriceList(prices.prices) if prices.charged else None)
    assert proven(StateKey.hold(ENTRY)) is None and proven(StateKey.trigger("never")) is None
    proven(StateKey.pot())
    for key in (StateKey(StateKind.HISTORY), StateKey(StateKind.WATCHED, ENTRY)):
        with pytest.raises(RequestError, match="gives no proof"):
            client.state(key)


@pytest.mark.node
def test_both_verifiers_agree(client: Client, owner: Keypair, tmp_path: Path) -> None:
    file = client.state(StateKey.account(owner.account))
    (tmp_path / "genesis.json").write_text(client.genesis().to_text())
    (tmp_path / "good.json").write_text(file.to_text())
    (tmp_path / "bad.json").write_text(json.dumps(file.to_json() | {"value": {"balance": 1}}))
    (tmp_path / "none.json").write_text(client.state(StateKey.account(BOB)).to_text())
    (tmp_path / "prices.json").write_text(client.state(StateKey.prices()).to_text())
    for name, code in [("good.json", 0), ("bad.json", 1), ("none.json", 0), ("prices.json", 0)]:
        verdicts = []
        for program in ([moot_binary(), "verify"], [sys.executable, "-m", "moot.verify"]):
            command = [*program, name, "--genesis", "genesis.json", "--json"]
            ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
            assert ran.returncode == code, (program, ran.stdout, ran.stderr)
            verdicts.append(json.loads(ran.stdout))
        if code == 0:
            assert verdicts[0] == verdicts[1]
        assert verdicts[0].get("field") == verdicts[1].get("field")
    checked = verify_state_files(tmp_path / "good.json", tmp_path / "genesis.json")
    assert checked.key == StateKey.account(owner.account)
