"""A call: what a function was asked, by whom, when, under which version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, shown
from moot.record.address import EntryId, check_name, read_name, write_name
from moot.record.cbor import unknown_number
from moot.record.fixed import AccountId, Digest
from moot.record.item import Item
from moot.record.limits import MAX_EXPORT_NAME_BYTES
from moot.record.payload import Payload
from moot.record.text import Numbered, exact

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

_EXPORT = re.compile(r"[!-~]+", re.ASCII)


class CallKind(Numbered):
    """Kind of call."""

    HTTP = 0, "http"
    EVENT = 1, "event"
    TYPED = 2, "typed"


@dataclass(frozen=True, slots=True)
class Call(Item):
    """A call. Its id is the address of its entry.

    Attributes:
        export: `name`, or `interface#name`, of a typed call and of no other.
        caller: who called, when they proved it.
        time_us: when the gateway took it, microseconds since 1970 by its own clock.
        idempotency: the digest of an idempotency key, when the client sent one.
        parent: the call that made this call, when a function did.
    """

    function: str
    component: Digest
    spec: Digest
    kind: CallKind
    export: str | None
    caller: AccountId | None
    input: Payload
    time_us: int
    fuel_limit: int
    idempotency: Digest | None
    parent: EntryId | None

    FIELDS = 11

    def __post_init__(self) -> None:
        check_name(self.function)
        if (self.kind is CallKind.TYPED) != (self.export is not None):
            raise Invalid("call.kind.export", "a typed call, and no other, names an export")
        export = self.export
        if export is not None and (not _EXPORT.fullmatch(export) or len(export) > MAX_EXPORT_NAME_BYTES):
            why = f"{shown(export)} is not 1 to {MAX_EXPORT_NAME_BYTES} printable ASCII characters"
            raise Invalid("call.kind.export", why)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        kind = self.kind.text if self.export is None else {"typed": {"export": self.export}}
        return {
            "function": self.function,
            "component": str(self.component),
            "spec": str(self.spec),
            "kind": kind,
            "caller": None if self.caller is None else str(self.caller),
            "input": self.input.to_json(),
            "time_us": exact(self.time_us),
            "fuel_limit": exact(self.fuel_limit),
            "idempotency": None if self.idempotency is None else str(self.idempotency),
            "parent": None if self.parent is None else str(self.parent),
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        write_name(w, self.function)
        self.component.write(w)
        self.spec.write(w)
        self.kind.write(w)
        w.optional(self.export, w.text)
        w.optional(self.caller, lambda caller: caller.write(w))
        self.input.write(w)
        w.uint(self.time_us)
        w.uint(self.fuel_limit)
        w.optional(self.idempotency, lambda key: key.write(w))
        w.optional(self.parent, lambda parent: parent.write(w))

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        function, component, spec = read_name(r), Digest.read(r), Digest.read(r)
        at = r.position
        number = r.uint()
        export = r.optional(lambda: r.text(MAX_EXPORT_NAME_BYTES))
        kind = next((kind for kind in CallKind if kind.number == number), None)
        if kind is None:
            raise unknown_number("kind of call", at, number)
        return cls(
            function=function,
            component=component,
            spec=spec,
            kind=kind,
            export=export,
            caller=r.optional(lambda: AccountId.read(r)),
            input=Payload.read(r),
            time_us=r.uint(),
            fuel_limit=r.uint(),
            idempotency=r.optional(lambda: Digest.read(r)),
            parent=r.optional(lambda: EntryId.read(r)),
        )
