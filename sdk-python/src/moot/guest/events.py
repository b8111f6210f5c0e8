"""Functions that answer events.

```text
payload ──decode──► the parameter's type: Event, bytes, str, a dataclass or anything JSON has
                        └─► your function ──► bytes, str, None, or what JSON has ──encode──► answer
```
"""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from moot.guest.failures import Invalid

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass
class Event:
    """One thing that happened. `wit/types.wit` says what each part means."""

    source: str
    content_type: str | None
    attributes: list[tuple[str, str]]
    payload: bytes

    def attribute(self, name: str) -> str | None:
        """The first attribute of a name: a header, or `:method`."""
        return next((value for found, value in self.attributes if found == name), None)


@dataclasses.dataclass
class Handler:
    """A decorated function, and what it takes."""

    function: Callable[..., Any]
    takes: Any

    def __call__(self, event: Event) -> bytes:
        """The answer to an event."""
        if self.takes is None:
            return encode(self.function())
        if self.takes is Event:
            return encode(self.function(event))
        return encode(self.function(decode(event.payload, self.takes)))


_handler: Handler | None = None


def function(decorated: F) -> F:
    """Makes a function the one that answers events. It stays an ordinary function, for tests too.

    It has one parameter or none. The parameter's type says what it is given: `Event` the whole event, `bytes` the
    payload, `str` the payload as UTF-8, any other type the payload as JSON, checked against that type: a dataclass, a
    list of them, `dict[str, int]`. A payload that does not fit is refused with `Invalid` before the function is called.

    It returns `bytes`, a `str` (UTF-8), `None` (an empty answer), or anything else to be written as JSON.
    """
    global _handler  # noqa: PLW0603 - a component has one handler, found by decorating it
    hints = typing.get_type_hints(decorated)
    code = decorated.__code__
    parameters = code.co_varnames[: code.co_argcount]
    if len(parameters) > 1:
        raise TypeError(f"{decorated.__name__} has {len(parameters)} parameters; an event's function has one at most")
    if _handler is not None and _handler.function is not decorated:
        raise TypeError(f"{_handler.function.__name__} answers events already, and so would {decorated.__name__}")
    takes = hints.get(parameters[0], Event) if parameters else None
    _handler = Handler(decorated, takes)
    return decorated


def handler() -> Handler | None:
    """The function that was decorated."""
    return _handler


def encode(answer: Any) -> bytes:
    """An answer as bytes: see `function`."""
    if answer is None:
        return b""
    if isinstance(answer, (bytes, bytearray, memoryview)):
        return bytes(answer)
    if isinstance(answer, str):
        return answer.encode()
    return json.dumps(answer, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"an answer cannot hold a {type(value).__name__}: JSON has nothing like it")


def decode(payload: bytes, wanted: Any) -> Any:
    """A payload as the type that is wanted; `Invalid` says where it does not fit."""
    if wanted in (bytes, Any):
        return payload
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise Invalid("the payload must be UTF-8") from None
    if wanted is str:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the payload must be JSON: {error}") from None
    return _fit(value, wanted, "payload")


_NAMES = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


def _fit(value: Any, wanted: Any, place: str) -> Any:  # noqa: PLR0911 - one line for each shape
    """Checks `value` against a type, and makes dataclasses and enums of it."""
    origin = typing.get_origin(wanted)
    if wanted is Any or wanted is object:
        return value
    if origin in (typing.Union, types.UnionType):
        return _fit_one(value, typing.get_args(wanted), place)
    if dataclasses.is_dataclass(wanted):
        return _fit_fields(value, typing.cast("type", wanted), place)
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        try:
            return wanted(value)
        except ValueError:
            choices = ", ".join(json.dumps(choice.value) for choice in wanted)
            raise _misfit(place, f"one of {choices}", value) from None
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted in _NAMES:
        # A bool is an int to Python, and not to anybody who writes JSON.
        if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
            return value
        raise _misfit(place, _NAMES[wanted], value)
    return _fit_many(value, origin or wanted, typing.get_args(wanted), place)


def _fit_many(value: Any, container: Any, of: tuple[Any, ...], place: str) -> Any:
    if container is dict:
        if not isinstance(value, dict):
            raise _misfit(place, "an object", value)
        inner = of[1] if of else Any
        return {key: _fit(item, inner, f"{place}.{key}") for key, item in value.items()}
    if container not in (list, tuple):
        raise TypeError(f"{place} is to be a {container}: no payload can be")
    if not isinstance(value, list):
        raise _misfit(place, "a list", value)
    if container is tuple and of and of[-1] is not Ellipsis:
        if len(value) != len(of):
            raise _misfit(place, f"a list of {len(of)}", value)
        return tuple(
            _fit(item, inner, f"{place}[{at}]") for at, (item, inner) in enumerate(zip(value, of, strict=True))
        )
    inner = of[0] if of else Any
    return container(_fit(item, inner, f"{place}[{at}]") for at, item in enumerate(value))


def _fit_one(value: Any, choices: tuple[Any, ...], place: str) -> Any:
    problems = []
    for choice in choices:
        try:
            return _fit(value, choice, place)
        except Invalid as problem:
            problems.append(str(problem))
    raise Invalid(", or ".join(dict.fromkeys(problems)))


def _fit_fields(value: Any, wanted: type, place: str) -> Any:
    if not isinstance(value, dict):
        raise _misfit(place, "an object", value)
    hints = typing.get_type_hints(wanted)
    fields = {field.name: field for field in dataclasses.fields(wanted) if field.init}
    for name in value:
        if name not in fields:
            raise Invalid(f"{place} has no {name}; there are: {', '.join(fields)}")
    for name, field in fields.items():
        if name not in value and field.default is field.default_factory is dataclasses.MISSING:
            raise Invalid(f"{place}.{name} is missing")
    given = {name: _fit(item, hints[name], f"{place}.{name}") for name, item in value.items()}
    try:
        return wanted(**given)
    except ValueError as error:
        # What `__post_init__` refuses.
        raise Invalid(f"{place}: {error}") from None


def _misfit(place: str, wanted: str, value: Any) -> Invalid:
    shown = json.dumps(value, ensure_ascii=False)
    return Invalid(f"{place} must be {wanted}, not {shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + '...'}")


_MAX_SHOWN = 60
"""Characters of a wrong value in a message: enough to recognise it, and no more of it in logs."""
