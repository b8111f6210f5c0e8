"""Codecs of WIT's types, and clients that `moot bindings` writes: checked by mypy, and against a real node."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum, Flag
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.client import AsyncClient, Client, Foreign, RequestError, Spec, Wait, typed
from tests.support.node import Node, guest, moot_binary
from tests.support.vectors import ROOT

if TYPE_CHECKING:
    from types import ModuleType


class Direction(Enum):
    UP = "up"
    DOWN_LEFT = "down-left"


class Extras(Flag):
    WRAP = 1 << 0
    FAST = 1 << 1


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    label: str | None


@dataclass(frozen=True, slots=True)
class Dot:
    pass


@dataclass(frozen=True, slots=True)
class Circle:
    value: float


POINT: typed.Codec[Point] = typed.record(
    Point, {"x": ("x", typed.S8), "label": ("the-label", typed.option(typed.TEXT))}
)
SHAPE = typed.variant({"dot": (Dot, None), "circle": (Circle, typed.F64)})


@pytest.mark.parametrize(
    ("codec", "value", "text"),
    [
        (typed.U64, 2**53 - 1, "9007199254740991"),
        (typed.U64, 2**64 - 1, '"18446744073709551615"'),
        (typed.S64, -(2**63), '"-9223372036854775808"'),
        (typed.BYTES, b"\x00\xff\x01", '"AP8B"'),
        (typed.F64, 1e22, "1e+22"),
        (typed.F64, -math.inf, '"-Infinity"'),
        (typed.CHAR, "🦉", '"🦉"'),
        (typed.UNIT, None, "null"),
        (POINT, Point(-128, None), '{"x": -128, "the-label": null}'),
        (SHAPE, Dot(), '"dot"'),
        (SHAPE, Circle(1.5), '{"circle": 1.5}'),
        (typed.enumeration(Direction), Direction.DOWN_LEFT, '"down-left"'),
        (typed.flags(Extras, {"wrap": Extras.WRAP, "fast": Extras.FAST}), Extras.FAST, '["fast"]'),
        (typed.some(typed.option(typed.U8)), typed.Some(None), '{"some": null}'),
        (typed.some(typed.option(typed.U8)), None, "null"),
        (typed.result(typed.UNIT, typed.TEXT), typed.Ok(None), '{"ok": null}'),
        (typed.result(typed.UNIT, typed.TEXT), typed.Err("no"), '{"err": "no"}'),
        (typed.tuple_of(typed.U8, typed.TEXT), (1, "a"), '[1, "a"]'),
        (typed.array_of(typed.BOOL, 2), [True, False], "[true, false]"),
    ],
)
def test_values_are_written_and_read_as_the_platform_does(codec: typed.Codec[Any], value: object, text: str) -> None:
    assert json.dumps(codec.write(value), ensure_ascii=False) == text
    assert codec.read(json.loads(text)) == value


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(st.characters(codec="utf-8")), st.binary())
def test_every_value_survives(integer: int, number: float, text: str, data: bytes) -> None:
    pairs: list[tuple[typed.Codec[Any], object]] = [
        (typed.S64, integer),
        (typed.F64, number),
        (typed.TEXT, text),
        (typed.BYTES, data),
    ]
    for codec, value in pairs:
        assert codec.read(json.loads(json.dumps(codec.write(value)))) == value


@pytest.mark.parametrize(
    ("codec", "value", "words"),
    [
        (typed.U8, 256, "256, and must be u8"),
        (typed.U8, True, "True"),
        (typed.U64, 2**64, str(2**64)),
        (typed.F32, 1e39, "f32"),
        (typed.CHAR, "ab", '"ab"'),
        (typed.TEXT, "\ud800", "half a character"),
        (typed.BYTES, "text", "bytes"),
        (typed.list_of(POINT), [Point(0, None), Point(500, None)], "1.x is 500"),
        (SHAPE, Point(0, None), "dot, circle"),
        (typed.tuple_of(typed.U8), (1, 2), "tuple of 1"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused_with_its_place(
    codec: typed.Codec[Any], value: object, words: str
) -> None:
    with pytest.raises(typed.MismatchError) as refused:
        codec.write(value)
    assert words in str(refused.value)


def test_what_is_no_json_of_the_type_is_refused() -> None:
    for codec, value in (
        (typed.U64, 1.5),
        (typed.U64, "1e3"),
        (SHAPE, {"square": 1}),
        (SHAPE, "circle"),
        (POINT, []),
        (typed.BYTES, "A"),
        (typed.enumeration(Direction), "left"),
        (typed.UNIT, 1),
    ):
        with pytest.raises(typed.MismatchError):
            codec.read(value)


def bindings(node: Node, name: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [str(moot_binary()), "bindings", name, "--lang", "python", "--node", node.address, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def written(node: Node, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    client.deploy("calculator", guest("calculator"), Spec("/calculator", deterministic=True))
    path = tmp_path_factory.mktemp("bindings") / "calculator.py"
    ran = bindings(node, "calculator", "--wit", str(ROOT / "guests/calculator/wit"), "--output", str(path))
    assert ran.returncode == 0, ran.stderr
    return path


@pytest.fixture(scope="module")
def module(written: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("calculator", written)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["calculator"] = made
    spec.loader.exec_module(made)
    return made


PROGRAM = """
from moot.client import Client
from calculator import Calculator, DiscountBundle, Extras, Item, Operation, Order

def run(client: Client) -> int:
    calculator = Calculator(client)
    quotient, remainder = calculator.divide(17, 5, sign=False)
    item = Item("apple", 10, 7, DiscountBundle((3, 2)))
    bill = calculator.total(Order([item], Extras.GIFT_WRAP | Extras.EXPRESS, None))
    return quotient + remainder + bill.total + calculator.evaluate(Operation.ADD, 1, 2)
"""


@pytest.mark.node
def test_the_client_that_is_written_passes_mypy_and_the_formatter(written: Path) -> None:
    (written.parent / "program.py").write_text(PROGRAM)
    scripts = Path(sys.executable).parent
    for tool, *words in (
        ("mypy", "--strict", "program.py", "calculator.py"),
        ("ruff", "format", "--isolated", "--check", "calculator.py"),
    ):
        command = [str(scripts / tool), *words]
        env = {**os.environ, "MYPY_CACHE_DIR": str(written.parent / "cache")}
        ran = subprocess.run(
            command, cwd=written.parent, capture_output=True, text=True, check=False, timeout=300, env=env
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.node
def test_calls_through_the_client_that_was_written(module: ModuleType, client: Client) -> None:
    calculator = module.Calculator(client)
    calls: list[str] = []
    assert calculator.sum([2**64 - 2, 1], answered=lambda answer: calls.append(str(answer.call))) == 2**64 - 1
    assert len(calls) == 1 and client.find_call(calls[0]) is not None
    assert calculator.divide(a=17, b=5) == (3, 2)
    assert calculator.mean([]) is None and calculator.mean([1.0, 2.5]) == 1.75
    assert calculator.reverse(b"\x01\x02\xff") == b"\xff\x02\x01"
    assert calculator.nothing() is None
    with pytest.raises(typed.Failed) as failed:
        calculator.evaluate(module.Operation.DIVIDE, 1, 0)
    assert failed.value.value == module.ErrorDivisionByZero()
    assert failed.value.refused.problem.call is not None
    with pytest.raises(typed.Failed, match="at most 40") as text:
        calculator.fibonacci(41)
    assert text.value.value == "n is 41; at most 40 is computed"
    item = module.Item("apple", 10, 7, module.DiscountBundle((3, 2)))
    snowman = module.Item("☃", 10, 7, module.DiscountNothing())
    order = module.Order([item, snowman], module.Extras.GIFT_WRAP, "soon")
    assert calculator.total(order) == module.Bill(
        [module.Line("apple", 50), module.Line("☃", 70)], 250, 370, ["a", "☃"]
    )
    with pytest.raises(typed.MismatchError, match="argument 1 is 300"):
        calculator.fibonacci(300)
    with pytest.raises(RequestError, match="waited for"):
        calculator.add(1, 2, wait=Wait.ACCEPTED)


@pytest.mark.node
def test_calls_on_an_event_loop(module: ModuleType, node: Node) -> None:
    async def run() -> None:
        async with AsyncClient(node.address) as client:
            calculator = module.AsyncCalculator(client)
            assert await calculator.divide(17, 5) == (3, 2)
            with pytest.raises(typed.Failed):
                await calculator.divide(17, 0)

    asyncio.run(run())


@pytest.mark.node
def test_an_answer_of_another_type_is_not_taken_for_one(module: ModuleType, client: Client) -> None:
    assert module.Calculator(client).add(2, 3) == 5
    changed = typed.TypedExport("add", (typed.U32, typed.U32), typed.TEXT)
    with pytest.raises(Foreign, match="has the function changed"):
        changed.call(client, "calculator", (1, 2), {})


@pytest.mark.node
def test_a_function_without_types_says_what_there_is(node: Node, client: Client, deployed: str) -> None:
    assert client.function(deployed) is not None
    ran = bindings(node, deployed)
    assert ran.returncode == 1
    assert "of kind event" in ran.stderr and "client.invoke" in ran.stderr
