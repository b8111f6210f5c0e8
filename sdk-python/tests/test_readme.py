"""The README's examples, run as they stand there, against a node."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.node import guest

if TYPE_CHECKING:
    from tests.support.node import Node

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_examples_fit_the_types(tmp_path: Path) -> None:
    for number, example in enumerate(EXAMPLES):
        (tmp_path / f"example_{number}.py").write_text(example)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.node
def test_the_examples_do_what_they_say(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(EXAMPLES) == 5
    shutil.copy(guest("hello"), tmp_path / "hello.wasm")
    monkeypatch.setenv("MOOT_NODE", node.address)
    monkeypatch.setenv("MOOT_KEY", str(node.folder / "owner.key"))
    said = []
    for example in EXAMPLES:
        command = [sys.executable, "-W", "error", "-c", example]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        said.append(ran.stdout)
    deploy, evidence, values, accounts, many = said
    assert re.fullmatch(r"hello, ada\n \d+(-\d+){4} \d+\n", deploy)
    assert re.fullmatch(r"ok \d+\nreceipt\.status\n", evidence)
    assert "the folk meets at noon True True\ndenied-by-rule\n" in values and values.startswith("ValueView(")
    assert re.fullmatch(r"100 \[\]\nBalance\(balance=100, revoked=None\) True\n", accounts)
    assert "['hello, ada\\n', 'hello, grace\\n', 'hello, edsger\\n']\nTrue\nfailed " in many
    command = [sys.executable, "-m", "moot.verify", "receipt.json", "--genesis", "genesis.json"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60).returncode == 0
