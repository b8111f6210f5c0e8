"""The host's interfaces, as `componentize-py` makes modules of them.

`moot build` gives each interface that is used here a module name of its own, so that no other interface of the world
can change it (`IMPORTS` is that list, and `node/src/cli/build/python.rs` is held to it by a test). An interface that
the world does not import has no module: asking for it raises `NotGranted`.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from types import ModuleType

T = TypeVar("T")

IMPORTS = {
    "moot_context": "moot:function/context@0.1.0",
    "moot_types": "moot:function/types@0.1.0",
    "moot_ledger": "moot:function/ledger@0.1.0",
    "moot_logging": "wasi:logging/logging@0.1.0-draft",
    "keyvalue_store": "wasi:keyvalue/store@0.2.0-draft",
    "keyvalue_atomics": "wasi:keyvalue/atomics@0.2.0-draft",
    "http_types": "wasi:http/types@0.2.12",
    "http_outgoing": "wasi:http/outgoing-handler@0.2.12",
    "io_poll": "wasi:io/poll@0.2.12",
    "io_streams": "wasi:io/streams@0.2.12",
}
"""Module names below `wit_world.imports`, and the interfaces that they are."""

IN_COMPONENT = sys.platform == "wasi"
"""Whether this runs inside a component."""


class NotInComponent(RuntimeError):
    """The host was asked for something, and there is none: this is an ordinary Python."""


class NotGranted(RuntimeError):
    """The function's world does not import an interface."""


if TYPE_CHECKING or not IN_COMPONENT:

    @dataclass
    class Ok(Generic[T]):
        """The good case of a `result` that is a value; a function's own result is returned as it is."""

        value: T

    @dataclass
    class Some(Generic[T]):
        """The present case of an `option` in an `option`; elsewhere the value itself is used."""

        value: T

    @dataclass
    class Err(Exception, Generic[T]):
        """The bad case of a `result`: raise it to answer with it; host functions raise it too."""

        value: T

else:
    _types = importlib.import_module("componentize_py_types")
    Ok, Some, Err = _types.Ok, _types.Some, _types.Err


def interface(name: str) -> ModuleType:
    """The module of an interface: a key of `IMPORTS`."""
    if not IN_COMPONENT:
        raise NotInComponent(f"{IMPORTS[name]} is there only inside a component; build this with `moot build`")
    # Looked up, not imported: an import in the middle of a call would look for files, and there are none.
    module = _found.get(name)
    if module is None:
        raise NotGranted(f"the world does not import {IMPORTS[name]}: include it in the `wit` of moot.toml's build")
    return module


def case(value: Any) -> str:
    """The name of a variant's case: `division-by-zero` of an `Error_DivisionByZero`."""
    name = type(value).__name__.rsplit("_", 1)[-1]
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _find() -> dict[str, ModuleType]:
    modules = {}
    for name in IMPORTS:
        try:
            modules[name] = importlib.import_module(f"wit_world.imports.{name}")
        except ModuleNotFoundError:
            continue
    return modules


# While the component is built: all that is imported later must be in memory by then.
_found = _find() if IN_COMPONENT else {}
