"""Proofs from after the committee has changed: they need the genesis alone, and forged ones are refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from moot.errors import DecodeError, Invalid, ParseError, ProofError
from moot.record import (
    AccountId,
    Batch,
    BatchHeader,
    Bundle,
    Committee,
    Epochs,
    Keypair,
    Proof,
    ReceiptFile,
    Role,
    SealedBatch,
    Seat,
    SignatureError,
    SocketAddress,
    decode_entry,
    encode_entry,
    pack_pages,
)
from moot.record import hash as domains
from moot.record.cbor import Writer
from moot.record.fixed import ZERO
from moot.record.limits import MAX_HANDOVERS, MAX_PROOF_BYTES
from moot.verify.report import summary
from tests.support.network import BLOCKS, SAID, Changing, Network, honest
from tests.support.vectors import file_text, genesis

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NETWORK = Changing()
FIRST, SECOND, THIRD = (NETWORK.prove_at(height) for height in (3, 2 * BLOCKS + 5, 4 * BLOCKS))
STRANGER = Keypair(b"\x42" * 32).account


def field_of(proof: Proof, trusted: Network = NETWORK) -> str | None:
    try:
        # What travels is bytes: a proof that cannot be written proves nothing.
        Proof.decode(proof.encode()).verify(trusted.genesis)
    except ProofError as error:
        return error.field
    return None


@pytest.mark.parametrize(("proof", "handovers", "height"), [(FIRST, 0, 3), (SECOND, 1, 25), (THIRD, 2, 40)])
def test_a_proof_from_before_or_after_changes_needs_the_genesis_alone(
    proof: Proof, handovers: int, height: int
) -> None:
    proven = Proof.decode(proof.encode()).verify(NETWORK.genesis)
    assert len(proof.handovers) == handovers
    assert (proven.height, proven.epoch) == (height, height // BLOCKS)
    # Without a change the encoding is what it was before there were any.
    assert proof.encode()[:2] == (b"\x90\x02" if handovers else b"\x8f\x01")


def test_gaps_swaps_and_handovers_too_many_are_refused() -> None:
    one, two = THIRD.handovers
    for handovers, field in (
        ((two,), "handover.committee"),
        ((two, one), "handover.committee"),
        ((one, two, two), "handover.height"),
        # Four of committee 2 are in committee 1 as well, and their votes are not its votes.
        ((one,), "certificate.committee"),
        ((), "certificate.vote"),
    ):
        assert field_of(replace(THIRD, handovers=handovers)) == field
    assert field_of(replace(FIRST, handovers=(one,))) == "handover.height"
    # The handover's own block is certified by the committee before, not by the one that it names.
    last = replace(SECOND, block_header=replace(SECOND.block_header, height=2 * BLOCKS - 1))
    assert field_of(replace(last, descent=(), certificate=NETWORK.votes(1, 1, last.block_header))) == "handover.height"


def test_a_network_without_epochs_has_no_handovers() -> None:
    fixed = Network()
    good = fixed.prove([(place, honest) for place in range(3)])
    assert field_of(good, fixed) is None
    assert field_of(replace(good, handovers=THIRD.handovers), fixed) == "handover.epochs"


def test_wrong_committees_are_refused() -> None:
    good = SECOND.handovers[0]
    members = good.members
    other = Committee(2, members).digest()
    for changed, field in (
        (replace(good, members=tuple(sorted((STRANGER, *members[1:])))), "handover.committee"),
        (replace(good, members=(members[1], members[0], *members[2:])), "handover.members"),
        (replace(good, members=()), "handover.members"),
        (replace(good, members=(AccountId(b"\x01" + bytes(31)), *members)), "handover.members"),
        (NETWORK.certified(0, 1, replace(good, header=replace(good.header, committee=None))), "handover.committee"),
        (NETWORK.certified(0, 1, replace(good, header=replace(good.header, committee=other))), "handover.committee"),
        (NETWORK.certified(0, 1, replace(good, header=replace(good.header, height=18))), "handover.height"),
        (NETWORK.certified(0, 2, replace(good, header=replace(good.header, height=20))), "handover.height"),
        (NETWORK.certified(1, 1, good), "handover.certificate.committee"),
        (NETWORK.certified(0, 0, good), "handover.certificate.epoch"),
        (NETWORK.certified(0, 2, good), "handover.certificate.epoch"),
        (replace(good, certificate=good.certificate[:-1] + b"\0"), "handover.certificate.vote"),
        (replace(good, certificate=good.certificate[:-1]), "handover.certificate"),
        (replace(good, header=replace(good.header, time_ms=1)), "handover.certificate.block"),
    ):
        with pytest.raises(ProofError, match=rf"^{field}: handover 1: ") as refused:
            replace(SECOND, handovers=(changed,)).verify(NETWORK.genesis)
        assert refused.value.field == field


def test_votes_count_in_their_epoch_and_for_their_committee() -> None:
    header = SECOND.block_header
    for number, epoch, field in (
        (1, 2, None),
        (1, 1, "certificate.epoch"),
        (1, 3, "certificate.epoch"),
        (0, 2, "certificate.committee"),
    ):
        assert field_of(replace(SECOND, certificate=NETWORK.votes(number, epoch, header))) == field
    # Three of the third committee are a quorum of the first; their votes name their committee.
    later = replace(THIRD, handovers=(), certificate=NETWORK.votes(2, 4, THIRD.block_header))
    assert field_of(later) == "certificate.vote"
    stayed = replace(later, certificate=NETWORK.votes(0, 4, THIRD.block_header))
    assert field_of(stayed) is None, "had the first committee stayed, it would be true"


def test_a_descent_can_end_in_the_next_epoch() -> None:
    # The block is the last of epoch 1, and what certifies it is the first of epoch 2, whose committee is another.
    proof = NETWORK.prove_at(2 * BLOCKS - 1)
    header = replace(proof.block_header, committee=SECOND.handovers[0].header.committee)
    child = replace(header, height=2 * BLOCKS, parent=header.digest(), batches=0, root=ZERO, committee=None)
    handover = NETWORK.certified(0, 1, replace(SECOND.handovers[0], header=header))
    across = replace(
        proof,
        block_header=header,
        descent=(child,),
        certificate=NETWORK.votes(1, 2, child),
        handovers=(handover,),
    )
    assert field_of(across) is None
    assert field_of(replace(across, handovers=())) == "certificate.committee"


def test_a_proof_has_one_encoding_and_a_bound() -> None:
    good = SECOND.encode()
    for bad in (
        *(good[:cut] for cut in range(len(good))),
        good[:1] + b"\x01" + good[2:],
        b"\x8f" + good[1:],
        # No handovers in the form that has some.
        b"\x90\x02" + FIRST.encode()[2:] + b"\x80",
    ):
        with pytest.raises(DecodeError):
            Proof.decode(bad)
    most = replace(SECOND, handovers=SECOND.handovers * MAX_HANDOVERS).encode()
    assert len(most) <= MAX_PROOF_BYTES
    assert Proof.decode(most).encode() == most
    with pytest.raises(DecodeError, match="at most 256"):
        Proof.decode(replace(SECOND, handovers=SECOND.handovers * (MAX_HANDOVERS + 1)).encode())


def test_a_receipt_file_from_after_a_change(tmp_path: Path) -> None:
    receipt = ReceiptFile.parse(file_text("final")).check(genesis())
    assert receipt.call is not None
    proof = NETWORK.prove_at(4 * BLOCKS, receipt.receipt)
    file = ReceiptFile.parse(ReceiptFile.make(proof, encode_entry(receipt.call)).to_text())
    checked = file.check(NETWORK.genesis)
    assert checked.finality is not None
    assert (checked.receipt, checked.finality.epoch) == (receipt.receipt, 4)
    said = summary(checked, file.evidence, NETWORK.genesis, tmp_path)
    assert "by a quorum of 4 replicas, after 2 changes of the genesis's committee" in said
    forged = ReceiptFile.make(replace(proof, handovers=proof.handovers[:1]), encode_entry(receipt.call))
    with pytest.raises(ProofError, match=r"certificate\.committee"):
        forged.check(NETWORK.genesis)


def test_heights_have_one_epoch_each() -> None:
    epochs = Epochs(10, STRANGER)
    assert [epochs.of(height) for height in (0, 9, 10)] == [0, 0, 1]
    assert (epochs.last(0), epochs.last(2)) == (9, 29)
    assert [height for height in range(40) if epochs.is_last(height)] == [9, 19, 29, 39]
    assert epochs.last(2**64 - 1) == 2**64 - 2


def test_later_lanes_belong_to_those_who_came_later() -> None:
    late = Keypair(b"\x42" * 32)
    network = NETWORK.genesis.network()
    bundle = Bundle.sign(NETWORK.worker, network, 100, pack_pages([encode_entry(SAID)]))
    batch = Batch(BatchHeader(4, 0, 1, bundle.digest()), (bundle,))
    seal = late.sign(domains.SEAL, bytes(network) + bytes(batch.digest()))
    sealed = SealedBatch.decode(SealedBatch(seal, batch).encode())
    sealed.verify(NETWORK.genesis, [STRANGER])
    assert late.account == STRANGER
    with pytest.raises(DecodeError, match="lane 4 has no owner: there are 4 lanes"):
        sealed.verify(NETWORK.genesis)
    with pytest.raises(SignatureError, match="the seal of batch 0 of lane 4 does not fit"):
        sealed.verify(NETWORK.genesis, [NETWORK.worker.account, STRANGER])


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("10.0.0.5:9080", "460a0000052378"),
        ("[2001:db8::5]:1", "5220010db80000000000000000000000050001"),
        ("[::ffff:1.2.3.4]:80", "5200000000000000000000ffff010203040050"),
        ("[::102:304]:80", "52000000000000000000000000010203040050"),
        ("[1:0:0:2::3]:80", "52000100000000000200000000000000030050"),
        ("[1:0:2:3:4:5:6:7]:80", "52000100000002000300040005000600070050"),
    ],
)
def test_addresses(text: str, encoded: str) -> None:
    address = SocketAddress.parse(text)
    w = Writer()
    address.write(w)
    assert (str(address), w.done().hex()) == (text, encoded)
    seat = Seat(STRANGER, Role.FOLLOWS, address)
    assert decode_entry(encode_entry(seat)) == seat
    assert seat.to_json()["seat"]["ledger"] == text


@pytest.mark.parametrize(
    "text", ["", "10.0.0.5", "10.0.0.5:", "10.0.0.5:65536", "10.0.0.5:+1", "::1:80", "[10.0.0.5]:80", "[fe80::1%1]:80"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ParseError, match="an address"):
        SocketAddress.parse(text)


def test_seats_are_checked() -> None:
    ledger, data = SocketAddress.parse("10.0.0.5:9080"), SocketAddress.parse("10.0.0.5:9081")
    good = encode_entry(Seat(STRANGER, Role.VOTES, ledger, data))
    for bad in (
        # One port for both; port nought; an address of seven bytes; an unknown role; an address too few.
        good[:-1] + b"\x78",
        good[:-2] + b"\0\0",
        good[:-7] + b"\x47" + good[-6:] + b"\0",
        good.replace(b"\x02\x46\x0a", b"\x03\x46\x0a", 1),
        b"\x85" + good[1:-7],
    ):
        assert bad != good
        with pytest.raises(DecodeError):
            decode_entry(bad)
    wrong: list[tuple[Callable[[], Seat], str]] = [
        (lambda: Seat(AccountId(b"\x01" + bytes(31)), Role.OUT), "transaction.account"),
        (lambda: Seat(STRANGER, Role.VOTES, SocketAddress.parse("0.0.0.0:1")), "transaction.ledger"),
        (lambda: Seat(STRANGER, Role.VOTES, None, SocketAddress.parse("[::]:1")), "transaction.data"),
        (lambda: Seat(STRANGER, Role.VOTES, None, SocketAddress.parse("10.0.0.5:0")), "transaction.data"),
        (lambda: Seat(STRANGER, Role.VOTES, ledger, ledger), "transaction.data"),
    ]
    for make, field in wrong:
        with pytest.raises(Invalid) as refused:
            make()
        assert refused.value.field == field
