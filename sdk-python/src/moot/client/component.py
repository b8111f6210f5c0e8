"""Which kind of function a component is: read from what it exports, before its owner signs for it.

Only the outermost sections are looked at; the node inspects everything. Binary format: the component model's
`Binary.md`.
"""

from __future__ import annotations

from typing import Final

from moot.errors import MootError
from moot.record.spec import FunctionKind

_CORE_MODULE: Final = bytes.fromhex("0061736d01000000")
_COMPONENT: Final = bytes.fromhex("0061736d0d000100")
_EXPORT_SECTION: Final = 11
_CORE_SORT, _FUNCTION, _INSTANCE = 0x00, 0x01, 0x05
_ADVICE: Final = (
    "To make one: in Rust, `cargo build --release --target wasm32-wasip2`; in Python, `componentize-py`; from a core "
    "module, `wasm-tools component new`"
)


class ComponentError(MootError):
    """Bytes that are no component, or one that nobody can call."""


def kind_of(wasm: bytes) -> FunctionKind:
    """What sort of calls a component takes.

    Raises:
        ComponentError: says what is wrong with it.
    """
    if wasm.startswith(_CORE_MODULE):
        raise ComponentError(f"a core WebAssembly module, not a component. {_ADVICE}")
    if not wasm.startswith(_COMPONENT):
        raise ComponentError(f"not a WebAssembly component. {_ADVICE}")
    try:
        exports = _callable_exports(wasm)
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise ComponentError(f"not a valid component: {error}") from None
    if any(_is(name, "wasi:http", "incoming-handler", "0.2") for name in exports):
        return FunctionKind.HTTP
    if any(_is(name, "wasi:http", "handler", "0.3") for name in exports):
        return FunctionKind.HTTP
    if any(_is(name, "moot:function", "handler", "0.1") for name in exports):
        return FunctionKind.EVENT
    if any(_package(name) != "wasi:cli" for name in exports):
        return FunctionKind.TYPED
    raise ComponentError(
        "the component exports nothing that can be called. A function exports wasi:http/incoming-handler, "
        "moot:function/handler, or functions of its own; a command line program (wasi:cli/run) is none"
    )


def _is(name: str, package: str, interface: str, line: str) -> bool:
    """Whether `name` is `package/interface@line.x`, a release."""
    patch = name.removeprefix(f"{package}/{interface}@{line}.")
    return patch != name and patch.isascii() and patch.isdigit()


def _package(name: str) -> str | None:
    package, slash, _ = name.partition("/")
    return package if slash and ":" in package else None


class _Cursor:
    """Reads numbers and strings from a slice."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def byte(self) -> int:
        if self.at >= self.end:
            raise ValueError(f"it ends too early, at byte {self.at}")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """An unsigned LEB128 number of 32 bits."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 28:
                raise ValueError(f"a number at byte {self.at} is longer than 32 bits")
        return value

    def take(self, length: int) -> bytes:
        if length > self.end - self.at:
            raise ValueError(f"it ends too early, at byte {self.end}")
        self.at += length
        return self.data[self.at - length : self.at]

    def string(self) -> str:
        return self.take(self.number()).decode("utf-8")


def _callable_exports(wasm: bytes) -> list[str]:
    names: list[str] = []
    whole = _Cursor(wasm, len(_COMPONENT), len(wasm))
    while whole.at < whole.end:
        section = whole.byte()
        length = whole.number()
        start = whole.at
        whole.take(length)
        if section == _EXPORT_SECTION:
            _read_exports(_Cursor(wasm, start, start + length), names)
    return names


def _read_exports(section: _Cursor, names: list[str]) -> None:
    for _ in range(section.number()):
        form = section.byte()
        if form > 2:
            raise ValueError(f"an export's name at byte {section.at} has an unknown form {form}")
        name = section.string()
        if form == 2:
            for _ in range(section.number()):
                section.byte()
                section.string()
        sort = section.byte()
        if sort == _CORE_SORT:
            section.byte()
        section.number()
        if section.byte():
            _skip_type(section)
        if sort in (_FUNCTION, _INSTANCE):
            names.append(name)


def _skip_type(section: _Cursor) -> None:
    """Skips the type that an export is ascribed."""
    form = section.byte()
    if form == 0x00:
        section.byte()
    elif form in (0x02, 0x03):
        bound = section.byte()
        if form == 0x03 and bound == 0x01:
            return
    section.number()
