"""Functions, components and the outcome of a deploy, as the API tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.client.fields import Fields
from moot.record.spec import FunctionKind

if TYPE_CHECKING:
    from moot.record.address import EntryId
    from moot.record.fixed import AccountId, Digest


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
        status: `accepted`, `applied`, `done`, `recorded` or `refused`.
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
