"""The codec: what it writes reads back, and no bytes make it do anything but refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.errors import DecodeError, Invalid
from moot.record import (
    AccountId,
    Batch,
    BatchHeader,
    BlockHeader,
    Bundle,
    BundleHeader,
    Call,
    CallKind,
    Committee,
    Deploy,
    Digest,
    EntryId,
    EventInput,
    Fee,
    Genesis,
    Handover,
    HttpRequestHead,
    HttpResponseHead,
    Keypair,
    Payload,
    Proof,
    Receipt,
    Retire,
    Role,
    Rollback,
    SealedBatch,
    Seat,
    SignedEntry,
    SocketAddress,
    Spec,
    Status,
    Together,
    Touch,
    TouchKind,
    Transfer,
    Value,
    decode_entry,
    encode_entry,
    pack_pages,
    parse_page,
)
from moot.record.cbor import Reader, Writer, head_len
from moot.record.grants import Directory, Grants
from moot.record.limits import MAX_ENTRY_BYTES, MAX_PAGE_BYTES
from moot.record.spec import Limits, Payloads, accounts
from tests.support.vectors import vectors

if TYPE_CHECKING:
    from moot.record import Entry
    from moot.record.item import Record

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
U16 = st.integers(0, 2**16 - 1)
DIGESTS = st.binary(min_size=32, max_size=32).map(Digest)
ACCOUNTS = st.binary(min_size=32, max_size=32).map(AccountId)
IDS = st.builds(EntryId, lane=U32, batch=U64, bundle=U16, page=U16, slot=U16)
NAMES = st.from_regex(r"[a-z](-?[a-z0-9]){0,20}", fullmatch=True)
LINES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
PAYLOADS = st.one_of(
    st.builds(Payload, DIGESTS, U64),
    st.binary(max_size=200).map(Payload.inlined),
)
CALLS = st.builds(
    lambda export, **fields: Call(kind=CallKind.EVENT if export is None else CallKind.TYPED, export=export, **fields),
    export=st.none() | st.from_regex(r"[!-~]{1,40}", fullmatch=True),
    function=NAMES,
    component=DIGESTS,
    spec=DIGESTS,
    caller=st.none() | ACCOUNTS,
    input=PAYLOADS,
    time_us=U64,
    fuel_limit=U64,
    idempotency=st.none() | DIGESTS,
    parent=st.none() | IDS,
)
TOUCHES = st.lists(
    st.builds(Touch, st.sampled_from(TouchKind), LINES, st.integers(1, 2**32 - 1)),
    max_size=8,
    unique_by=lambda touch: (touch.kind, touch.target),
).map(lambda touches: tuple(sorted(touches, key=lambda t: (t.kind.number, t.target))))
RECEIPTS = st.builds(
    Receipt,
    call=IDS,
    call_digest=DIGESTS,
    component=DIGESTS,
    status=st.sampled_from(Status),
    output=PAYLOADS,
    fuel=U64,
    metered=st.booleans(),
    fee=st.builds(Fee, U64, U64),
    touched=TOUCHES,
    time_us=U64,
    duration_us=U64,
)
SPECS = st.builds(
    Spec,
    route=st.from_regex(r"/[a-z0-9._~]*[a-z0-9]", fullmatch=True),
    access=st.none() | st.lists(ACCOUNTS, min_size=1, max_size=4).map(lambda some: accounts(*some)) | LINES,
    upgradable=st.booleans(),
    destructible=st.booleans(),
    idempotent=st.booleans(),
    payloads=st.just(Payloads.KEEP),
    retention_s=U64,
    grants=st.builds(
        Grants.of,
        http=st.none() | st.lists(LINES, max_size=4),
        env=st.dictionaries(LINES.filter(lambda name: "=" not in name), LINES, max_size=4),
        secrets=st.lists(LINES, max_size=4),
        key_value=st.lists(LINES, max_size=4),
        dirs=st.lists(
            st.builds(Directory, LINES, LINES.map(lambda at: "/" + at), st.booleans()),
            max_size=3,
            unique_by=lambda directory: directory.name,
        ),
        clock=st.booleans(),
        random=st.booleans(),
        ledger=st.booleans(),
    ),
    limits=st.builds(
        Limits,
        st.integers(1, 2**64 - 1),
        st.integers(1, 2**64 - 1),
        st.integers(1, 2**64 - 1),
        U64,
        U64,
        U64,
    ),
)
KEYS = st.binary(min_size=32, max_size=32).map(lambda seed: Keypair(seed).account)


def addresses(odd: int) -> st.SearchStrategy[SocketAddress | None]:
    """Addresses that others can reach, with an even or an odd port, or none."""
    ips = st.ip_addresses().filter(lambda ip: int(ip) != 0)
    ports = st.integers(1, 30_000).map(lambda half: 2 * half + odd)
    return st.none() | st.builds(SocketAddress, ips, ports)


TRANSACTIONS = st.one_of(
    st.builds(
        Deploy,
        name=NAMES,
        component=DIGESTS,
        component_bytes=st.integers(1, 64 << 20),
        spec=SPECS.map(Spec.encode),
        previous=st.none() | U32,
    ),
    st.builds(Rollback, NAMES, U32),
    st.builds(Retire, NAMES),
    st.builds(Transfer, KEYS, st.integers(1, 2**64 - 1)),
    st.builds(Together, st.integers(2, 1024)),
    st.builds(Seat, KEYS, st.sampled_from(Role), addresses(0), addresses(1)),
)
VALUES = st.builds(Value, st.from_regex(r"(/[A-Za-z0-9_~-]{1,20}){1,5}", fullmatch=True), PAYLOADS)
ENTRIES = CALLS | RECEIPTS | TRANSACTIONS | VALUES
RECORDS: list[type[Record]] = [
    Batch,
    BatchHeader,
    BlockHeader,
    Bundle,
    BundleHeader,
    Committee,
    EntryId,
    Genesis,
    Handover,
    Proof,
    SealedBatch,
    SignedEntry,
    Spec,
]


@given(ENTRIES)
def test_entries_read_back(entry: Entry) -> None:
    encoded = encode_entry(entry)
    if len(encoded) <= MAX_ENTRY_BYTES:
        assert decode_entry(encoded) == entry


@given(SPECS)
def test_specs_read_back(spec: Spec) -> None:
    assert Spec.decode(spec.encode()) == spec


@given(U64)
def test_integers_have_one_form(value: int) -> None:
    w = Writer()
    w.uint(value)
    encoded = w.done()
    assert len(encoded) == head_len(value)
    r = Reader(encoded)
    assert r.uint() == value
    r.end()
    for short, width in [(24, 1), (25, 2), (26, 4), (27, 8)]:
        if value < 1 << 8 * width:
            longer = bytes([short]) + value.to_bytes(width, "big")
            if longer != encoded:
                with pytest.raises(DecodeError, match="shortest form"):
                    Reader(longer).uint()


@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_read_or_refuse(data: bytes) -> None:
    for kind in RECORDS:
        try:
            record = kind.decode(data)
        except DecodeError:
            continue
        assert record.encode() == data, "what is read has one encoding"
    try:
        assert encode_entry(decode_entry(data)) == data
    except DecodeError:
        pass
    for head in (HttpRequestHead, HttpResponseHead, EventInput):
        try:
            found, body = head.split(data)
        except DecodeError:
            continue
        assert found.with_body(body) == data


CHANGES = vectors()["committees"]
EXAMPLES: list[tuple[type[Record], bytes]] = [
    *((Proof, bytes.fromhex(case["proof"])) for case in vectors()["proofs"][:3]),
    *((Spec, bytes.fromhex(case["cbor"])) for case in vectors()["specs"]),
    *((Bundle, bytes.fromhex(case["encoded"])) for case in vectors()["bundles"]["bundles"]),
    (SealedBatch, bytes.fromhex(vectors()["sealed_batches"][0]["sealed"])),
    (Genesis, bytes.fromhex(vectors()["genesis"][0]["cbor"])),
    (Genesis, bytes.fromhex(CHANGES["genesis"]["cbor"])),
    (Committee, bytes.fromhex(CHANGES["committees"][1]["cbor"])),
    (BlockHeader, bytes.fromhex(CHANGES["header"]["header"])),
    *((Proof, bytes.fromhex(case["proof"])) for case in CHANGES["proofs"][:3]),
]


@given(st.sampled_from(EXAMPLES), st.data())
def test_changed_bytes_read_as_themselves_or_not_at_all(
    example: tuple[type[Record], bytes], data: st.DataObject
) -> None:
    kind, good = example
    assert kind.decode(good).encode() == good
    at = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[at] ^= data.draw(st.integers(1, 255))
    for bad in (bytes(changed), good[:at], good + bytes([at % 256])):
        try:
            read = kind.decode(bad)
        except DecodeError:
            continue
        assert read.encode() == bad


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "truncated at byte 0: 1 more bytes are announced, 0 are left"),
        ("5b7fffffffffffffff", "has length 9223372036854775807; at most 100 is allowed"),
        ("5863" + "00" * 98, "truncated at byte 2: 99 more bytes are announced, 98 are left"),
        ("5f", "indefinite or reserved length at byte 0"),
        ("5c", "indefinite or reserved length at byte 0"),
        ("6161", "byte 0 starts text; the format has a byte string here"),
        ("a0", "byte 0 starts a map"),
        ("f6", "byte 0 starts null"),
        ("f97e00", "byte 0 starts a float or another simple value"),
        ("4100ff", "1 bytes follow the end of the record at byte 2"),
    ],
)
def test_refusals_say_where_and_what_would_be_right(data: str, why: str) -> None:
    r = Reader(bytes.fromhex(data))
    with pytest.raises(DecodeError) as refused:
        r.byte_string(100)
        r.end()
    assert why in str(refused.value)


def test_bounds_are_exact() -> None:
    assert Reader(b"\x42ab").byte_string(2) == b"ab"
    assert Reader(b"\x62ab").text(2) == "ab"
    assert Reader(b"\x82\x00\x00").list(2) == 2
    for data, read in ((b"\x43abc", "byte_string"), (b"\x63abc", "text"), (b"\x83\x00\x00\x00", "list")):
        with pytest.raises(DecodeError, match="has length 3; at most 2 is allowed"):
            getattr(Reader(data), read)(2)


def test_a_length_bomb_costs_nothing() -> None:
    # An array of four thousand million items in five bytes.
    with pytest.raises(DecodeError, match="4294967295 items are announced"):
        Reader(bytes.fromhex("9affffffff")).list(1 << 62)
    with pytest.raises(DecodeError, match="has length 2; the format has 3 here"):
        Reader(bytes.fromhex("8200")).array(3)
    with pytest.raises(DecodeError, match="does not fit 16 bits"):
        Reader(bytes.fromhex("1a00010000")).small(16)


@pytest.mark.parametrize("value", [-1, 2**64])
def test_what_cannot_be_written_is_refused(value: int) -> None:
    with pytest.raises(Invalid):
        Writer().uint(value)
    with pytest.raises(Invalid, match="lone surrogate"):
        Writer().text("\ud800")


@given(st.lists(st.binary(min_size=1, max_size=6000), min_size=1, max_size=60))
def test_pages_hold_every_entry_in_order(entries: list[bytes]) -> None:
    pages = pack_pages(entries)
    assert all(len(page) <= MAX_PAGE_BYTES for page in pages)
    assert [entry for page in pages for entry in parse_page(page)] == entries


def test_only_pages_parse() -> None:
    # No entry; an empty entry; text; trailing; truncated; length bombs; too long.
    for bad in ["80", "8140", "816161", "814101ff", "8142", "9affffffff", "5b7fffffffffffffff", "", "00" * 16385]:
        with pytest.raises(DecodeError):
            parse_page(bytes.fromhex(bad))
    for length in (0, MAX_ENTRY_BYTES + 1):
        with pytest.raises(Invalid, match="an entry has 1 to"):
            pack_pages([bytes(length)])
