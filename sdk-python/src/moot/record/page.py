"""Pages: entries packed together, the leaves of a bundle's tree.

A page is one CBOR array of byte strings and an entry is never split. A verifier parses the whole page, so bytes inside
an entry's payload that look like an entry cannot pass for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moot.errors import Invalid
from moot.record import hash as domains
from moot.record.cbor import Reader, Writer, head_len, too_long
from moot.record.limits import MAX_BUNDLE_PAGES, MAX_ENTRY_BYTES, MAX_PAGE_BYTES, PAGE_PADDING_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moot.record.fixed import Digest


def page_digest(page: bytes) -> Digest:
    """A page's digest: a leaf of its bundle's tree.

    Raises:
        DecodeError: when it is longer than a page may be.
    """
    if len(page) > MAX_PAGE_BYTES:
        raise too_long("the page", 0, len(page), MAX_PAGE_BYTES)
    return domains.PAGE.hash(page + bytes(-len(page) % PAGE_PADDING_BYTES))


def parse_page(page: bytes) -> list[bytes]:
    """The encoded entries of a page, at least one.

    Raises:
        DecodeError: when these bytes are no page.
    """
    if len(page) > MAX_PAGE_BYTES:
        raise too_long("the page", 0, len(page), MAX_PAGE_BYTES)
    r = Reader(page)
    entries = [r.byte_string(MAX_ENTRY_BYTES) for _ in range(r.list(MAX_PAGE_BYTES))]
    r.end()
    if not all(entries):
        raise Invalid("page", "an entry has no bytes")
    if not entries:
        raise Invalid("page", "a page has at least one entry")
    return entries


def pack_pages(entries: Iterable[bytes]) -> list[bytes]:
    """Packs encoded entries into pages, in order, each as full as it gets.

    Raises:
        Invalid: when an entry has an impossible size, or they need more pages than a bundle has.
    """
    pages: list[list[bytes]] = []
    room = 0
    for entry in entries:
        if not 1 <= len(entry) <= MAX_ENTRY_BYTES:
            raise Invalid("entry", f"{len(entry)} bytes; an entry has 1 to {MAX_ENTRY_BYTES}")
        cost = head_len(len(entry)) + len(entry)
        # The array's own head grows with the number of entries: three bytes are enough for every page.
        grown = head_len(len(pages[-1]) + 1) - head_len(len(pages[-1])) if pages else 0
        if not pages or cost + grown > room:
            pages.append([])
            room = MAX_PAGE_BYTES - head_len(1)
            grown = 0
        pages[-1].append(entry)
        room -= cost + grown
    if len(pages) > MAX_BUNDLE_PAGES:
        raise Invalid("bundle.pages", f"{len(pages)}; a bundle has 1 to {MAX_BUNDLE_PAGES} pages")
    return [_page(entries) for entries in pages]


def _page(entries: list[bytes]) -> bytes:
    w = Writer()
    w.array(len(entries))
    for entry in entries:
        w.byte_string(entry)
    return w.done()
