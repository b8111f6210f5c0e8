"""A bundle: pages of entries from one account under one signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import DecodeError, Invalid
from moot.record import hash as domains
from moot.record import merkle
from moot.record.entry import decode_entry
from moot.record.fixed import AccountId, Digest, Signature
from moot.record.item import Record, read_nested, write_nested
from moot.record.key import verify
from moot.record.limits import (
    MAX_BUNDLE_BYTES,
    MAX_BUNDLE_HEADER_BYTES,
    MAX_BUNDLE_PAGES,
    MAX_PAGE_BYTES,
)
from moot.record.page import page_digest, parse_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.key import Keypair


@dataclass(frozen=True, slots=True)
class BundleHeader(Record):
    """What an account signs: `[network, account, valid_until, pages, root]`.

    Attributes:
        valid_until: the last height at which it may be ordered.
    """

    network: Digest
    account: AccountId
    valid_until: int
    pages: int
    root: Digest

    MAX_BYTES = MAX_BUNDLE_HEADER_BYTES

    def __post_init__(self) -> None:
        if not 1 <= self.pages <= MAX_BUNDLE_PAGES:
            raise Invalid("bundle.pages", f"{self.pages}; a bundle has 1 to {MAX_BUNDLE_PAGES} pages")

    def id(self) -> Digest:
        """What replay protection remembers."""
        return domains.BUNDLE_ID.hash(self.encode())

    def digest(self, signature: Signature) -> Digest:
        """The bundle's digest: a leaf of its batch's tree."""
        return domains.BUNDLE.hash(self.encode() + bytes(signature))

    def verify(self, signature: Signature) -> None:
        """Checks that the signature is its account's.

        Raises:
            SignatureError: when it is not.
        """
        verify(self.account, domains.BUNDLE, self.encode(), signature)

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(5)
        self.network.write(w)
        self.account.write(w)
        w.uint(self.valid_until)
        w.uint(self.pages)
        self.root.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(5)
        return cls(Digest.read(r), AccountId.read(r), r.uint(), r.small(32), Digest.read(r))


@dataclass(frozen=True, slots=True)
class Bundle(Record):
    """Pages under one signature: `[bytes header, bytes signature, [bytes page, ...]]`."""

    header: BundleHeader
    signature: Signature
    pages: tuple[bytes, ...]

    MAX_BYTES = MAX_BUNDLE_BYTES

    def __post_init__(self) -> None:
        if len(self.pages) != self.header.pages:
            why = f"the header announces {self.header.pages} pages, {len(self.pages)} follow"
            raise Invalid("bundle.pages", why)

    @classmethod
    def sign(cls, key: Keypair, network: Digest, valid_until: int, pages: Sequence[bytes]) -> Self:
        """Signs pages for a network, to be ordered at `valid_until` at the latest.

        Raises:
            DecodeError: when there are too many of them, or one is too long.
        """
        root = merkle.root([page_digest(page) for page in pages])
        header = BundleHeader(network, key.account, valid_until, len(pages), root)
        return cls(header, key.sign(domains.BUNDLE, header.encode()), tuple(pages))

    def digest(self) -> Digest:
        """A leaf of its batch's tree."""
        return self.header.digest(self.signature)

    def check_pages(self) -> None:
        """Checks that the pages are pages, and those that the header names.

        Raises:
            DecodeError: names the page that is none, or says that the root differs.
        """
        leaves = []
        for number, page in enumerate(self.pages):
            try:
                parse_page(page)
                leaves.append(page_digest(page))
            except DecodeError as error:
                raise DecodeError(f"page {number}: {error}") from None
        found = merkle.root(leaves)
        if found != self.header.root:
            raise DecodeError(f"the pages hash to {found}, the header says {self.header.root}")

    def verify(self) -> None:
        """Checks everything: pages, entries, signature.

        Raises:
            DecodeError: when something in it is malformed or does not fit.
            SignatureError: when the account did not sign it.
        """
        self.check_pages()
        for number, page in enumerate(self.pages):
            for slot, entry in enumerate(parse_page(page)):
                try:
                    decode_entry(entry)
                except DecodeError as error:
                    raise DecodeError(f"entry {slot} of page {number}: {error}") from None
        self.header.verify(self.signature)

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        write_nested(w, self.header)
        self.signature.write(w)
        w.array(len(self.pages))
        for page in self.pages:
            w.byte_string(page)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(3)
        header = read_nested(r, BundleHeader, MAX_BUNDLE_HEADER_BYTES)
        signature = Signature.read(r)
        pages = tuple(r.byte_string(MAX_PAGE_BYTES) for _ in range(r.list(MAX_BUNDLE_PAGES)))
        return cls(header, signature, pages)
