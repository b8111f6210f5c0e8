"""Events outside a component: what is decoded, what is refused, what an answer becomes."""

import enum
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from moot.guest import Event, Invalid, NotInComponent, context, decode, encode, events, exports, function, keyvalue
from moot.guest.exports import export


@dataclass
class Item:
    name: str
    price: float
    tags: list[str] = field(default_factory=list)


class Speed(enum.Enum):
    SLOW = "slow"
    FAST = "fast"


@dataclass
class Order:
    items: list[Item]
    speed: Speed = Speed.SLOW
    note: str | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.items) > 3:
            raise ValueError("an order has three items at most")


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_handler", None)
    monkeypatch.setattr(exports, "_exports", {})


def event(payload: bytes = b"") -> Event:
    return Event("call:", None, [(":method", "POST"), ("accept", "a"), ("accept", "b")], payload)


def answer(payload: bytes) -> bytes:
    handler = events.handler()
    assert handler is not None
    return handler(event(payload))


def test_a_dataclass_is_made_of_json() -> None:
    payload = {
        "items": [{"name": "pear", "price": 3}, {"name": "apple", "price": 2.5, "tags": ["red"]}],
        "speed": "fast",
        "counts": {"a": 1},
    }
    order = decode(json.dumps(payload).encode(), Order)
    assert order == Order([Item("pear", 3.0), Item("apple", 2.5, ["red"])], Speed.FAST, None, {"a": 1})
    assert isinstance(order.items[0].price, float)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"\xff", "UTF-8"),
        (b"{", "must be JSON"),
        (b"[]", "payload must be an object, not []"),
        (b"{}", "payload.items is missing"),
        (b'{"items": 1}', "payload.items must be a list, not 1"),
        (b'{"items": [{"name": "x"}]}', "payload.items[0].price is missing"),
        (b'{"items": [{"name": 1, "price": 1}]}', "payload.items[0].name must be a string, not 1"),
        (b'{"items": [{"name": "x", "price": true}]}', "must be a number, not true"),
        (b'{"items": [], "speed": "warp"}', 'one of "slow", "fast"'),
        (b'{"items": [], "note": 1}', "payload.note must be a string, not 1, or payload.note must be null, not 1"),
        (b'{"items": [], "counts": {"a": 1.5}}', "payload.counts.a must be a whole number, not 1.5"),
        (b'{"items": [], "colour": "red"}', "payload has no colour; there are: items, speed, note, counts"),
        (b'{"items": [' + b",".join([b'{"name": "x", "price": 1}'] * 4) + b"]}", "three items at most"),
        (b'{"items": "' + b"x" * 100 + b'"}', "..."),
        (b"[" * 100_000, "must be JSON"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(payload: bytes, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode(payload, Order)
    assert says in str(refused.value)


def test_tuples_have_their_length() -> None:
    assert decode(b'["a", 1]', tuple[str, int]) == ("a", 1)
    assert decode(b"[1, 2, 3]", tuple[int, ...]) == (1, 2, 3)
    with pytest.raises(Invalid, match="a list of 2"):
        decode(b'["a"]', tuple[str, int])


def test_a_function_gets_what_its_parameter_says() -> None:
    @function
    def handle(order: Order) -> int:
        return len(order.items)

    assert answer(b'{"items": []}') == b"0"
    assert handle(Order([])) == 0, "it is still an ordinary function"


@pytest.mark.parametrize(
    ("takes", "given"),
    [(bytes, b"caf\xc3\xa9"), (str, "café"), (Event, event("café".encode()))],
)
def test_plain_parameters(takes: Any, given: object) -> None:
    seen = []

    def handle(parameter: object) -> None:
        seen.append(parameter)

    handle.__annotations__ = {"parameter": takes, "return": None}
    function(handle)
    assert answer("café".encode()) == b""
    assert seen == [given]


def test_without_a_parameter_or_its_type() -> None:
    @function
    def handle() -> str:
        return "always the same"

    assert answer(b"anything") == b"always the same"


def test_a_component_has_one_function_for_events() -> None:
    @function
    def first() -> None: ...

    with pytest.raises(TypeError, match="first answers events already"):

        @function
        def second() -> None: ...

    with pytest.raises(TypeError, match="one at most"):

        @function
        def third(a: int, b: int) -> None: ...


def test_answers() -> None:
    assert encode(None) == b""
    assert encode(memoryview(b"ab")) == b"ab"
    assert encode({"a": [1, None, True]}) == b'{"a":[1,null,true]}'
    assert encode(Item("é", 1.5)) == '{"name":"é","price":1.5,"tags":[]}'.encode()
    assert encode([Speed.FAST]) == b'["fast"]'
    with pytest.raises(TypeError, match="set"):
        encode({1, 2})


def test_exports_are_kept_by_interface_and_name() -> None:
    @export
    def add(a: int, b: int) -> int:
        return a + b

    @export("some-where")
    def mean(numbers: list[float]) -> float:
        return sum(numbers)

    assert exports.exports() == {("", "add"): add, ("some_where", "mean"): mean}
    with pytest.raises(TypeError, match="add is exported already"):
        export(_named("add"))


def _named(name: str) -> Any:
    def other() -> None: ...

    other.__name__ = name
    return other


def test_attributes_are_found_by_name() -> None:
    assert event().attribute("accept") == "a"
    assert event().attribute("cookie") is None


def test_the_host_is_missed_with_its_name() -> None:
    with pytest.raises(NotInComponent, match="moot:function/context"):
        context.call_id()
    with pytest.raises(NotInComponent, match="wasi:keyvalue/store"):
        keyvalue.open("default")
