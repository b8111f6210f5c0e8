"""Which kind a component is, read from its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.client import ComponentError, FunctionKind, kind_of
from tests.support.node import guest

HEAD = bytes.fromhex("0061736d0d000100")


def component(*names: str, sort: int = 5, ascribed: bytes = b"\x00") -> bytes:
    exports = b"".join(b"\x00" + bytes([len(name)]) + name.encode() + bytes([sort, 0]) + ascribed for name in names)
    body = bytes([len(names)]) + exports
    return HEAD + b"\x00\x03\x01ab" + b"\x0b" + bytes([len(body)]) + body


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["wasi:http/incoming-handler@0.2.3"], FunctionKind.HTTP),
        (["wasi:http/handler@0.3.0"], FunctionKind.HTTP),
        (["moot:function/handler@0.1.0"], FunctionKind.EVENT),
        (["wasi:http/incoming-handler@0.3.0-rc-1"], FunctionKind.TYPED),
        (["add"], FunctionKind.TYPED),
        (["acme:math/api", "wasi:cli/run@0.2.0"], FunctionKind.TYPED),
    ],
)
def test_the_kind_follows_from_the_exports(names: list[str], kind: FunctionKind) -> None:
    assert kind_of(component(*names)) is kind
    assert kind_of(component(*names, ascribed=b"\x01\x05\x07")) is kind


@pytest.mark.parametrize("ascribed", [b"\x01\x01\x07", b"\x01\x00\x11\x07", b"\x01\x03\x01", b"\x01\x03\x00\x07"])
def test_ascribed_types_are_skipped(ascribed: bytes) -> None:
    assert kind_of(component("add", "sub", sort=1, ascribed=ascribed)) is FunctionKind.TYPED


@pytest.mark.node
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hello", FunctionKind.EVENT),
        ("counter", FunctionKind.EVENT),
        ("calculator", FunctionKind.TYPED),
        ("hello_http", FunctionKind.HTTP),
        ("hello_http_0_3", FunctionKind.HTTP),
    ],
)
def test_real_components(name: str, kind: FunctionKind) -> None:
    assert kind_of(guest(name).read_bytes()) is kind


@pytest.mark.parametrize(
    ("wasm", "why"),
    [
        (b"", "not a WebAssembly component"),
        (b"\x7fELF", "not a WebAssembly component"),
        (bytes.fromhex("0061736d01000000"), "a core WebAssembly module"),
        (HEAD, "nothing that can be called"),
        (component("wasi:cli/run@0.2.0"), "nothing that can be called"),
        (component("types", sort=3), "nothing that can be called"),
        (HEAD + b"\x0b", "ends too early"),
        (HEAD + b"\x0b\xff\xff\xff\xff\xff", "longer than 32 bits"),
        (HEAD + b"\x0b\x02\x01\x09", "unknown form 9"),
        (component("add")[:-4], "ends too early"),
    ],
)
def test_what_is_none_says_why(wasm: bytes, why: str) -> None:
    with pytest.raises(ComponentError, match=why):
        kind_of(wasm)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_read_or_refuse(data: bytes) -> None:
    for wasm in (data, HEAD + data, HEAD + b"\x0b" + bytes([len(data) % 128]) + data):
        try:
            kind_of(wasm)
        except ComponentError:
            pass
