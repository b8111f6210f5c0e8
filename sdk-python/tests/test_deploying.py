"""Deploys, rollbacks and retirements, against a real node."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from moot.client import (
    Client,
    DeployError,
    FunctionKind,
    KeyNeeded,
    Refused,
    Spec,
)
from tests.support.node import GREETING, Node, guest, moot_binary

if TYPE_CHECKING:
    from pathlib import Path

    from moot.keys import Keypair
    from moot.verify import Genesis

pytestmark = pytest.mark.node


def test_a_deploy_is_what_the_command_line_s_is(client: Client, node: Node, owner: Keypair, tmp_path: Path) -> None:
    # The same key, component and manifest: the command line finds nothing to change, and the other way round.
    manifest = f'[functions.twin]\ncomponent = "{guest("hello")}"\nidempotent = true\ndeterministic = true\n'
    (tmp_path / "moot.toml").write_text(manifest + '[functions.twin.grants]\nenv = { GREETING = "hello" }\n')
    spec = Spec("/twin", deterministic=True, idempotent=True, grants=GREETING)
    first = client.deploy("twin", guest("hello"), spec)
    assert (first.version, first.changed, first.kind) == (1, True, FunctionKind.EVENT)
    assert first.height is not None and first.entry is not None
    key = str(node.folder / "owner.key")
    command = [str(moot_binary()), "deploy", "--no-build", "--json", "--node", node.address, "--key", key]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=120)
    (said,) = json.loads(ran.stdout)["deployed"]
    assert (said["function"], said["version"], said["changed"]) == ("twin", 1, False)
    again = client.deploy("twin", guest("hello").read_bytes(), spec)
    assert (again.version, again.changed, again.entry) == (1, False, None)
    view = client.function("twin")
    assert view is not None
    assert view.summary.owner == owner.account
    assert view.versions[0].spec == spec.to_json()
    assert view.versions[0].spec_digest == spec.digest()
    assert client.component(view.summary.component) == guest("hello").read_bytes()


def test_versions_roll_back_and_functions_retire(client: Client) -> None:
    spec = Spec("/coming", destructible=True, grants=GREETING)
    client.deploy("coming", guest("hello"), spec)
    second = client.deploy(
        "coming", guest("hello"), Spec("/coming", destructible=True, idempotent=True, grants=GREETING)
    )
    assert second.version == 2
    with pytest.raises(DeployError, match="no version 7; it has v1, v2"):
        client.rollback("coming", 7)
    back = client.rollback("coming")
    assert (back.version, back.changed) == (1, True)
    assert not client.rollback("coming", 1).changed
    client.retire("coming")
    with pytest.raises(Refused) as refused:
        client.invoke("coming")
    assert (refused.value.status, refused.value.problem.slug) == (410, "retired")


def test_what_cannot_be_deployed_says_why(client: Client, node: Node, deployed: str, other: Keypair) -> None:
    with Client(node.address, key=other) as stranger, pytest.raises(DeployError, match="belongs to another account"):
        stranger.deploy(deployed, guest("hello"))
    with Client(node.address) as keyless, pytest.raises(KeyNeeded, match="made without `key`"):
        keyless.deploy("new", guest("hello"))
    # What it imports is not granted: the node refuses it by name, before the ledger has it.
    with pytest.raises(Refused, match="wasi:keyvalue") as refused:
        client.deploy("counting", guest("counter"))
    assert refused.value.problem.slug == "bad-component"
    with pytest.raises(DeployError, match="has no function nobody"):
        client.rollback("nobody")


def test_a_deploy_is_signed_for_the_pinned_network_only(node: Node, owner: Keypair, vector_genesis: Genesis) -> None:
    with (
        Client(node.address, key=owner, genesis=vector_genesis) as elsewhere,
        pytest.raises(DeployError, match="the client's genesis"),
    ):
        elsewhere.deploy("elsewhere", guest("hello"))
    with Client(node.address) as client:
        assert client.function("elsewhere") is None
