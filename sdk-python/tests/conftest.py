"""What several tests share: a node, its owner's key, and how hard hypothesis tries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from moot.client import Client, Spec
from moot.keys import Keypair, create_key_file
from tests.support.node import GREETING, Node, guest
from tests.support.vectors import genesis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moot.record import Genesis

# No deadline: a loaded machine is no error. MOOT_EXAMPLES raises the number for a long look.
settings.register_profile(
    "moot",
    deadline=None,
    max_examples=int(os.environ.get("MOOT_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("moot")


@pytest.fixture(scope="session")
def owner() -> Keypair:
    return Keypair.generate()


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory, owner: Keypair) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    create_key_file(folder / "owner.key", owner)
    running = Node(folder)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def other() -> Keypair:
    return Keypair.generate()


@pytest.fixture(scope="session")
def vector_genesis() -> Genesis:
    return genesis()


@pytest.fixture(scope="session")
def client(node: Node, owner: Keypair) -> Iterator[Client]:
    with Client(node.address, key=owner) as client:
        yield client


@pytest.fixture(scope="session")
def node_genesis(client: Client) -> Genesis:
    return client.genesis()


@pytest.fixture(scope="session")
def deployed(client: Client) -> str:
    spec = Spec("/hello", deterministic=True, idempotent=True, grants=GREETING)
    client.deploy("hello", guest("hello"), spec)
    return "hello"
