"""An invoice, computed anew from the receipts of some blocks.

```text
receipts (bytes, fuel) and prices ──node──► parts ──► fee of each, anew ──► sums by function and payer
                                                          └── held against the fee that the receipt states
```

What a receipt costs follows from the prices at its block, the bytes of both entries and the fuel. Nothing is taken from
what the node has charged; what an account did not have was not charged, and its statement says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moot.client.errors import Foreign
from moot.client.fields import Fields
from moot.errors import ParseError
from moot.record.prices import Prices
from moot.record.receipt import Fee
from moot.record.strict_json import JsonError

if TYPE_CHECKING:
    from moot.record.address import EntryId
    from moot.record.fixed import AccountId

USUAL_BILL_BLOCKS = 3600
"""Blocks that a bill is of when nobody says where it begins: an hour of an idle network."""

MAX_DIFFERING = 20
"""Calls that are named because their receipts state another fee: the others are counted."""


@dataclass(frozen=True, slots=True)
class BilledCall:
    """A receipt with what decides what it costs.

    Attributes:
        height: of the receipt's block.
        receipt: the receipt's entry.
        payer: who pays.
        worker: who signed the receipt.
        length: bytes of the call's entry and of the receipt's.
        paid_length: of these those that were paid for with the bundle that a client signed.
        fuel: fuel that is charged.
        stated: the fee that the receipt states.
    """

    height: int
    call: EntryId
    receipt: EntryId
    function: str
    payer: AccountId | None
    worker: AccountId
    length: int
    paid_length: int
    fuel: int
    stated: Fee

    @classmethod
    def read(cls, f: Fields) -> BilledCall:
        """Reads it."""
        return cls(
            height=f.number("height"),
            call=f.id("call"),
            receipt=f.id("receipt"),
            function=f.text("function"),
            payer=f.optional("payer", f.account),
            worker=f.account("worker"),
            length=f.number("bytes"),
            paid_length=f.number("paid_bytes"),
            fuel=f.number("fuel"),
            stated=Fee(f.units("stated_ordering"), f.units("stated_execution")),
        )


@dataclass(frozen=True, slots=True)
class BillPart:
    """A part of a bill: receipts in the order of the blocks, prices by the first height that they are for.

    Attributes:
        next: where the next part begins: a height, and the place of a batch in its block.
    """

    calls: tuple[BilledCall, ...]
    prices: tuple[tuple[int, Prices], ...]
    next: tuple[int, int] | None

    @classmethod
    def read(cls, f: Fields) -> BillPart:
        """Reads it."""
        prices = [Fields(item) for item in f.items("prices")]
        return cls(
            calls=tuple(BilledCall.read(Fields(item)) for item in f.items("calls")),
            prices=tuple((each.number("height"), read_prices(each, "prices")) for each in prices),
            next=f.optional("next", lambda name: f.parsed(name, _read_place)),
        )

    def prices_at(self, height: int) -> Prices:
        """The prices of a height."""
        known = [prices for first, prices in self.prices if first <= height]
        if not known:
            raise Foreign(f"the node's bill has a receipt of block {height}, and no prices for it")
        return known[-1]


@dataclass(slots=True)
class Sum:
    """What calls of a function come to, of one payer.

    Attributes:
        length: bytes of the calls' entries and the receipts'.
        ordering: for the bytes, without what was paid for with clients' bundles.
        execution: for the fuel.
        differing: receipts that state another fee.
    """

    calls: int = 0
    length: int = 0
    fuel: int = 0
    ordering: int = 0
    execution: int = 0
    differing: int = 0

    @property
    def units(self) -> int:
        """All of it."""
        return self.ordering + self.execution


@dataclass(slots=True)
class Invoice:
    """What the receipts of some blocks come to.

    Attributes:
        first: the first height.
        last: the last one.
        account: only what this account pays for; None: what anybody does.
        sums: by function and payer.
        differing: calls whose receipts state another fee than prices, bytes and fuel give: the first few.
    """

    first: int
    last: int
    account: AccountId | None = None
    sums: dict[tuple[str, AccountId | None], Sum] = field(default_factory=dict)
    differing: list[EntryId] = field(default_factory=list)

    @property
    def units(self) -> int:
        """All of it."""
        return sum(each.units for each in self.sums.values())

    def add(self, part: BillPart) -> None:
        """Adds the receipts of a part."""
        for call in part.calls:
            prices = part.prices_at(call.height)
            whole, paid = Fee.of(prices, call.length, call.fuel), Fee.of(prices, call.paid_length, 0)
            total = self.sums.setdefault((call.function, call.payer), Sum())
            total.calls += 1
            total.length += call.length
            total.fuel += call.fuel
            total.ordering += max(0, whole.ordering - paid.ordering)
            total.execution += whole.execution
            if whole != call.stated:
                total.differing += 1
                if len(self.differing) < MAX_DIFFERING:
                    self.differing.append(call.call)


def _read_place(text: str) -> tuple[int, int]:
    parts = text.split("-")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 20 for part in parts):
        raise ParseError(text, "where a bill goes on", "it is a height and the place of a batch, as in 7-3")
    return (int(parts[0]), int(parts[1]))


def read_prices(f: Fields, name: str) -> Prices:
    """A field with prices."""
    value: dict[str, Any] = f.inner(name).raw()
    try:
        return Prices.of_json(value)
    except (JsonError, ParseError) as error:
        raise Foreign(f"the node's answer: {name}: {error}") from None
