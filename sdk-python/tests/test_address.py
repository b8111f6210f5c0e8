"""Where a node is, as people write it."""

from __future__ import annotations

import pytest

from moot.client import AddressError, Client
from moot.client.address import parse_address, shown_address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://moot.example", "https://moot.example"),
        ("localhost", "http://localhost"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_addresses_as_people_write_them(text: str, shown: str) -> None:
    assert shown_address(parse_address(text)) == shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://host", "only http and https"),
        ("http://user:pw@host", "user or password"),
        ("http://host/path", "end after"),
        ("http://host?x=1", "end after"),
        ("http://host#x", "end after"),
        ("http://", "names no host"),
        ("", "names no host"),
        ("http://ho st", ""),
        ("host:", "names no host and port"),
        ("host:99999", ""),
    ],
)
def test_addresses_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert why in str(refused.value)
    assert "127.0.0.1:8080" in str(refused.value)


def test_the_default_address_is_the_command_line_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOT_NODE", "https://moot.example")
    assert Client().address == "https://moot.example"
    monkeypatch.delenv("MOOT_NODE")
    assert Client().address == "http://127.0.0.1:8080"
