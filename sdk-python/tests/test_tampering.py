"""Whatever is changed in evidence, it is refused: at random, field by field, and by the name of what does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.errors import DecodeError, MootError, ProofError
from moot.record import Genesis, Proof, ReceiptFile, SealedBatch, SignedEntry
from moot.record.text import base64url, read_base64url
from tests.support.vectors import case, file_text, genesis, vectors

FILES = [file_text("final"), file_text("signed")]
PROOFS = [bytes.fromhex(found["proof"]) for found in vectors()["proofs"] if "proven" in found]
CHANGES = vectors()["committees"]
LATER = [bytes.fromhex(found["proof"]) for found in CHANGES["proofs"] if "proven" in found]
SEALED = bytes.fromhex(vectors()["sealed_batches"][0]["sealed"])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything readable in a JSON value."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [path]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "something"
    return value[:-1] + ("1" if value[-1] == "0" else "0")


@pytest.mark.parametrize("text", FILES, ids=["final", "signed"])
def test_every_field_that_is_tampered_with_is_refused_by_name(text: str) -> None:
    paths = leaves(json.loads(text))
    assert len(paths) > 25
    for path in paths:
        file = json.loads(text)
        at(file, path[:-1])[path[-1]] = changed(at(file, path))
        with pytest.raises(ProofError) as refused:
            ReceiptFile.parse(json.dumps(file)).check(genesis())
        field = refused.value.field
        # What is inside the evidence is named by its part, everything readable by its own name.
        if path[0] not in ("proof", "signed", "call_entry"):
            dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
            assert field.startswith(dotted) or dotted.startswith(field), f"{dotted} is called {field}"


@pytest.mark.parametrize("text", FILES, ids=["final", "signed"])
def test_a_field_that_is_added_or_taken_away_is_refused(text: str) -> None:
    more = json.loads(text)
    more["receipt"]["refund"] = 1
    with pytest.raises(ProofError, match=r"receipt.refund: the file says 1, what was signed says absent"):
        ReceiptFile.parse(json.dumps(more)).check(genesis())
    for path in leaves(json.loads(text)):
        file = json.loads(text)
        del at(file, path[:-1])[path[-1]]
        with pytest.raises(ProofError):
            ReceiptFile.parse(json.dumps(file)).check(genesis())


@pytest.mark.parametrize("good", LATER)
def test_a_proof_from_after_a_change_with_a_byte_changed_is_refused(good: bytes) -> None:
    trusted = Genesis.from_json(json.dumps(CHANGES["genesis"]["file"]))
    Proof.decode(good).verify(trusted)
    # Every fourth: votes that do not fit are judged in plain Python, which takes its time.
    for place in range(len(good) % 4, len(good), 4):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        with pytest.raises((DecodeError, ProofError)):
            Proof.decode(bytes(bad)).verify(trusted)


def refused_or_of_another_entry(good: bytes, bad: bytes) -> bool:
    """Whether changed bytes are refused: or, with another slot, prove what stands there, and say so."""
    before = Proof.decode(good)
    try:
        after = Proof.decode(bad)
        proven = after.verify(genesis())
    except (DecodeError, ProofError):
        return True
    moved = replace(before, entry=replace(before.entry, slot=after.entry.slot))
    return after == moved and proven.id != before.id() and proven.entry != before.verify(genesis()).entry


@given(st.sampled_from(PROOFS), st.data())
def test_a_proof_with_any_bits_changed_is_refused(good: bytes, data: st.DataObject) -> None:
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        bad[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    assert bytes(bad) == good or refused_or_of_another_entry(good, bytes(bad))


@pytest.mark.parametrize("good", PROOFS)
def test_a_proof_with_any_byte_changed_is_refused(good: bytes) -> None:
    # A signature's odd points can be had in two encodings, and none of them is here: every bit counts.
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        assert refused_or_of_another_entry(good, bytes(bad)), place


def test_a_proof_moved_to_another_slot_proves_what_stands_there() -> None:
    good = Proof.decode(bytes.fromhex(case("proofs", "one of many")["proof"]))
    assert good.entry.slot == 1
    moved = replace(good, entry=replace(good.entry, slot=0)).verify(genesis())
    assert (moved.id.slot, moved.entry == good.verify(genesis()).entry) == (0, False)
    with pytest.raises(ProofError, match="slot: the page has 2 entries, none at 2"):
        replace(good, entry=replace(good.entry, slot=2)).verify(genesis())


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_sealed_batch_with_any_byte_changed_is_refused(place: int, change: int) -> None:
    bad = bytearray(SEALED)
    bad[place] ^= change
    with pytest.raises(MootError):
        SealedBatch.decode(bytes(bad)).verify(genesis())


@given(st.sampled_from(FILES), st.data())
def test_a_file_with_any_characters_changed_proves_the_same_or_nothing(text: str, data: st.DataObject) -> None:
    good = ReceiptFile.parse(text).check(genesis())
    place = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.sampled_from(['"', "0", "1", "}", "{", "[", " ", "a", "\n", "\\", "-", "", "\u2028", "e"]))
    try:
        checked = ReceiptFile.parse(text[:place] + instead + text[place + 1 :]).check(genesis())
    except ProofError as error:
        assert error.field
        return
    # White space between the fields is no evidence.
    assert checked == good


@given(st.text(max_size=300))
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    with pytest.raises(ProofError):
        ReceiptFile.parse(text)
    with pytest.raises(ProofError):
        Genesis.from_json(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["format", "proof", "signed", "receipt", "call_entry", "x"]), inner, max_size=4
            )
        ),
        max_leaves=10,
    )
)
def test_no_json_does_anything_but_be_refused(value: Any) -> None:
    if isinstance(value, dict):
        value["format"] = "moot-receipt-1"
    with pytest.raises(ProofError):
        ReceiptFile.parse(json.dumps(value)).check(genesis())


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"proof": 1}, "proof", "it is not a string"),
        ({"proof": "a b"}, "proof", "not base64url without padding"),
        ({"proof": "AAAA="}, "proof", "not base64url without padding"),
        ({"proof": "AAAAA"}, "proof", "one too few"),
        ({"proof": "AB"}, "proof", "bits beyond the last byte"),
        ({"proof": "A" * 270_000}, "proof", "270000 characters; at most 196608 bytes"),
        ({"proof": "AA"}, "proof", "the format has an array here"),
        ({"signed": "AA"}, "signed", "has both proof and signed"),
        ({"call_entry": "AA"}, "call_entry", "the receipt is of the call with digest"),
        ({"format": None}, "format", '"" is not "moot-receipt-1"'),
    ],
)
def test_refusals_say_what_would_be_right(change: dict[str, Any], field: str, why: str) -> None:
    file = json.loads(FILES[0]) | change
    with pytest.raises(ProofError) as refused:
        ReceiptFile.parse(json.dumps(file)).check(genesis())
    assert refused.value.field == field
    assert why in str(refused.value)


def test_a_file_without_evidence_is_refused() -> None:
    file = json.loads(FILES[0])
    del file["proof"]
    with pytest.raises(ProofError, match="neither proof nor signed"):
        ReceiptFile.parse(json.dumps(file))


def test_evidence_of_something_else_is_refused() -> None:
    # A value with a perfect proof is no receipt.
    alone = Proof.decode(bytes.fromhex(case("proofs", "alone")["proof"]))
    alone.verify(genesis())
    with pytest.raises(ProofError, match="receipt: what is proven is a value, not a receipt"):
        ReceiptFile.make(alone)
    file = json.loads(FILES[0]) | {"proof": base64url(alone.encode())}
    with pytest.raises(ProofError, match="receipt: what is proven is a value"):
        ReceiptFile.parse(json.dumps(file)).check(genesis())


def test_another_network_s_genesis_does_not_vouch() -> None:
    for text in FILES:
        with pytest.raises(ProofError, match="the genesis is of") as refused:
            ReceiptFile.parse(text).check(genesis(1))
        assert refused.value.field == "bundle.network"


def test_the_worker_s_word_cannot_pass_for_the_ledger_s() -> None:
    # The same entry under one signature, shown as a proof: the bytes of one do not read as the other.
    signed = read_base64url(json.loads(FILES[1])["signed"])
    SignedEntry.decode(signed).verify(genesis())
    with pytest.raises(DecodeError):
        Proof.decode(signed)
    file = json.loads(FILES[1])
    file["proof"] = file.pop("signed")
    with pytest.raises(ProofError):
        ReceiptFile.parse(json.dumps(file))
