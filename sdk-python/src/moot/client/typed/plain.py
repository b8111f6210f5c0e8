"""Codecs of WIT's types that have no parts."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from typing import Final

from moot.client.typed.codec import Codec, mismatch

_MAX_SAFE_INTEGER: Final = 2**53 - 1
_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NO_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _bool(value: object) -> bool:
    return value if isinstance(value, bool) else mismatch("true or false", value)


def _integer(name: str, least: int, greatest: int, *, long: bool = False) -> Codec[int]:
    wanted = f"{name}, an integer from {least} to {greatest}"

    def checked(value: object) -> int:
        if type(value) is not int or not least <= value <= greatest:
            mismatch(wanted, value)
        return value

    def write(value: int) -> object:
        # Beyond what every reader of JSON has exactly it is decimal text.
        return str(checked(value)) if long and abs(checked(value)) > _MAX_SAFE_INTEGER else checked(value)

    def read(json: object) -> int:
        if long and isinstance(json, str) and _DECIMAL.fullmatch(json):
            return checked(int(json))
        return checked(json)

    return Codec(write, read)


def _float(name: str, fits: struct.Struct) -> Codec[float]:
    wanted = f"{name}, a number"

    def write(value: float) -> object:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            mismatch(wanted, value)
        try:
            # As a fraction or with an exponent: an integer in the text would be taken for an exact one.
            number = float(value)
            fits.pack(number)
        except OverflowError:
            mismatch(wanted, value)
        if math.isfinite(number):
            return number
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"

    def read(json: object) -> float:
        if isinstance(json, str) and json in _NO_NUMBERS:
            return _NO_NUMBERS[json]
        if isinstance(json, bool) or not isinstance(json, (int, float)):
            mismatch(wanted, json)
        return float(json)

    return Codec(write, read)


def _char(value: object) -> str:
    return value if isinstance(value, str) and len(_text(value)) == 1 else mismatch("one character", value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        mismatch("text", value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        mismatch("text without half a character (a lone surrogate)", value)
    return value


def _write_bytes(value: object) -> str:
    if not isinstance(value, (bytes, bytearray)):
        mismatch("bytes", value)
    return base64.b64encode(value).decode("ascii")


def _read_bytes(json: object) -> bytes:
    try:
        return base64.b64decode(_text(json), validate=True)
    except (binascii.Error, ValueError):
        mismatch("base64", json)


def _none(value: object) -> None:
    if value is not None:
        mismatch("nothing", value)


BOOL: Final = Codec(_bool, _bool)
U8: Final = _integer("u8", 0, 2**8 - 1)
U16: Final = _integer("u16", 0, 2**16 - 1)
U32: Final = _integer("u32", 0, 2**32 - 1)
U64: Final = _integer("u64", 0, 2**64 - 1, long=True)
S8: Final = _integer("s8", -(2**7), 2**7 - 1)
S16: Final = _integer("s16", -(2**15), 2**15 - 1)
S32: Final = _integer("s32", -(2**31), 2**31 - 1)
S64: Final = _integer("s64", -(2**63), 2**63 - 1, long=True)
F32: Final = _float("f32", struct.Struct("<f"))
F64: Final = _float("f64", struct.Struct("<d"))
CHAR: Final[Codec[str]] = Codec(_char, _char)
TEXT: Final[Codec[str]] = Codec(_text, _text)
BYTES: Final[Codec[bytes]] = Codec(_write_bytes, _read_bytes)
UNIT: Final[Codec[None]] = Codec(_none, _none)
