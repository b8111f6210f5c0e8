"""Codecs of WIT's types that have parts: from a value to what JSON can say, and back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, Flag
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from moot.client.errors import ClientError
from moot.errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
E = TypeVar("E")
Case = TypeVar("Case", bound=Enum)
Set = TypeVar("Set", bound=Flag)


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How a type of WIT is written and read. Both raise `MismatchError` for what is none of the type."""

    write: Callable[[T], Any]
    read: Callable[[Any], T]


class MismatchError(ClientError):
    """A value that is not of its type.

    Attributes:
        path: where in the value, outermost first.
    """

    def __init__(self, wanted: str, found: str, path: tuple[str | int, ...] = ()) -> None:
        place = ".".join(str(step) for step in path)
        super().__init__(f"{place or 'value'} is {found}, and must be {wanted}")
        self.wanted = wanted
        self.found = found
        self.path = path


def mismatch(wanted: str, found: object) -> NoReturn:
    """Refuses a value."""
    raise MismatchError(wanted, shown(found) if isinstance(found, str) else repr(found)[:80])


@contextmanager
def within(step: str | int) -> Iterator[None]:
    """Work on a part of a value: what does not fit says where that is."""
    try:
        yield
    except MismatchError as error:
        raise MismatchError(error.wanted, error.found, (step, *error.path)) from None


def _each(convert: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    done = []
    for place, value in enumerate(values):
        with within(place):
            done.append(convert(value))
    return done


def _elements(values: object, wanted: str, length: int | None = None) -> Sequence[Any]:
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        mismatch(wanted, values)
    if length is not None and len(values) != length:
        mismatch(wanted, values)
    return values


def _single(json: object, wanted: str) -> tuple[str, Any]:
    if not isinstance(json, dict) or len(json) != 1:
        mismatch(wanted, json)
    ((name, value),) = json.items()
    return name, value


def list_of(element: Codec[T]) -> Codec[Sequence[T]]:
    """`list<T>`."""
    return Codec(
        lambda values: _each(element.write, _elements(values, "a list")),
        lambda json: _each(element.read, _elements(json, "a list")),
    )


def array_of(element: Codec[T], length: int) -> Codec[Sequence[T]]:
    """`list<T, length>`."""
    wanted = f"a list of {length}"
    return Codec(
        lambda values: _each(element.write, _elements(values, wanted, length)),
        lambda json: _each(element.read, _elements(json, wanted, length)),
    )


def tuple_of(*parts: Codec[Any]) -> Codec[Any]:
    """`tuple<...>`."""
    wanted = f"a tuple of {len(parts)}"

    def write(values: object) -> list[Any]:
        pairs = list(zip(parts, _elements(values, wanted, len(parts)), strict=True))
        return _each(lambda pair: pair[0].write(pair[1]), pairs)

    def read(json: object) -> tuple[Any, ...]:
        pairs = list(zip(parts, _elements(json, wanted, len(parts)), strict=True))
        return tuple(_each(lambda pair: pair[0].read(pair[1]), pairs))

    return Codec(write, read)


@dataclass(frozen=True, slots=True)
class Some(Generic[T]):
    """A value of an `option` in an `option`, where None alone would not say which of them has none."""

    value: T


def option(inner: Codec[T]) -> Codec[T | None]:
    """`option<T>`, of a type that has no None itself."""
    return Codec(
        lambda value: None if value is None else inner.write(value),
        lambda json: None if json is None else inner.read(json),
    )


def some(inner: Codec[T]) -> Codec[Some[T] | None]:
    """`option<option<T>>`: the outer one."""

    def write(value: Some[T] | None) -> object:
        return None if value is None else {"some": inner.write(value.value)}

    def read(json: object) -> Some[T] | None:
        if json is None:
            return None
        name, value = _single(json, 'null or {"some": value}')
        if name != "some":
            mismatch('null or {"some": value}', json)
        return Some(inner.read(value))

    return Codec(write, read)


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """A `result` that went well, where it is a value. A function's own is its answer."""

    value: T


@dataclass(frozen=True, slots=True)
class Err(Generic[E]):
    """A `result` that did not, where it is a value. A function's own is raised, as `Failed`."""

    value: E


def result(ok: Codec[T], err: Codec[E]) -> Codec[Ok[T] | Err[E]]:
    """`result<T, E>` anywhere but as a function's result."""

    def write(value: Ok[T] | Err[E]) -> dict[str, Any]:
        return {"ok": ok.write(value.value)} if isinstance(value, Ok) else {"err": err.write(value.value)}

    def read(json: object) -> Ok[T] | Err[E]:
        wanted = '{"ok": value} or {"err": value}'
        name, value = _single(json, wanted)
        if name not in ("ok", "err"):
            mismatch(wanted, json)
        return Ok(ok.read(value)) if name == "ok" else Err(err.read(value))

    return Codec(write, read)


def record(made: Callable[..., T], fields: dict[str, tuple[str, Codec[Any]]]) -> Codec[T]:
    """`record`: a dataclass; the name in WIT and the codec of each field, by the field's name here."""

    def write(value: T) -> dict[str, Any]:
        written = {}
        for own, (name, codec) in fields.items():
            with within(own):
                written[name] = codec.write(getattr(value, own))
        return written

    def read(json: object) -> T:
        if not isinstance(json, dict):
            mismatch("an object", json)
        parts = {}
        for own, (name, codec) in fields.items():
            with within(own):
                parts[own] = codec.read(json.get(name))
        return made(**parts)

    return Codec(write, read)


def enumeration(cases: type[Case]) -> Codec[Case]:
    """`enum`: the values of a Python enum are the names in WIT."""

    def read(json: object) -> Case:
        try:
            return cases(json)
        except ValueError:
            mismatch(f"one of {', '.join(case.value for case in cases)}", json)

    return Codec(lambda case: read(case.value).value, read)


def flags(made: type[Set], names: dict[str, Set]) -> Codec[Set]:
    """`flags`: the flag of each name in WIT."""

    def read(json: object) -> Set:
        found = made(0)
        for name in _elements(json, "a list of names"):
            if name not in names:
                mismatch(f"one of {', '.join(names)}", name)
            found |= names[name]
        return found

    return Codec(lambda value: [name for name, flag in names.items() if flag in value], read)


def variant(cases: dict[str, tuple[Callable[..., Any], Codec[Any] | None]]) -> Codec[Any]:
    """`variant`: for each name in WIT the dataclass of the case, and the codec of its `value` if it has one."""
    wanted = f"one of the cases {', '.join(cases)}"

    def write(value: Any) -> object:
        for name, (made, codec) in cases.items():
            if type(value) is made:
                with within(name):
                    return name if codec is None else {name: codec.write(value.value)}
        mismatch(wanted, value)

    def read(json: object) -> Any:
        name, payload = (json, None) if isinstance(json, str) else _single(json, wanted)
        made, codec = cases.get(name, (None, None))
        if made is None or (codec is None) != isinstance(json, str):
            mismatch(wanted, json)
        if codec is None:
            return made()
        with within(name):
            return made(codec.read(payload))

    return Codec(write, read)
