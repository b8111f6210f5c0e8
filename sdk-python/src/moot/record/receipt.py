"""A receipt: a worker's statement of what came of a call."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, shown
from moot.record.address import EntryId
from moot.record.fixed import Digest
from moot.record.item import Item
from moot.record.limits import MAX_TOUCH_TARGET_BYTES, MAX_TOUCHED_BYTES, MAX_TOUCHES, MAX_U64
from moot.record.payload import Payload
from moot.record.text import Numbered, exact, has_control

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.prices import Prices


class Status(Numbered):
    """Status: how a call ended."""

    OK = 0, "ok"
    FAILED = 1, "failed"
    TRAPPED = 2, "trapped"
    OUT_OF_FUEL = 3, "out-of-fuel"
    DEADLINE = 4, "deadline"
    LIMIT_EXCEEDED = 5, "limit-exceeded"
    DENIED = 6, "denied"
    INTERRUPTED = 7, "interrupted"
    UNAVAILABLE = 8, "unavailable"


class TouchKind(Numbered):
    """Kind of touch."""

    HTTP = 0, "http"
    KEY_VALUE = 1, "key-value"
    DIRECTORY = 2, "directory"
    FUNCTION = 3, "function"
    VALUE = 4, "value"
    CLOCK = 5, "clock"
    RANDOM = 6, "random"


@dataclass(frozen=True, slots=True)
class Touch(Item):
    """One thing outside its sandbox that a call touched: a host, a store, a directory, and how often."""

    kind: TouchKind
    target: str
    count: int

    def __post_init__(self) -> None:
        length = len(self.target.encode("utf-8", "surrogatepass"))
        if has_control(self.target) or not 1 <= length <= MAX_TOUCH_TARGET_BYTES:
            why = f"is not 1 to {MAX_TOUCH_TARGET_BYTES} bytes of text without control characters"
            raise Invalid("receipt.touched.target", f"{shown(self.target)} {why}")
        if self.count == 0:
            raise Invalid("receipt.touched.count", "0; what was not touched is not listed")

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"kind": self.kind.text, "target": self.target, "count": self.count}

    def write(self, w: Writer) -> None:
        """Appends `[kind, target, count]`."""
        w.array(3)
        self.kind.write(w)
        w.text(self.target)
        w.uint(self.count, 32)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads `[kind, target, count]`."""
        r.array(3)
        return cls(TouchKind.read(r), r.text(MAX_TOUCH_TARGET_BYTES), r.small(32))


@dataclass(frozen=True, slots=True)
class Fee(Item):
    """What a call costs, in the network's smallest unit."""

    ordering: int
    execution: int

    @classmethod
    def of(cls, prices: Prices, length: int, fuel: int) -> Self:
        """The fee for so many bytes of ordered entries and so much fuel. What does not fit 64 bits is 2^64-1."""
        execution = -(-fuel * prices.per_mega_fuel // 1_000_000)
        return cls(min(length * prices.per_byte, MAX_U64), min(execution, MAX_U64))

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"ordering": exact(self.ordering), "execution": exact(self.execution)}

    def write(self, w: Writer) -> None:
        """Appends `[ordering, execution]`."""
        w.array(2)
        w.uint(self.ordering)
        w.uint(self.execution)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads `[ordering, execution]`."""
        r.array(2)
        return cls(r.uint(), r.uint())


@dataclass(frozen=True, slots=True)
class Receipt(Item):
    """What came of a call, as the worker says. Whose word it is, the bundle's signature says.

    Attributes:
        call: the call's address.
        call_digest: the digest of the call's entry: binds this receipt to what was asked.
        metered: whether fuel was counted at all.
        touched: what it touched outside, sorted, each once.
        time_us: when it ended, microseconds since 1970 by the worker's clock.
        duration_us: how long it ran.
    """

    call: EntryId
    call_digest: Digest
    component: Digest
    status: Status
    output: Payload
    fuel: int
    metered: bool
    fee: Fee
    touched: tuple[Touch, ...]
    time_us: int
    duration_us: int

    FIELDS = 11

    def __post_init__(self) -> None:
        touched = self.touched
        if len(touched) > MAX_TOUCHES:
            raise Invalid("receipt.touched", f"{len(touched)} touches; at most {MAX_TOUCHES}")
        length = sum(len(touch.target.encode()) for touch in touched)
        if length > MAX_TOUCHED_BYTES:
            raise Invalid("receipt.touched", f"{length} bytes of targets; at most {MAX_TOUCHED_BYTES}")
        keys = [(touch.kind.number, touch.target.encode()) for touch in touched]
        if any(a >= b for a, b in pairwise(keys)):
            raise Invalid("receipt.touched", "not sorted by kind and target, each once")

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "call": str(self.call),
            "call_digest": str(self.call_digest),
            "component": str(self.component),
            "status": self.status.text,
            "output": self.output.to_json(),
            "fuel": exact(self.fuel),
            "metered": self.metered,
            "fee": self.fee.to_json(),
            "touched": [touch.to_json() for touch in self.touched],
            "time_us": exact(self.time_us),
            "duration_us": exact(self.duration_us),
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        self.call.write(w)
        self.call_digest.write(w)
        self.component.write(w)
        self.status.write(w)
        self.output.write(w)
        w.uint(self.fuel)
        w.boolean(self.metered)
        self.fee.write(w)
        w.array(len(self.touched))
        for touch in self.touched:
            touch.write(w)
        w.uint(self.time_us)
        w.uint(self.duration_us)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        return cls(
            call=EntryId.read(r),
            call_digest=Digest.read(r),
            component=Digest.read(r),
            status=Status.read(r),
            output=Payload.read(r),
            fuel=r.uint(),
            metered=r.boolean(),
            fee=Fee.read(r),
            touched=tuple(Touch.read(r) for _ in range(r.list(MAX_TOUCHES))),
            time_us=r.uint(),
            duration_us=r.uint(),
        )
