"""JSON as evidence, and its text forms: one meaning for a text, one text for a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.errors import ParseError, shown
from moot.record.strict_json import JsonError, first_difference, parse
from moot.record.text import base64url, exact, read_base64url, read_exact


def test_what_is_taken() -> None:
    assert parse('{"a":[1,null,"x",true,-5]}', 100) == {"a": [1, None, "x", True, -5]}
    assert parse(str(2**64 - 1), 100) == 2**64 - 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a":1,"a":2}', 'key "a" stands twice'),
        ('{"b":{"a":1,"\\u0061":1}}', 'key "a" stands twice'),
        ("1.5", "records have no fractions"),
        ("1e3", "records have no fractions"),
        ("-0", "not an integer"),
        ("NaN", "records have no fractions"),
        ("-Infinity", "records have no fractions"),
        (str(2**64), "not an integer of 64 bits"),
        ("9" * 5000, "not an integer of 64 bits"),
        ("{} {}", "Extra data"),
        ("", "Expecting value"),
        ("01", "Extra data"),
        ("\ufeff{}", ""),
        ('"\x01"', "control character"),
        ('"\\ud800"', "lone surrogate"),
        ('{"\\udc00": 1}', "lone surrogate"),
        ("\ud800", "lone surrogate"),
        ("[" * 100_000, "inside each other"),
        ('["' + "[" * 500 + '"]' + "[" * 128, "inside each other"),
        ('"' + "a" * 6000 + '"', "6002 bytes; at most 6000 are allowed"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(JsonError) as refused:
        parse(text, 200_000 if text.startswith("[") else 6000)
    assert why in str(refused.value)


def test_brackets_in_strings_are_no_depth() -> None:
    assert parse('["' + "[" * 500 + '\\"[[["]', 1000) == ["[" * 500 + '"[[[']
    assert parse("[" * 127 + "]" * 127, 1000)


PROVEN: dict[str, Any] = {"a": {"b": [1, {"c": "x"}]}, "d": 1}


@pytest.mark.parametrize(
    ("found", "path"),
    [
        (PROVEN, None),
        ({"a": {"b": [1, {"c": "y"}]}, "d": 1}, "a.b[1].c"),
        ({"a": {"b": [1]}, "d": 1}, "a.b[1]"),
        ({"a": {"b": [1, {"c": "x"}]}}, "d"),
        ({"a": {"b": [1, {"c": "x"}]}, "d": 1, "e": 0}, "e"),
        ({"a": {"b": [1, {"c": "x"}]}, "d": "1"}, "d"),
        ({"a": {"b": [1, {"c": "x"}]}, "d": True}, "d"),
        ({"a": {"b": [1, {"c": "x"}]}, "d": 1.0}, "d"),
        ({"a": {"b": [1, {"c": "x"}]}, "d": None}, "d"),
        ([], ""),
    ],
)
def test_a_difference_has_a_path(found: Any, path: str | None) -> None:
    difference = first_difference(found, PROVEN)
    assert (difference and difference[0]) == path


@given(st.integers(0, 2**64 - 1))
def test_integers_are_exact(value: int) -> None:
    assert read_exact(exact(value)) == value


@pytest.mark.parametrize(
    "bad", [2**53, "5", "09007199254740993", "+9007199254740993", "٩٠٠٧١٩٩٢٥٤٧٤٠٩٩٣", 1.0, -1, True, None, str(2**64)]
)
def test_integers_have_one_text_form(bad: object) -> None:
    with pytest.raises(ParseError):
        read_exact(bad)


@given(st.binary(max_size=100))
def test_base64url_reads_back(data: bytes) -> None:
    assert read_base64url(base64url(data)) == data


@given(st.text(st.sampled_from("AB_-=+/ \n"), max_size=8))
def test_base64url_has_one_text_form(text: str) -> None:
    try:
        data = read_base64url(text)
    except ParseError:
        return
    assert base64url(data) == text


@given(st.text(max_size=200))
def test_what_strangers_sent_is_shown_harmless(text: str) -> None:
    said = shown(text)
    assert said.isprintable()
    assert len(said) < 900
