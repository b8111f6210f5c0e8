"""What the `/_moot/` API answers, as types. Fields that a later version adds are left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from moot.client.errors import Foreign
from moot.errors import ParseError
from moot.record.address import EntryId
from moot.record.fixed import AccountId, Digest
from moot.record.payload import Payload
from moot.record.receipt import Fee, Status, Touch, TouchKind
from moot.record.spec import FunctionKind

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Fields:
    """Reads the fields of a JSON object, each with its type.

    Raises:
        Foreign: when one is missing or of another type.
    """

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise Foreign("the node's answer has something else where an object is expected")
        self._fields: dict[str, Any] = value

    def text(self, name: str) -> str:
        """A string."""
        return self._typed(name, str)

    def number(self, name: str) -> int:
        """An integer."""
        value = self._typed(name, int)
        if isinstance(value, bool):
            raise _wrong(name, "int")
        return value

    def flag(self, name: str) -> bool:
        """A boolean."""
        return self._typed(name, bool)

    def items(self, name: str) -> list[Any]:
        """A list."""
        return self._typed(name, list)

    def inner(self, name: str) -> Fields:
        """An object."""
        return Fields(self._fields.get(name))

    def raw(self) -> dict[str, Any]:
        """All of it."""
        return dict(self._fields)

    def parsed(self, name: str, parse: Callable[[str], T]) -> T:
        """A string with a form of its own."""
        try:
            return parse(self.text(name))
        except ParseError as error:
            raise Foreign(f"the node's answer: {name}: {error}") from None

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """What `read` reads, when it is there."""
        return None if self._fields.get(name) is None else read(name)

    def id(self, name: str) -> EntryId:
        """An entry's address."""
        return self.parsed(name, EntryId.parse)

    def digest(self, name: str) -> Digest:
        """A digest."""
        return self.parsed(name, Digest.parse)

    def account(self, name: str) -> AccountId:
        """An account."""
        return self.parsed(name, AccountId.parse)

    def payload(self, name: str) -> Payload:
        """A payload by digest and length."""
        inner = self.inner(name)
        return Payload(inner.digest("digest"), inner.number("bytes"))

    def _typed(self, name: str, kind: type[T]) -> T:
        value = self._fields.get(name)
        if not isinstance(value, kind):
            raise _wrong(name, kind.__name__)
        return value


def _wrong(name: str, kind: str) -> Foreign:
    return Foreign(f"the node's answer has no {kind} called {name}; is it the same version of moot?")


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What the node says about itself.

    Attributes:
        condition: `running`, `read-only`, `closing` or `stopped`.
        everything: the whole answer, for what has no field here.
    """

    version: str
    network_name: str
    network: Digest
    account: AccountId
    lane: int
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
            lane=f.number("lane"),
            height=f.number("height"),
            time_ms=f.number("time_ms"),
            condition=f.text("condition"),
            everything=f.raw(),
        )


@dataclass(frozen=True, slots=True)
class FunctionSummary:
    """A function: whose it is, where it answers, which version is active."""

    name: str
    owner: AccountId
    kind: FunctionKind
    route: str
    version: int
    component: Digest
    retired: bool

    @classmethod
    def read(cls, f: Fields) -> FunctionSummary:
        """Reads it."""
        return cls(
            name=f.text("name"),
            owner=f.account("owner"),
            kind=f.parsed("kind", FunctionKind.parse),
            route=f.text("route"),
            version=f.number("version"),
            component=f.digest("component"),
            retired=f.flag("retired"),
        )


@dataclass(frozen=True, slots=True)
class Export:
    """An exported function of a component: its path (`name`, or `interface#name`) and its types as WIT text."""

    path: str
    parameters: tuple[tuple[str, str], ...]
    result: str | None

    @classmethod
    def read(cls, f: Fields) -> Export:
        """Reads it."""
        parameters = [Fields(item) for item in f.items("parameters")]
        pairs = tuple((parameter.text("name"), parameter.text("type")) for parameter in parameters)
        return cls(f.text("path"), pairs, f.optional("result", f.text))


@dataclass(frozen=True, slots=True)
class Version:
    """One deployed version: its component, its spec as recorded, the block and the entry that made it so."""

    number: int
    component: Digest
    component_bytes: int
    spec: dict[str, Any]
    spec_digest: Digest
    height: int
    deployed: EntryId

    @classmethod
    def read(cls, f: Fields) -> Version:
        """Reads it."""
        return cls(
            number=f.number("number"),
            component=f.digest("component"),
            component_bytes=f.number("component_bytes"),
            spec=f.inner("spec").raw(),
            spec_digest=f.digest("spec_digest"),
            height=f.number("height"),
            deployed=f.id("deployed"),
        )


@dataclass(frozen=True, slots=True)
class FunctionView:
    """A function with its versions, oldest first, and the active component's exports and imports."""

    summary: FunctionSummary
    versions: tuple[Version, ...]
    exports: tuple[Export, ...]
    imports: tuple[str, ...]

    @classmethod
    def read(cls, f: Fields) -> FunctionView:
        """Reads it."""
        return cls(
            summary=FunctionSummary.read(f),
            versions=tuple(Version.read(Fields(item)) for item in f.items("versions")),
            exports=tuple(Export.read(Fields(item)) for item in f.items("exports")),
            imports=tuple(map(str, f.items("imports"))),
        )

    def version(self, number: int) -> Version | None:
        """The version of that number."""
        return next((version for version in self.versions if version.number == number), None)


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of the list of calls. What is None is not known while the call runs."""

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
    """A receipt, as the node tells it: not evidence. `id` is where the receipt itself stands on the ledger."""

    id: EntryId
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
class CallView:
    """A call, as the node tells it: not evidence.

    Attributes:
        height: of the block that ordered it, once there is one.
        receipt: what became of it; None while it runs.
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


@dataclass(frozen=True, slots=True)
class ComponentView:
    """An uploaded component, as the node found it."""

    digest: Digest
    length: int
    kind: FunctionKind
    imports: tuple[str, ...]
    exports: tuple[str, ...]

    @classmethod
    def read(cls, f: Fields) -> ComponentView:
        """Reads it."""
        return cls(
            digest=f.digest("digest"),
            length=f.number("bytes"),
            kind=f.parsed("kind", FunctionKind.parse),
            imports=tuple(map(str, f.items("imports"))),
            exports=tuple(map(str, f.items("exports"))),
        )


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """What became of one entry of a bundle.

    Attributes:
        height: of the block that ordered it; None when it was not waited for.
        status: `accepted`, `applied`, `recorded` or `refused`.
        version: the version that now answers calls.
        reason: why it had no effect.
    """

    id: EntryId
    kind: str
    height: int | None
    status: str
    version: int | None
    reason: str | None

    @classmethod
    def read(cls, f: Fields) -> EntryOutcome:
        """Reads it."""
        outcome = f.inner("outcome")
        return cls(
            id=f.id("id"),
            kind=f.text("kind"),
            height=f.optional("height", f.number),
            status=outcome.text("status"),
            version=outcome.optional("version", outcome.number),
            reason=outcome.optional("reason", outcome.text),
        )


@dataclass(frozen=True, slots=True)
class ValueWritten:
    """Where a value is on the ledger."""

    id: EntryId
    path: str
    digest: Digest

    @classmethod
    def read(cls, f: Fields) -> ValueWritten:
        """Reads it."""
        return cls(f.id("id"), f.text("path"), f.digest("digest"))


@dataclass(frozen=True, slots=True)
class Deployed:
    """What became of a deploy or a rollback.

    Attributes:
        changed: False when exactly this was active already, and nothing was signed.
        height: of the block that made it so.
        entry: the entry on the ledger.
    """

    function: str
    version: int
    changed: bool
    kind: FunctionKind
    component: Digest
    url: str
    height: int | None = None
    entry: EntryId | None = None
