"""The one signature rule, ZIP215, where libraries differ; and keys."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.keys import AccountId, Keypair, Signature, SignatureError, verify
from moot.record import hash as domains
from moot.record import zip215
from moot.record.key import _openssl, is_reliable, verify_raw
from tests.support.vectors import vectors

P = zip215.P


def small_order_encodings() -> list[bytes]:
    """The small-order points in every encoding that decompresses: eight canonical, six not."""
    named = [bytes.fromhex(case["account"]) for case in vectors()["signatures"] if "A of small order" in case["name"]]
    assert len(set(named)) == 14
    return named


def test_all_196_pairs_of_small_order_points_verify() -> None:
    # As ZIP215's authors' own vectors say, with s = 0 and whatever message.
    for a in small_order_encodings():
        for r in small_order_encodings():
            verify_raw(AccountId(a), b"Zcash", Signature(r + bytes(32)))


def test_small_order_keys_cannot_be_relied_on() -> None:
    assert not any(is_reliable(AccountId(a)) for a in small_order_encodings())
    assert not is_reliable(AccountId(b"\x02" + bytes(31)))
    assert is_reliable(Keypair(bytes(32)).account)


def test_the_vectors_hold_what_openssl_refuses_and_zip215_takes() -> None:
    # Without such vectors, following OpenSSL alone would pass every test here.
    differing = 0
    for case in vectors()["signatures"]:
        account, message, signature = (bytes.fromhex(case[name]) for name in ("account", "message", "signature"))
        if _openssl(account, message, signature):
            assert case["good"], f"OpenSSL takes what ZIP215 refuses: {case['name']}"
        elif case["good"]:
            differing += 1
    assert differing >= 20


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_plain_python_agrees_with_openssl_on_ordinary_signatures(seed: bytes, message: bytes) -> None:
    key = Keypair(seed)
    signature = bytes(key.sign_raw(message))
    account = bytes(key.account)
    assert zip215.verify(account, message, signature)
    assert not zip215.verify(account, message + b"x", signature)
    s = int.from_bytes(signature[32:], "little") + zip215.ORDER
    if s < 1 << 256:
        assert not zip215.verify(account, message, signature[:32] + s.to_bytes(32, "little"))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=20), st.binary(min_size=64, max_size=64))
def test_random_signatures_are_refused(account: bytes, message: bytes, signature: bytes) -> None:
    # Anybody can sign for a key of small order: that is why no validator may have one.
    if not is_reliable(AccountId(account)):
        account = bytes(Keypair(account).account)
    with pytest.raises(SignatureError):
        verify_raw(AccountId(account), message, Signature(signature))


@given(st.binary(min_size=32, max_size=32))
def test_a_point_that_decompresses_is_on_the_curve(data: bytes) -> None:
    point = zip215.decompress(data)
    if point is None:
        return
    x, y, _, t = point
    assert (-x * x + y * y - 1 + 121665 * pow(121666, -1, P) * x * x * y * y) % P == 0
    assert t == x * y % P


def test_lengths_are_checked() -> None:
    key = Keypair(bytes(32))
    signature = bytes(key.sign_raw(b""))
    assert not zip215.verify(bytes(key.account)[:31], b"", signature)
    assert not zip215.verify(bytes(key.account), b"", signature[:63])
    with pytest.raises(ValueError, match="a seed has 32 bytes, not 31"):
        Keypair(bytes(31))


def test_a_signature_counts_in_its_domain_alone() -> None:
    key = Keypair.generate()
    signature = key.sign(domains.BUNDLE, b"words")
    verify(key.account, domains.BUNDLE, b"words", signature)
    with pytest.raises(SignatureError, match="is not account"):
        verify(key.account, domains.REQUEST, b"words", signature)
    with pytest.raises(SignatureError, match="not an ed25519 public key"):
        verify(AccountId(b"\x02" + bytes(31)), domains.BUNDLE, b"words", signature)


def test_a_key_keeps_its_seed_to_itself() -> None:
    key = Keypair(b"\x5e" * 32)
    assert repr(key) == f"Keypair({key.account})"
    assert "5e5e" not in repr(key)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)
    assert Keypair(key.seed()).account == key.account
    assert Keypair.generate().account != Keypair.generate().account
