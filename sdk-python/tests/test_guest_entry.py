"""From decorated functions to the classes that a world wants, with worlds made up here."""

import random
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

import pytest

from moot.guest import Invalid, events, export, exports, function, host, wsgi
from moot.guest.entry import NotExported, bind
from moot.guest.failures import Failure


def _wanted(_self: object) -> None: ...


class World:
    """The modules that `componentize-py` would make."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.world, self.exports = ModuleType("wit_world"), ModuleType("wit_world.exports")
        monkeypatch.setitem(sys.modules, "wit_world", self.world)
        monkeypatch.setitem(sys.modules, "wit_world.exports", self.exports)
        monkeypatch.setattr(events, "_handler", None)
        monkeypatch.setattr(exports, "_exports", {})
        monkeypatch.setattr(wsgi, "_served", None)
        for name in ("moot.guest.failures", "moot.guest.context", "moot.guest.logs", "moot.guest.wsgi"):
            monkeypatch.setattr(f"{name}.interface", self.interface)

    def interface(self, name: str) -> Any:
        if name == "moot_types":
            return SimpleNamespace(Failure_Invalid=lambda text: ("invalid", text))
        raise host.NotGranted(name)

    def wants(self, name: str, *functions: str) -> None:
        """Adds an exported interface, or the world's own functions."""
        members = dict.fromkeys(functions, _wanted)
        module = self.world if name == "WitWorld" else self.exports
        setattr(module, name, type(name, (Protocol,), {**members, "__module__": module.__name__}))

    def module(self, **members: object) -> str:
        """A module of the function's author."""
        module = ModuleType("author")
        vars(module).update(members)
        self.monkeypatch.setitem(sys.modules, "author", module)
        return "author"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_function_becomes_the_handler(world: World) -> None:
    @function
    def handle(payload: str) -> str:
        if not payload:
            raise Invalid("there is nothing")
        return payload.upper()

    world.wants("Handler", "handle")
    classes = bind(world.module())
    assert list(classes) == ["Handler"]
    handler: Any = classes["Handler"]()
    event = SimpleNamespace(source="call:", content_type=None, attributes=[], payload=b"ada")
    assert handler.handle(event) == b"ADA"
    event.payload = b""
    with pytest.raises(host.Err) as failed:
        handler.handle(event)
    assert failed.value.value == ("invalid", "there is nothing")


def test_exports_become_the_classes_of_their_interfaces(world: World) -> None:
    @export
    def add(a: int, b: int) -> int:
        return a + b

    @export("long-name")
    def mean(numbers: list[int]) -> float:
        return sum(numbers) / len(numbers)

    world.wants("WitWorld", "add")
    world.wants("LongName", "mean")
    classes: dict[str, Any] = bind(world.module())
    assert classes["WitWorld"]().add(2, 3) == 5
    assert classes["LongName"]().mean([1, 2]) == 1.5


def test_a_world_may_export_no_interfaces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    @export
    def add(a: int, b: int) -> int:
        return a + b

    world.wants("WitWorld", "add")
    monkeypatch.delitem(sys.modules, "wit_world.exports")
    classes: dict[str, Any] = bind(world.module())
    assert classes["WitWorld"]().add(2, 3) == 5


@pytest.mark.parametrize(
    ("interface", "functions", "says"),
    [
        ("Handler", ["handle"], "author has no function that answers events"),
        ("IncomingHandler", ["handle"], "author has no WSGI application"),
        ("WitWorld", ["add"], "author does not have add, which its world exports: decorate it with @moot.guest.export"),
        ("Orders", ["total"], 'decorate it with @moot.guest.export("orders")'),
    ],
)
def test_what_is_missing_is_said_when_the_component_is_built(
    world: World, interface: str, functions: list[str], says: str
) -> None:
    world.wants(interface, *functions)
    with pytest.raises(NotExported) as missing:
        bind(world.module())
    assert says in str(missing.value)


@pytest.mark.parametrize("name", ["app", "application"])
def test_an_application_is_found_by_its_name(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = []

    def app(_environ: object, _start: object) -> list[bytes]:
        return []

    monkeypatch.setattr(wsgi, "answer", lambda *arguments: answered.append(arguments))
    world.wants("IncomingHandler", "handle")
    handler: Any = bind(world.module(**{name: app}))["IncomingHandler"]()
    handler.handle("request", "out")
    assert answered == [(app, "request", "out", None, None)]


def test_every_call_draws_its_own_numbers(world: World) -> None:
    @function
    def handle() -> str:
        return str(random.random())

    world.wants("Handler", "handle")
    handler: Any = bind(world.module())["Handler"]()
    event = SimpleNamespace(source="", content_type=None, attributes=[], payload=b"")
    drawn = []
    for _ in range(2):
        # The state that every instance begins with.
        random.seed(1)
        drawn.append(handler.handle(event))
    assert drawn[0] != drawn[1]


def test_every_failure_has_its_case(world: World) -> None:
    del world
    cases = [kind._case for kind in Failure.__subclasses__()]
    assert sorted(cases) == sorted(
        f"Failure_{name}" for name in ("Invalid", "Denied", "NotFound", "Conflict", "Unavailable", "Internal")
    )


def test_an_answer_of_another_type_is_named_with_its_function(world: World) -> None:
    class Wanted(Protocol):
        def add(self, a: int, b: int) -> int: ...

    @export
    def add(a: int, b: int) -> Any:
        return a + b if b else "none"

    world.world.WitWorld = type("WitWorld", (Protocol,), {"add": Wanted.add, "__module__": "wit_world"})  # type: ignore[attr-defined]
    made = bind(world.module(add=add))["WitWorld"]()
    assert made.add(1, 2) == 3
    with pytest.raises(
        TypeError, match=r"add \(test_guest_entry.py:[0-9]+\) answered with 'none', and its world wants int"
    ):
        made.add(1, 0)
