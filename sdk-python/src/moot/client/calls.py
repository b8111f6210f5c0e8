"""Calls, receipts, blocks and the node itself, as the API tells them: not evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.client.fields import Fields
from moot.record.receipt import Fee, Status, Touch, TouchKind

if TYPE_CHECKING:
    from moot.record.address import EntryId
    from moot.record.fixed import AccountId, Digest
    from moot.record.payload import Payload


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What the node says about itself.

    Attributes:
        lane: its place among the replicas; None without a seat.
        votes: whether it votes in the present epoch.
        follows: why it does not both vote and take calls, when it does not: it follows, joins or leaves.
        epoch: of the next block; None where the committee never changes.
        condition: `running`, `read-only`, `closing` or `stopped`.
        everything: the whole answer, for what has no field here.
    """

    version: str
    network_name: str
    network: Digest
    account: AccountId
    lane: int | None
    votes: bool
    follows: str | None
    epoch: int | None
    height: int
    time_ms: int
    condition: str
    everything: dict[str, Any]

    @classmethod
    def read(cls, f: Fields) -> NodeStatus:
        """Reads it."""
        return cls(
            version=f.text("version"),
            network_name=f.text("network_name"),
            network=f.digest("network"),
            account=f.account("account"),
            lane=f.optional("lane", f.number),
            # A node from before committees could change says nothing of this.
            votes=f.optional("votes", f.flag) or False,
            follows=f.optional("follows", f.text),
            epoch=f.optional("epoch", f.number),
            height=f.number("height"),
            time_ms=f.number("time_ms"),
            condition=f.text("condition"),
            everything=f.raw(),
        )


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of the list of calls.

    Status, fuel and duration are of its receipt: None while it runs, and of a call that is only recorded.
    """

    id: EntryId
    function: str
    kind: str
    time_us: int
    status: Status | None
    fuel: int | None
    duration_us: int | None

    @classmethod
    def read(cls, f: Fields) -> CallSummary:
        """Reads it."""
        return cls(
            id=f.id("id"),
            function=f.text("function"),
            kind=f.text("kind"),
            time_us=f.number("time_us"),
            status=f.optional("status", lambda name: f.parsed(name, Status.parse)),
            fuel=f.optional("fuel", f.number),
            duration_us=f.optional("duration_us", f.number),
        )


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A receipt, as the node tells it: not evidence.

    Attributes:
        id: where the receipt itself stands on the ledger.
        worker: who ran the call, and signed.
    """

    id: EntryId
    worker: AccountId
    status: Status
    output: Payload
    fuel: int
    metered: bool
    fee: Fee
    touched: tuple[Touch, ...]
    time_us: int
    duration_us: int

    @classmethod
    def read(cls, f: Fields) -> ReceiptView:
        """Reads it."""
        fee = f.inner("fee")
        touched = [Fields(item) for item in f.items("touched")]
        return cls(
            id=f.id("id"),
            worker=f.account("worker"),
            status=f.parsed("status", Status.parse),
            output=f.payload("output"),
            fuel=f.number("fuel"),
            metered=f.flag("metered"),
            fee=Fee(fee.number("ordering"), fee.number("execution")),
            touched=tuple(
                Touch(touch.parsed("kind", TouchKind.parse), touch.text("target"), touch.number("count"))
                for touch in touched
            ),
            time_us=f.number("time_us"),
            duration_us=f.number("duration_us"),
        )


@dataclass(frozen=True, slots=True)
class OtherReceiptView:
    """What another worker said of a call.

    Attributes:
        id: where its receipt stands on the ledger.
        agrees: whether it says the same of the function as the first receipt; None when one of them says nothing of it.
    """

    id: EntryId
    worker: AccountId
    status: Status
    agrees: bool | None

    @classmethod
    def read(cls, f: Fields) -> OtherReceiptView:
        """Reads it."""
        return cls(
            id=f.id("id"),
            worker=f.account("worker"),
            status=f.parsed("status", Status.parse),
            agrees=f.optional("agrees", f.flag),
        )


@dataclass(frozen=True, slots=True)
class CallView:
    """A call, as the node tells it: not evidence.

    Attributes:
        height: of the block that ordered it, once there is one.
        receipt: what became of it; None while it runs, and of a call that is only recorded.
        disputed: of a call whose workers contradict each other: that nobody is believed.
        others: of a call that several workers run: what the others said, beside `receipt`.
    """

    id: EntryId
    function: str
    component: Digest
    spec: Digest
    kind: str
    export: str | None
    caller: AccountId | None
    parent: EntryId | None
    input: Payload
    time_us: int
    fuel_limit: int
    height: int | None
    receipt: ReceiptView | None
    disputed: str | None
    others: tuple[OtherReceiptView, ...]

    @classmethod
    def read(cls, f: Fields) -> CallView:
        """Reads it."""
        return cls(
            id=f.id("id"),
            function=f.text("function"),
            component=f.digest("component"),
            spec=f.digest("spec"),
            kind=f.text("kind"),
            export=f.optional("export", f.text),
            caller=f.optional("caller", f.account),
            parent=f.optional("parent", f.id),
            input=f.payload("input"),
            time_us=f.number("time_us"),
            fuel_limit=f.number("fuel_limit"),
            height=f.optional("height", f.number),
            receipt=f.optional("receipt", lambda name: ReceiptView.read(f.inner(name))),
            disputed=f.optional("disputed", f.text),
            others=tuple(OtherReceiptView.read(Fields(item)) for item in f.optional("others", f.items) or ()),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """A block: what the certificate signs, and the batches that it orders."""

    height: int
    digest: Digest
    parent: Digest
    time_ms: int
    state: Digest
    batches: tuple[Digest, ...]

    @classmethod
    def read(cls, f: Fields) -> Block:
        """Reads it."""
        batches = [Fields({"digest": item}).digest("digest") for item in f.items("batches")]
        return cls(
            height=f.number("height"),
            digest=f.digest("digest"),
            parent=f.digest("parent"),
            time_ms=f.number("time_ms"),
            state=f.digest("state"),
            batches=tuple(batches),
        )
