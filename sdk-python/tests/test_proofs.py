"""What a network that can sign anything cannot prove, and what an odd but valid vote must not spoil."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.errors import ProofError
from moot.record import Proof, quorum
from moot.record.key import _openssl
from tests.support.network import Network, Voter, honest, odd

NETWORK = Network()
THREE: list[Voter] = [(0, honest), (1, honest), (2, honest)]


def field_of(proof: Proof, network: Network = NETWORK) -> str | None:
    try:
        # What travels is bytes: a proof that cannot be written proves nothing.
        Proof.decode(proof.encode()).verify(network.genesis)
    except ProofError as error:
        return error.field
    return None


def test_an_odd_vote_is_a_vote() -> None:
    # A dishonest replica can vote so that OpenSSL refuses and the ledger accepts. The certificate is good all the same.
    proof = NETWORK.prove([(0, honest), (1, odd), (2, honest)])
    message = b"any"
    assert not _openssl(bytes(NETWORK.validators[1].account), message, odd(NETWORK.validators[1], message))
    assert field_of(proof) is None


@pytest.mark.parametrize(
    ("heights", "field"),
    [
        ([8, 9], None),
        ([8], None),
        ([9], "descent"),
        ([7], "descent"),
        ([8, 8], "descent"),
        ([8, 10], "descent"),
        (list(range(8, 8 + 256)), None),
    ],
)
def test_a_descent_goes_height_by_height(heights: list[int], field: str | None) -> None:
    assert field_of(NETWORK.descend(NETWORK.prove(THREE), heights, THREE)) == field


def test_a_descent_has_a_bound() -> None:
    proof = NETWORK.descend(NETWORK.prove(THREE), range(8, 8 + 257), THREE)
    with pytest.raises(ProofError, match="descent: 257 headers; at most 256"):
        proof.verify(NETWORK.genesis)


@pytest.mark.parametrize(("height", "field"), [(100, None), (101, "bundle.valid_until")])
def test_a_bundle_is_valid_up_to_its_height(height: int, field: str | None) -> None:
    assert field_of(NETWORK.prove(THREE, height=height)) == field


@given(st.integers(1, 40), st.data())
def test_a_quorum_certifies_and_nothing_less(validators: int, data: st.DataObject) -> None:
    network = Network(validators)
    count = data.draw(st.integers(0, validators))
    places = sorted(data.draw(st.permutations(range(validators)))[:count])
    proof = network.prove([(place, honest) for place in places])
    assert field_of(proof, network) == (None if count >= quorum(validators) else "certificate.quorum")


def test_quorums() -> None:
    expected = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5, 10: 7, 100: 67}
    assert {n: quorum(n) for n in expected} == expected
