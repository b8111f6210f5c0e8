"""A spec's rules name the field, before anything is signed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from moot.errors import Invalid, ParseError
from moot.record import (
    AccountId,
    Deploy,
    Digest,
    EntryId,
    Grants,
    Keypair,
    Limits,
    Payer,
    Payloads,
    Receipt,
    Spec,
    Touch,
    TouchKind,
    Value,
    decode_entry,
)
from moot.record.grants import Directory
from moot.record.payload import Payload
from moot.record.spec import accounts
from tests.support.vectors import case

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Spec("hello"), "spec.route"),
        (lambda: Spec("/_moot/x"), "spec.route"),
        (lambda: Spec("/a b"), "spec.route"),
        (lambda: Spec("/" + "a" * 600), "spec.route"),
        (lambda: Spec("/a", limits=Limits(fuel=0)), "spec.limits.fuel"),
        (lambda: Spec("/a", limits=Limits(deadline_ms=0)), "spec.limits.deadline_ms"),
        (lambda: Spec("/a", grants=Grants(secrets=("b", "a"))), "spec.grants.secrets"),
        (lambda: Spec("/a", grants=Grants(key_value=("a", "a"))), "spec.grants.keyvalue"),
        (lambda: Spec("/a", grants=Grants.of(http=["a\nb"])), "spec.grants.http"),
        (lambda: Spec("/a", grants=Grants.of(env={"A=": "1"})), "spec.grants.env"),
        (lambda: Spec("/a", grants=Grants.of(env={"A": "\0"})), "spec.grants.env"),
        (lambda: Spec("/a", grants=Grants.of(dirs=[Directory("a", "a")])), "spec.grants.dirs"),
        (lambda: Spec("/a", deterministic=True, grants=Grants.of(clock=True)), "spec.deterministic"),
        (lambda: Spec("/a", payer=Payer.CALLER, access=()), "spec.access"),
        (lambda: Spec("/a", access=""), "spec.access"),
        (lambda: Spec("/a", access="é" * 513), "spec.access"),
        (lambda: Spec("/a", access=(AccountId(b"\x02" * 32), AccountId(b"\x01" * 32))), "spec.access"),
        (lambda: Spec("/a", grants=Grants.of(env={f"V{i}": "x" * 2000 for i in range(8)})), "spec"),
        (lambda: Spec("/a", grants=Grants.of(secrets=[f"s{i}" for i in range(300)])), "spec.grants.secrets"),
        (lambda: Value("/a/../b", Payload.of(b"")), "value.path"),
        (lambda: EntryId(0, 0, 1 << 16, 0, 0), "id.bundle"),
        (lambda: Deploy("a", Digest(bytes(32)), 0, Spec("/a").encode()), "transaction.component_bytes"),
        (lambda: Deploy("a", Digest(bytes(32)), 1, b"\x00"), "transaction.spec"),
    ],
)
def test_rules_name_the_field(make: Callable[[], object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        make()
    assert refused.value.field == field


def test_what_was_touched_is_sorted_each_once() -> None:
    receipt = decode_entry(bytes.fromhex(case("entries", "a receipt")["cbor"]))
    assert isinstance(receipt, Receipt)
    one, two = receipt.touched
    assert replace(receipt, touched=(one, two)) == receipt
    many = tuple(Touch(TouchKind.HTTP, f"https://{i:02}", 1) for i in range(65))
    long = tuple(Touch(TouchKind.HTTP, f"{i:02}" + "x" * 268, 1) for i in range(20))
    for touched in ((one, one), (two, one), many, long):
        with pytest.raises(Invalid) as refused:
            replace(receipt, touched=touched)
        assert refused.value.field == "receipt.touched"
    for target, count, field in (
        ("a\x1b", 1, "target"),
        ("", 1, "target"),
        ("x" * 273, 1, "target"),
        ("a", 0, "count"),
    ):
        with pytest.raises(Invalid) as refused:
            Touch(TouchKind.HTTP, target, count)
        assert refused.value.field == f"receipt.touched.{field}"


def test_sets_have_one_digest() -> None:
    one, two = Keypair(bytes(32)).account, Keypair(b"\x01" * 32).account
    a = Spec("/a", access=accounts(one, two), grants=Grants.of(http=["https://b:443", "https://a:443"]))
    b = Spec("/a", access=accounts(two, one, two), grants=Grants.of(http=["https://a:443", "https://b:443"]))
    assert a == b
    assert a.digest() == b.digest()


@pytest.mark.parametrize("payloads", [Payloads.INLINE, Payloads.DIGEST])
def test_payload_modes(payloads: Payloads) -> None:
    spec = Spec("/a", payloads=payloads)
    assert Spec.decode(spec.encode()) == spec
    assert spec.to_json()["payloads"] == payloads.text


def test_two_kinds_of_bytes_are_never_equal() -> None:
    digest, account = Digest(bytes(32)), AccountId(bytes(32))
    assert digest != account
    assert len({digest, account}) == 2
    assert digest == Digest.parse("00" * 32)
    assert digest < Digest(b"\x01" * 32)
    assert repr(digest) == f"Digest({'00' * 32})"


@pytest.mark.parametrize("bad", ["AB" * 32, "ab" * 31, "ab" * 33, "0x" + "ab" * 31, "é" + "a" * 63, " " + "a" * 63])
def test_text_forms_are_lowercase_hexadecimal_only(bad: str) -> None:
    with pytest.raises(ParseError, match="64 hexadecimal digits"):
        Digest.parse(bad)


@pytest.mark.parametrize(
    "bad",
    ["", "0-1-2-3", "0-1-2-3-4-5", "00-1-2-3-4", "+0-1-2-3-4", "0-1-2-3-65536", "0-1-2-3-", "a-1-2-3-4", "٠-1-2-3-4"],
)
def test_ids_have_one_text_form(bad: str) -> None:
    with pytest.raises(ParseError, match="as in 0-42-0-1-3"):
        EntryId.parse(bad)


def test_unknown_names_say_which_are_known() -> None:
    with pytest.raises(ParseError, match='"nobody" is not a payer: known are owner caller'):
        Payer.parse("nobody")
    fields: dict[str, Any] = {"kind": "x"}
    with pytest.raises(ParseError):
        Payer.parse(fields)
