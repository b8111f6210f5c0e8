"""A real node on a free port, with a data folder that goes when the tests end."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import IO, Any

import pytest

from moot.record import Grants
from moot.verify import ReceiptFile
from tests.support.vectors import ROOT

STOP_TIMEOUT_S = 40
GREETING = Grants.of(env={"GREETING": "hello"})


def moot_binary() -> Path:
    return _built("MOOT_BIN", ROOT / "target/debug/moot", "cargo build -p moot-node")


def guest(name: str) -> Path:
    folder = _built("MOOT_GUESTS", ROOT / "target/guests/wasm32-wasip2/release", "cargo xtask test guests")
    return folder / f"{name}.wasm"


def _built(variable: str, default: Path, how: str) -> Path:
    path = Path(os.environ.get(variable) or default)
    if not path.exists():
        pytest.fail(f'{path} is not there: `{how}` builds it, or {variable} names it; -m "not node" leaves these out')
    return path


def forge(file: ReceiptFile, *path: str, value: object) -> ReceiptFile:
    """The same receipt file, with one readable field changed."""
    readable = json.loads(file.to_text())
    place: Any = readable
    for name in path[:-1]:
        place = place[name]
    assert place[path[-1]] != value
    place[path[-1]] = value
    return ReceiptFile.parse(json.dumps(readable))


class Node:
    """`moot up` as a child process; with a configuration, the replica of it."""

    def __init__(self, folder: Path, config: Path | None = None) -> None:
        self.folder = folder
        self.log = folder / "node.log"
        alone = ["--listen", "127.0.0.1:0", "--data", str(folder / "data")]
        how = alone if config is None else ["--config", str(config)]
        command = [str(moot_binary()), "up", "--json", *how]
        environment = {**os.environ, "MOOT_KEY": str(folder / "owner.key")}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, env=environment, cwd=folder
            )
        assert self._process.stdout is not None
        self._stdout: IO[bytes] = self._process.stdout
        line = self._stdout.readline()
        try:
            self.address: str = json.loads(line)["address"]
        except (ValueError, KeyError):
            self.stop()
            pytest.fail(f"moot up said {line!r}\n{self.log.read_text()}")

    def stop(self) -> None:
        """Asks this process, and no other, to stop, and waits."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
