"""Typed exports: functions that a world of the project's own declares.

```python
from moot.guest import Err, export

@export                              # world: export add: func(a: u32, b: u32) -> u32;
def add(a: int, b: int) -> int:
    return (a + b) & 0xFFFF_FFFF

@export("arithmetic")                # world: export arithmetic; interface arithmetic { mean: ... }
def mean(numbers: list[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None
```

Names are those of the WIT with `_` for `-`. The types of records and variants are made by `componentize-py`: import
them from `wit_world.exports.<interface>`, or `wit_world.imports.<interface>` when the world only uses it. The bad case
of a `result` is raised: `raise Err("why not")`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

_exports: dict[tuple[str, str], Callable[..., Any]] = {}


@overload
def export(decorated: F) -> F: ...


@overload
def export(decorated: str) -> Callable[[F], F]: ...


def export(decorated: F | str) -> F | Callable[[F], F]:
    """Makes a function an export of the world, or of the interface that is named."""
    if isinstance(decorated, str):
        interface = decorated

        def within(inner: F) -> F:
            return _keep(interface, inner)

        return within
    return _keep("", decorated)


def _keep(interface: str, decorated: F) -> F:
    place = (interface.replace("-", "_"), decorated.__name__)
    if place in _exports and _exports[place] is not decorated:
        raise TypeError(f"{'.'.join(filter(None, place))} is exported already")
    _exports[place] = decorated
    return decorated


def exports() -> dict[tuple[str, str], Callable[..., Any]]:
    """The exported functions, by interface and name; at the world's top level the interface is empty."""
    return _exports
