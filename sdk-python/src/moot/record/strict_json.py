"""JSON as evidence: no repeated keys, no fractions, bounded length and depth.

A parser that lets the last of two equal keys win would let a file show one thing to a person and another to the
verifier. So would one that reads `-0` as `0`, or a comparison that takes `true` for `1`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from moot.errors import shown
from moot.record.limits import MAX_JSON_DEPTH

MAX_SHOWN_VALUE: Final = 200
"""Characters of a value in an error."""

ABSENT: Final = object()
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)


class JsonError(ValueError):
    """Text that is not JSON as evidence has it."""


def parse(text: str, most: int) -> Any:
    """Parses JSON of at most `most` bytes.

    Raises:
        JsonError: says what is wrong.
    """
    try:
        length = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise JsonError("it has a lone surrogate") from None
    if length > most:
        raise JsonError(f"{length} bytes; at most {most} are allowed")
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_fraction,
        )
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    _check_strings(value)
    return value


def pretty(value: Any) -> str:
    """The value with line breaks, ending in one."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def first_difference(found: Any, proven: Any, path: str = "") -> tuple[str, str, str] | None:
    """The first place where `found` differs from `proven`, as `(path, found, proven)`; absent values are `absent`."""
    if isinstance(found, dict) and isinstance(proven, dict):
        keys = [*proven, *(key for key in found if key not in proven)]
        pairs = [(key, f"{path}.{key}" if path else key) for key in keys]
        inner = (first_difference(found.get(k, ABSENT), proven.get(k, ABSENT), at) for k, at in pairs)
        return next((difference for difference in inner if difference), None)
    if isinstance(found, list) and isinstance(proven, list):
        longest = max(len(found), len(proven))
        inner = (first_difference(_at(found, i), _at(proven, i), f"{path}[{i}]") for i in range(longest))
        return next((difference for difference in inner if difference), None)
    # In Python True == 1: the types must be the same too.
    if type(found) is type(proven) and found == proven:
        return None
    return (path, _show(found), _show(proven))


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else ABSENT


def _show(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text[:MAX_SHOWN_VALUE]


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_JSON_DEPTH:
            raise JsonError(f"more than {MAX_JSON_DEPTH} arrays and objects are inside each other")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in fields:
            raise JsonError(f"key {shown(key)} stands twice")
        fields[key] = value
    return fields


def _integer(text: str) -> int:
    value = int(text) if _INTEGER.fullmatch(text) else 1 << 64
    if text == "-0" or not -(1 << 63) <= value < 1 << 64:
        raise JsonError(f"{text[:40]} is not an integer of 64 bits")
    return value


def _fraction(text: str) -> NoReturn:
    raise JsonError(f"{text[:40]} is not an integer; records have no fractions")


def _check_strings(value: Any) -> None:
    """Refuses an escaped half of a surrogate pair, which is no text in UTF-8."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise JsonError("a string has a lone surrogate") from None
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_strings(key)
            _check_strings(item)
