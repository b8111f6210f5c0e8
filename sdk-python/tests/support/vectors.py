"""The format by example: `record/vectors.json`, which the Rust code makes and every port is held to."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from moot.record import Genesis

ROOT = Path(__file__).resolve().parents[3]
PATH = ROOT / "record" / "vectors.json"


@cache
def vectors() -> dict[str, Any]:
    file: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return file


@cache
def genesis(number: int = 0) -> Genesis:
    return Genesis.from_json(json.dumps(vectors()["genesis"][number]["file"]))


def case(section: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(case for case in vectors()[section] if case["name"] == name)
    return found


def file_text(name: str) -> str:
    """The text of the receipt file of that name."""
    return json.dumps(case("receipt_files", name)["file"])
