"""Identical bytes, ids and verdicts: every section of `record/vectors.json`, and no section that is not known here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from moot.errors import DecodeError, MootError, ParseError, ProofError
from moot.record import (
    AccountId,
    Batch,
    BatchHeader,
    BlockHeader,
    Bundle,
    BundleHeader,
    Committee,
    Digest,
    Domain,
    DoubleVote,
    EntryId,
    EventInput,
    Genesis,
    HttpRequestHead,
    HttpResponseHead,
    Keypair,
    Proof,
    ReceiptFile,
    SealedBatch,
    Signature,
    Spec,
    StateFile,
    check_name,
    component_digest,
    decode_entry,
    encode_entry,
    entry_digest,
    entry_json,
    merkle,
    page_digest,
    parse_page,
    payload_digest,
    verify_certificate,
    zip215,
)
from moot.record import hash as domains
from moot.record.cbor import Reader
from moot.record.key import SignatureError, verify_raw
from tests.support.vectors import genesis, vectors

Test = Callable[[], None]

SECTIONS: dict[str, Test] = {}


def section(name: str) -> Callable[[Test], Test]:
    """Marks the test that uses a section."""

    def known(test: Test) -> Test:
        assert name not in SECTIONS
        SECTIONS[name] = test
        return test

    return known


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = vectors()[name]
    assert found
    return found


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def test_every_section_is_used() -> None:
    file = vectors()
    assert file["format"] == "moot-vectors-1"
    unknown = set(file) - {"format", "note"} - set(SECTIONS)
    assert not unknown, f"vectors.json has gained {unknown}: write a test for it here"
    assert set(SECTIONS) <= set(file)


@section("domains")
def test_domains() -> None:
    for case in cases("domains"):
        check_domain(case)


def check_domain(case: dict[str, str]) -> None:
    domain = Domain("moot " + case["name"].replace("_", " ") + " 1")
    assert domain in vars(domains).values(), "it is one of those that are used"
    assert domain.tag.hex() == case["tag"]
    assert str(domain.hash(b"abc")) == case["hash_of_abc"]


def read_anything(r: Reader) -> None:
    """Reads any one item of the subset, by its first byte."""
    first = r.rest()[:1]
    major = first[0] >> 5 if first else 0
    if major == 2:
        r.byte_string(1 << 62)
    elif major == 3:
        r.text(1 << 62)
    elif major == 4:
        for _ in range(r.list(1 << 62)):
            read_anything(r)
    elif first == b"\xf6":
        r.optional(r.uint)
    elif major == 7:
        r.boolean()
    else:
        r.uint()


@section("cbor_refused")
def test_cbor_refused() -> None:
    for case in cases("cbor_refused"):
        r = Reader(unhex(case["bytes"]))
        with pytest.raises(DecodeError):
            read_anything(r)
            r.end()


@section("names")
def test_names() -> None:
    for case in cases("names"):
        if case["good"]:
            assert check_name(case["name"]) == case["name"]
        else:
            with pytest.raises(ParseError):
                check_name(case["name"])


@section("ids")
def test_ids() -> None:
    for case in cases("ids"):
        entry_id = EntryId.parse(case["text"])
        assert str(entry_id) == case["text"]
        assert entry_id.encode().hex() == case["cbor"]
        assert EntryId.decode(unhex(case["cbor"])) == entry_id
        assert entry_id.seed(Digest.parse(case["network"])).hex() == case["seed"]


@section("payloads")
def test_payloads() -> None:
    for case in cases("payloads"):
        assert str(payload_digest(unhex(case["bytes"]))) == case["payload_digest"]
        assert str(component_digest(unhex(case["bytes"]))) == case["component_digest"]


@section("specs")
def test_specs() -> None:
    for case in cases("specs"):
        spec = Spec.decode(unhex(case["cbor"]))
        assert spec.to_json() == case["json"]
        assert spec.encode().hex() == case["cbor"]
        assert str(spec.digest()) == case["digest"]


@section("entries")
def test_entries() -> None:
    check_entries(cases("entries"))


def check_entries(found: list[dict[str, Any]]) -> None:
    for case in found:
        entry = decode_entry(unhex(case["cbor"]))
        assert entry_json(entry) == case["json"], case["name"]
        assert encode_entry(entry).hex() == case["cbor"]
        assert str(entry_digest(encode_entry(entry))) == case["digest"]


@section("entries_refused")
def test_entries_refused() -> None:
    for case in cases("entries_refused"):
        with pytest.raises(DecodeError):
            decode_entry(unhex(case["bytes"]))


@section("heads")
def test_heads() -> None:
    kinds: dict[str, type[HttpRequestHead | HttpResponseHead | EventInput]] = {
        "request": HttpRequestHead,
        "response": HttpResponseHead,
        "event": EventInput,
    }
    for case in cases("heads"):
        head, body = kinds[case["kind"]].split(unhex(case["payload"]))
        assert head.to_json() == case["json"]
        assert body.hex() == case["body"]
        assert head.with_body(body).hex() == case["payload"]


@section("trees")
def test_trees() -> None:
    for case in cases("trees"):
        leaves = [Digest.parse(leaf) for leaf in case["leaves"]]
        root = merkle.root(leaves)
        assert str(root) == case["root"]
        for index, expected in enumerate(case["paths"]):
            path = merkle.path(leaves, index)
            assert [str(digest) for digest in path] == expected
            assert merkle.climb(leaves[index], index, len(leaves), path) == root


@section("genesis")
def test_genesis() -> None:
    for case in cases("genesis"):
        check_genesis(case)


def check_genesis(case: dict[str, Any]) -> Genesis:
    read = Genesis.from_json(json.dumps(case["file"]))
    assert read.encode().hex() == case["cbor"]
    assert Genesis.decode(unhex(case["cbor"])) == read
    assert str(read.network()) == case["network"]
    assert read.namespace() == case["namespace"].encode()
    assert Genesis.from_json(read.to_text()) == read
    assert list(read.to_json().items()) == list(case["file"].items()), "the same, in the same order"
    return read


@section("bundles")
def test_bundles() -> None:
    file = vectors()["bundles"]
    bundles = []
    for case in file["bundles"]:
        header = BundleHeader.decode(unhex(case["header"]))
        pages = [unhex(page["bytes"]) for page in case["pages"]]
        assert [str(page_digest(page)) for page in pages] == [page["digest"] for page in case["pages"]]
        for page in pages:
            for entry in parse_page(page):
                assert encode_entry(decode_entry(entry)) == entry
        # Signing is deterministic: the same key over the same pages gives the same bytes.
        bundle = Bundle.sign(Keypair(unhex(case["seed"])), header.network, header.valid_until, pages)
        bundle.verify()
        assert bundle.encode().hex() == case["encoded"]
        assert str(bundle.signature) == case["signature"]
        assert (str(header.id()), str(bundle.digest())) == (case["id"], case["digest"])
        assert Bundle.decode(unhex(case["encoded"])) == bundle
        bundles.append(bundle)
    batch = Batch.decode(unhex(file["batch"]["encoded"]))
    assert batch.bundles == tuple(bundles)
    assert batch.header == BatchHeader.decode(unhex(file["batch"]["header"]))
    assert batch.header.root == merkle.root([bundle.digest() for bundle in bundles])
    assert str(batch.digest()) == file["batch"]["digest"]
    assert batch.encode().hex() == file["batch"]["encoded"]
    block = BlockHeader.decode(unhex(file["block"]["header"]))
    assert block.root == merkle.root([batch.digest()])
    assert (block.encode().hex(), str(block.digest())) == (file["block"]["header"], file["block"]["digest"])
    heartbeat = BlockHeader.decode(unhex(file["heartbeat"]["header"]))
    assert heartbeat.encode().hex() == file["heartbeat"]["header"]
    assert heartbeat.parent == block.digest()


@section("sealed_batches")
def test_sealed_batches() -> None:
    for case in cases("sealed_batches"):
        sealed = unhex(case["sealed"])
        try:
            batch = SealedBatch.decode(sealed)
            batch.verify(genesis())
        except MootError as error:
            assert not case["good"], f"{case['name']}: {error}"
        else:
            assert case["good"], case["name"]
            assert batch.encode() == sealed


@section("double_votes")
def test_double_votes() -> None:
    for case in cases("double_votes"):
        assert set(case) == {"name", "network", "committee", "votes", "refused"}
        votes = DoubleVote.decode(unhex(case["votes"]))
        assert votes.encode() == unhex(case["votes"])
        try:
            votes.verify(Committee.decode(unhex(case["committee"])), Digest.parse(case["network"]))
        except ProofError as error:
            assert error.field == case["refused"], f"{case['name']}: {error}"
        else:
            assert case["refused"] is None, case["name"]


@section("certificates")
def test_certificates() -> None:
    for case in cases("certificates"):
        block, certificate = Digest.parse(case["block"]), unhex(case["certificate"])
        try:
            epoch, view = verify_certificate(certificate, genesis(), block)
        except ProofError as error:
            assert error.field == case.get("refused"), f"{case['name']}: {error}"
        else:
            assert {"epoch": epoch, "view": view} == case.get("proven"), case["name"]


@section("proofs")
def test_proofs() -> None:
    assert len(check_proofs(genesis(), cases("proofs"))) >= 15


def check_proofs(trusted: Genesis, found: list[dict[str, Any]]) -> set[str]:
    """Checks the verdict on every proof of a list, and gives the fields by which some are refused."""
    refused = set()
    for case in found:
        try:
            proof = Proof.decode(unhex(case["proof"]))
            proven = proof.verify(trusted)
        except DecodeError as error:
            assert case.get("refused") == "proof", f"{case['name']}: {error}"
            refused.add("proof")
        except ProofError as error:
            assert error.field == case.get("refused"), f"{case['name']}: {error}"
            refused.add(error.field)
        else:
            assert proof.encode().hex() == case["proof"]
            assert case.get("proven") == {
                "entry": entry_json(proven.entry),
                "digest": str(proven.digest),
                "account": str(proven.account),
                "id": str(proven.id),
                "height": proven.height,
                "time_ms": proven.time_ms,
                "epoch": proven.epoch,
                "view": proven.view,
            }
    return refused


@section("committees")
def test_committees() -> None:
    file = vectors()["committees"]
    assert set(file) == {"domain", "genesis", "committees", "entries", "header", "proofs"}, "all of it is used here"
    check_domain(file["domain"])
    trusted = check_genesis(file["genesis"])
    read = []
    for case in file["committees"]:
        committee = Committee.decode(unhex(case["cbor"]))
        assert (committee.number, [str(member) for member in committee.members]) == (case["number"], case["members"])
        assert committee.encode().hex() == case["cbor"]
        assert str(committee.digest()) == case["digest"]
        assert committee.namespace(trusted.network()) == case["namespace"].encode()
        read.append(committee)
    assert read[0] == trusted.committee()
    check_entries(file["entries"])
    header = BlockHeader.decode(unhex(file["header"]["header"]))
    assert header.committee == read[1].digest()
    assert (header.encode().hex(), str(header.digest())) == (file["header"]["header"], file["header"]["digest"])
    assert len(check_proofs(trusted, file["proofs"])) >= 9


@section("receipt_files")
def test_receipt_files() -> None:
    for case in cases("receipt_files"):
        try:
            file = ReceiptFile.parse(json.dumps(case["file"]))
            checked = file.check(genesis())
        except ProofError as error:
            assert error.field == case["refused"], f"{case['name']}: {error}"
        else:
            assert case["refused"] is None, case["name"]
            assert checked.call is not None
            made = ReceiptFile.make(file.evidence, encode_entry(checked.call))
            assert made.to_json() == case["file"], "made anew from the evidence, it is the same file"
            assert ReceiptFile.parse(made.to_text()).check(genesis()) == checked


@section("state_files")
def test_state_files() -> None:
    for case in cases("state_files"):
        try:
            file = StateFile.parse(json.dumps(case["file"]))
            proven = file.check(genesis())
        except ProofError as error:
            assert error.field == case["refused"], f"{case['name']}: {error}"
        else:
            assert case["refused"] is None, case["name"]
            assert (proven.value is None) == (case["file"]["value"] is None), case["name"]
            assert StateFile.is_one(json.dumps(case["file"]))
            made = StateFile.make(file.proof, genesis())
            assert made.to_json() == case["file"], "made anew from the evidence, it is the same file"
            assert StateFile.parse(made.to_text()).check(genesis()) == proven


@section("signatures")
def test_signatures() -> None:
    for case in cases("signatures"):
        account, data, message = AccountId.parse(case["account"]), unhex(case["signature"]), unhex(case["message"])
        assert zip215.verify(bytes(account), message, data) == case["good"], case["name"]
        if len(data) != Signature.LENGTH:
            # What has not the length of a signature is none, and is refused before anything is computed.
            assert not case["good"], case["name"]
            with pytest.raises(ParseError):
                Signature.parse(case["signature"])
        elif case["good"]:
            verify_raw(account, message, Signature(data))
        else:
            with pytest.raises(SignatureError):
                verify_raw(account, message, Signature(data))
