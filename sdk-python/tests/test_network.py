"""A network of several replicas that charges, and whose committee goes by stake."""

from __future__ import annotations

import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from moot.client import Client, NotApplied, Refused
from moot.record import Candidate, Keypair, SocketAddress
from tests.support.node import Node, moot_binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.node

REPLICAS = 2
UNITS = 100_000_000


@pytest.fixture(scope="module")
def staker() -> Keypair:
    return Keypair.generate()


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory, staker: Keypair) -> Iterator[Client]:
    """One of the smallest network; its epochs are longer than the test, so that nobody who bids is waited for."""
    net = tmp_path_factory.mktemp("net") / "net"
    port = random.randrange(20_000, 29_000)
    how = ["--replicas", str(REPLICAS), "--epoch-blocks", "10000", "--port", str(port)]
    command = [str(moot_binary()), "net", "init", *how, "--fund", f"{staker.account}={UNITS}", str(net)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)

    def start(at: int) -> Node:
        folder: Path = net / f"replica-{at}"
        return Node(folder, folder / "replica.toml")

    # At the same time: none of them is ready without the other.
    with ThreadPoolExecutor() as pool:
        nodes = list(pool.map(start, range(REPLICAS)))
    try:
        with Client(nodes[0].address, key=staker) as client:
            yield client
    finally:
        for node in nodes:
            node.stop()


def test_an_account_stakes_behind_a_replica_that_has_said_so(replica: Client, staker: Keypair) -> None:
    key, network = Keypair.generate(), replica.status().network
    at = [SocketAddress.parse(f"10.0.0.9:{port}") for port in (9080, 10_080)]
    candidate = Candidate(key.account, *at)
    with pytest.raises(NotApplied, match=str(key.account)):
        replica.stake(5000, candidate, Candidate.consent(key, network, Keypair.generate().account))
    done = replica.stake(5000, candidate, Candidate.consent(key, network, staker.account))
    assert (done.kind, done.status) == ("stake", "done")
    found = replica.find_stake()
    assert (found.staked, found.account) == (5000, staker.account)
    (behind,) = found.replicas
    assert (behind.account, behind.ledger, behind.data) == (key.account, "10.0.0.9:9080", "10.0.0.9:10080")
    assert (behind.seated, behind.burned, behind.voted) == (False, None, None)
    replica.stake(10)
    bids = replica.stakes()
    assert bids.by_stake
    (bid,) = bids.bids
    assert (bid.replica, bid.staker, bid.share, bid.seated) == (key.account, staker.account, 5010, False)


def test_a_replica_pays_for_nobody_s_values_unless_its_operator_wants_it_to(replica: Client) -> None:
    replica.claim("/open")
    replica.set_rule("/open/$n", "true")
    with pytest.raises(Refused, match="pays-for-unsigned") as refused:
        replica.put_value("/open/1", "hi", unsigned=True)
    assert (refused.value.status, refused.value.problem.slug) == (401, "signature-needed")
    assert replica.put_value("/open/1", "hi").path == "/open/1"
    assert replica.value("/open/2") is None
