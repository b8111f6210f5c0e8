"""Server-sent events, in whatever pieces they come."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.client.errors import Foreign, TooLarge
from moot.client.events import (
    BlockApplied,
    EventParser,
    FunctionChanged,
    LogLine,
    Missed,
    OtherEvent,
    ReceiptMade,
    ServerEvent,
    log_event,
    node_event,
)
from moot.record import Digest, EntryId

STREAM = b'event: log\ndata: {"a":1}\n\n: still here\n\ndata: one\r\ndata:two\nid: 7\nretry: 5\nodd\n\nevent: empty\n\n'
EVENTS = [ServerEvent("log", '{"a":1}'), ServerEvent("message", "one\ntwo", "7")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    parser = EventParser()
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(places)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_no_bytes_do_anything_but_make_events(pieces: list[bytes]) -> None:
    parser = EventParser()
    for piece in pieces:
        for event in parser.feed(piece):
            try:
                node_event(event)
                log_event(event)
            except Foreign:
                pass


def test_a_comment_is_no_event() -> None:
    assert list(EventParser().feed(b": still here\n\n")) == []


def test_an_event_has_a_bound() -> None:
    for piece in (b"x" * 70_000, b"data: " + b"x" * 70_000 + b"\n"):
        parser = EventParser()
        with pytest.raises(TooLarge, match="larger than 1048576 bytes"):
            for _ in range(20):
                list(parser.feed(piece))


def test_what_a_node_tells() -> None:
    def told(name: str, data: str) -> object:
        return node_event(ServerEvent(name, data))

    digest = "ab" * 32
    block = f'{{"type":"block","height":9,"digest":"{digest}","batches":2}}'
    assert told("block", block) == BlockApplied(9, Digest.parse(digest), 2)
    receipt = '{"type":"receipt","call":"0-1-0-0-0","receipt":"0-1-0-1-0","status":"ok","fuel":5}'
    first, second = EntryId.parse("0-1-0-0-0"), EntryId.parse("0-1-0-1-0")
    assert told("receipt", receipt) == ReceiptMade(first, second, "ok", 5)
    assert told("function", '{"name":"hello"}') == FunctionChanged("hello")
    assert told("missed", '{"events":3}') == Missed(3)
    assert told("epoch", '{"number":1}') == OtherEvent("epoch", {"number": 1})
    line = '{"time_us":1,"call":"0-1-0-0-0","level":"info","message":"hi"}'
    assert log_event(ServerEvent("log", line)) == LogLine(1, "0-1-0-0-0", "info", "", "hi")
    assert log_event(ServerEvent("missed", '{"events":3}')) == Missed(3)
    for bad in ("{", "[]", '{"name":5}', "[" * 100_000):
        with pytest.raises(Foreign):
            told("function", bad)
