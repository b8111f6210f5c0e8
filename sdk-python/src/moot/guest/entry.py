"""What `moot build` begins a component with: from the decorated functions to the classes that `componentize-py` wants.

```text
your module ──import──► function, export, serve
                              │            wit_world.exports: what the world wants
                              └──► classes ◄──┘     Handler, IncomingHandler, WitWorld, one for each interface
```

It runs while the component is built, so what is missing is said then, and not on the first call. At the begin of each
call it renews what was true only then: the environment, and the state of `random`.
"""

from __future__ import annotations

import codecs
import importlib
import os
import sys
import typing
from typing import TYPE_CHECKING, Any

from moot.guest import context, events, exports, host, logs, wsgi
from moot.guest.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


_CODECS = ("ascii", "latin-1", "utf-8-sig", "utf-16", "utf-32", "cp1252", "idna", "punycode")
"""Python imports a codec on its first use. In a call that is too late: there are no files any more."""


class NotExported(RuntimeError):
    """The module lacks something that its world exports."""


def bind(name: str) -> dict[str, type]:
    """The classes for the world of this component, by the functions of a module."""
    logs.install()
    for codec in _CODECS:
        codecs.lookup(codec)
    module = importlib.import_module(name)
    world = importlib.import_module("wit_world")
    classes = {}
    for protocol in _protocols():
        match protocol.__name__:
            case "Handler":
                classes["Handler"] = _handler(name)
            case "IncomingHandler":
                classes["IncomingHandler"] = _incoming_handler(module)
            case interface:
                classes[interface] = _typed(name, _snake(interface), protocol)
    top = getattr(world, "WitWorld", None)
    if top is not None:
        classes["WitWorld"] = _typed(name, "", top)
    return classes


def _protocols() -> list[type]:
    """What the world's exported interfaces want."""
    own = "wit_world.exports"
    try:
        module = importlib.import_module(own)
    except ModuleNotFoundError:
        # A world may export nothing but functions of its own.
        return []
    return [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == own]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _begin_call() -> None:
    """Makes new what was made when the component was built, and must not be the same in every call."""
    reload = getattr(os, "reload_environ", None)
    if reload is not None:
        reload()
    if "random" in sys.modules:
        sys.modules["random"].seed()


def _handler(name: str) -> type:
    answers = events.handler()
    if answers is None:
        raise NotExported(f"{name} has no function that answers events: decorate one with @moot.guest.function")

    def handle(_: object, event: Any) -> bytes:
        _begin_call()
        try:
            return answers(events.Event(event.source, event.content_type, event.attributes, event.payload))
        except Failure as failure:
            raise failure.into_wit() from None

    return type("Handler", (), {"handle": handle})


def _incoming_handler(module: ModuleType) -> type:
    app, root = wsgi.served() or (getattr(module, "app", None) or getattr(module, "application", None), None)
    if not callable(app):
        raise NotExported(
            f"{module.__name__} has no WSGI application: call it `app` or `application`, or name it by moot.guest.serve"
        )

    def handle(_: object, request: Any, out: Any) -> None:
        _begin_call()
        try:
            function = context.function()
        except host.NotGranted:
            # A plain `wasi:http` world.
            function = None
        wsgi.answer(app, request, out, root, function)

    return type("IncomingHandler", (), {"handle": handle})


def _typed(name: str, interface: str, protocol: type) -> type:
    given = exports.exports()
    members = {}
    for wanted in [key for key, value in vars(protocol).items() if callable(value) and not key.startswith("_")]:
        function = given.get((interface, wanted))
        if function is None:
            place = f'@moot.guest.export("{interface}")' if interface else "@moot.guest.export"
            raise NotExported(f"{name} does not have {wanted}, which its world exports: decorate it with {place}")
        members[wanted] = _member(function, _plain_answer(vars(protocol)[wanted]))
    return type(protocol.__name__, (), members)


def _member(function: Callable[..., Any], answer: type | None) -> Callable[..., Any]:
    def call(_: object, *arguments: Any) -> Any:
        _begin_call()
        value = function(*arguments)
        if answer is not None and not isinstance(value, (int, float) if answer is float else answer):
            raise TypeError(f"{_place(function)} answered with {value!r}, and its world wants {answer.__name__}")
        return value

    return call


def _plain_answer(wanted: Callable[..., Any]) -> type | None:
    """The type that a function of the world answers with, when it is one that has no parts."""
    try:
        answer = typing.get_type_hints(wanted).get("return")
    except Exception:  # whatever cannot be looked up is left to `componentize-py`
        return None
    return answer if answer in (bool, int, float, str, bytes) else None


def _place(function: Callable[..., Any]) -> str:
    """A function with its file and line: when it has answered, no traceback shows them any more."""
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(function)
    return f"{function.__name__} ({code.co_filename.rpartition('/')[2]}:{code.co_firstlineno})"
