"""schemathesis against a deployed function's own OpenAPI document: what it says is what the node does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from moot.client import Spec
from tests.support.node import guest

if TYPE_CHECKING:
    from moot.client import Client
    from tests.support.node import Node

pytestmark = pytest.mark.node

# A function may refuse what its types allow: its error is an answer, 422, that its document has. And `sum` says of
# itself that it traps when the sum does not fit.
CONFIG = """
[generation]
allow-x00 = true
database = "none"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "422"]

[[operations]]
include-path = "/_moot/functions/calculator/call/sum"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "502"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "502"]
"""

# With that, arguments of the right types that the node itself does not take would pass: they must not.
HOOKS = """
import schemathesis

@schemathesis.check
def arguments_of_the_right_types_fit(ctx, response, case):
    meta = case.meta
    if meta is not None and meta.generation.mode.is_positive and response.status_code == 422:
        kind = response.json()["type"]
        assert kind == "/_moot/problems#function-failed", response.text
"""


def document(client: Client, name: str) -> dict[str, Any]:
    answer = httpx.get(f"{client.address}/_moot/functions/{name}/openapi.json")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def test_schemathesis_finds_nothing(node: Node, client: Client, tmp_path: Path) -> None:
    client.deploy("calculator", guest("calculator"), Spec("/calculator", deterministic=True))
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    (tmp_path / "hooks.py").write_text(HOOKS)
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", "--no-color", "--seed=1", "--max-examples=40"]
    target = f"{node.address}/_moot/functions/calculator/openapi.json"
    environment = {
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    ran = subprocess.run(
        [*command, target], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stdout[-20000:] + ran.stderr
    assert "Unresolvable references" not in ran.stdout, ran.stdout[-5000:]
    found = re.search(r"([0-9]+) generated, ([0-9]+) passed", ran.stdout)
    assert found is not None and found[1] == found[2] and int(found[1]) > 300, ran.stdout[-5000:]


def test_the_document_says_what_is_known_of_each_kind(client: Client, deployed: str) -> None:
    client.deploy("calculator", guest("calculator"), Spec("/calculator", deterministic=True))
    typed = document(client, "calculator")
    assert typed["openapi"].startswith("3.1")
    assert len(typed["paths"]) == 11
    divide = typed["paths"]["/_moot/functions/calculator/call/folkmoot:calculator/arithmetic@0.1.0%23divide"]["post"]
    arguments = divide["requestBody"]["content"]["application/json"]["schema"]
    assert (arguments["minItems"], arguments["maxItems"]) == (2, 2)
    assert "OrderInput" in typed["components"]["schemas"] and "Bill" in typed["components"]["schemas"]
    assert json.dumps(typed).count("$ref") > 10

    event = document(client, deployed)
    assert list(event["paths"]) == [f"/_moot/functions/{deployed}/call"]
    client.deploy("web", guest("hello_http"), Spec("/web"))
    assert list(document(client, "web")["paths"]) == ["/web"]
    missing = httpx.get(f"{client.address}/_moot/functions/nobody/openapi.json")
    assert missing.status_code == 404 and missing.json()["type"].endswith("no-such-function")


def test_what_a_resource_does_not_take_is_said_with_what_it_does(client: Client, deployed: str) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        answer = httpx.request(method, f"{client.address}/_moot/functions/{deployed}/call")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method
