"""A function's spec: its manifest as the ledger keeps it.

What the owner signs at deploy, and what every call names by digest: who may call, who pays, what the function may
touch, how much it may use. Lists that are sets are sorted, so that one meaning has one digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from moot.record import hash as domains
from moot.record import spec_rules as rules
from moot.record.cbor import unknown_number
from moot.record.fixed import AccountId
from moot.record.item import Item, Record
from moot.record.limits import MAX_SPEC_BYTES, MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES
from moot.record.text import Numbered, exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.fixed import Digest


class FunctionKind(Numbered):
    """Kind of function."""

    HTTP = 0, "http"
    EVENT = 1, "event"
    TYPED = 2, "typed"


class Payer(Numbered):
    """Payer."""

    OWNER = 0, "owner"
    CALLER = 1, "caller"


class Payloads(Numbered):
    """Payload mode."""

    KEEP = 0, "keep"
    INLINE = 1, "inline"
    DIGEST = 2, "digest"


WEEK_S = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that a function sees: the operator's name for it, where it appears, whether it may be written."""

    name: str
    at: str
    write: bool = False


@dataclass(frozen=True, slots=True)
class Grants(Item):
    """What a function may touch. Everything is denied until it is granted. `Grants.of` sorts what is given to it.

    Attributes:
        http: hosts as `scheme://host:port`; None refuses the import too, an empty list admits it and denies every
            request.
        env: names and values of environment variables.
    """

    http: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    key_value: tuple[str, ...] = ()
    dirs: tuple[Directory, ...] = ()
    clock: bool = False
    random: bool = False
    ledger: bool = False

    @classmethod
    def of(
        cls,
        *,
        http: Iterable[str] | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        key_value: Iterable[str] = (),
        dirs: Iterable[Directory] = (),
        clock: bool = False,
        random: bool = False,
        ledger: bool = False,
    ) -> Self:
        """Grants from collections in any order: they are sorted, and what stands twice stands once."""
        return cls(
            http=None if http is None else tuple(sorted(set(http))),
            env=tuple(sorted((env or {}).items())),
            secrets=tuple(sorted(set(secrets))),
            key_value=tuple(sorted(set(key_value))),
            dirs=tuple(sorted(set(dirs), key=lambda directory: directory.name)),
            clock=clock,
            random=random,
            ledger=ledger,
        )

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "http": None if self.http is None else list(self.http),
            "env": [list(pair) for pair in self.env],
            "secrets": list(self.secrets),
            "key_value": list(self.key_value),
            "dirs": [{"name": d.name, "at": d.at, "write": d.write} for d in self.dirs],
            "clock": self.clock,
            "random": self.random,
            "ledger": self.ledger,
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""

        def texts(values: tuple[str, ...]) -> None:
            w.array(len(values))
            for text in values:
                w.text(text)

        w.array(8)
        w.optional(self.http, texts)
        w.array(len(self.env))
        for pair in self.env:
            texts(pair)
        texts(self.secrets)
        texts(self.key_value)
        w.array(len(self.dirs))
        for directory in self.dirs:
            w.array(3)
            w.text(directory.name)
            w.text(directory.at)
            w.boolean(directory.write)
        for flag in (self.clock, self.random, self.ledger):
            w.boolean(flag)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""

        def text() -> str:
            return r.text(MAX_SPEC_TEXT_BYTES)

        def texts() -> tuple[str, ...]:
            return tuple(text() for _ in range(r.list(MAX_SPEC_LIST)))

        def pair() -> tuple[str, str]:
            r.array(2)
            return (text(), text())

        def directory() -> Directory:
            r.array(3)
            return Directory(text(), text(), r.boolean())

        r.array(8)
        return cls(
            http=r.optional(texts),
            env=tuple(pair() for _ in range(r.list(MAX_SPEC_LIST))),
            secrets=texts(),
            key_value=texts(),
            dirs=tuple(directory() for _ in range(r.list(MAX_SPEC_LIST))),
            clock=r.boolean(),
            random=r.boolean(),
            ledger=r.boolean(),
        )


@dataclass(frozen=True, slots=True)
class Limits(Item):
    """How much one call may use. The defaults are those of `moot.toml`."""

    fuel: int = 10_000_000_000
    deadline_ms: int = 10_000
    memory_bytes: int = 64 << 20
    request_bytes: int = 8 << 20
    response_bytes: int = 8 << 20
    log_bytes: int = 256 << 10

    def _numbers(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in LIMITS}

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {name: exact(number) for name, number in self._numbers().items()}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(len(LIMITS))
        for number in self._numbers().values():
            w.uint(number)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(len(LIMITS))
        return cls(*(r.uint() for _ in LIMITS))


LIMITS = ("fuel", "deadline_ms", "memory_bytes", "request_bytes", "response_bytes", "log_bytes")


@dataclass(frozen=True, slots=True)
class Spec(Record):
    """A function's spec.

    Attributes:
        route: the path that it answers below, such as `/hello`.
        access: the accounts that may call, sorted, each once (`accounts` makes it so); None is anyone.
        payloads: whether payloads are kept (for `retention_s` seconds), put into the entry, or not kept.

    Raises:
        Invalid: when a field breaks the rules.
    """

    route: str
    kind: FunctionKind = FunctionKind.EVENT
    access: tuple[AccountId, ...] | None = None
    payer: Payer = Payer.OWNER
    upgradable: bool = True
    destructible: bool = False
    deterministic: bool = False
    idempotent: bool = False
    payloads: Payloads = Payloads.KEEP
    retention_s: int = WEEK_S
    grants: Grants = field(default_factory=Grants)
    limits: Limits = field(default_factory=Limits)

    MAX_BYTES = MAX_SPEC_BYTES

    def __post_init__(self) -> None:
        rules.check(self)

    def digest(self) -> Digest:
        """What every call under this spec names."""
        return domains.SPEC.hash(self.encode())

    def with_kind(self, kind: FunctionKind) -> Spec:
        """The same spec for another kind of component."""
        return replace(self, kind=kind)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        access = "anyone" if self.access is None else {"accounts": [str(account) for account in self.access]}
        kept = self.payloads is Payloads.KEEP
        return {
            "kind": self.kind.text,
            "route": self.route,
            "access": access,
            "payer": self.payer.text,
            "lifecycle": {"upgradable": self.upgradable, "destructible": self.destructible},
            "deterministic": self.deterministic,
            "idempotent": self.idempotent,
            "payloads": {"keep": {"retention_s": exact(self.retention_s)}} if kept else self.payloads.text,
            "grants": self.grants.to_json(),
            "limits": self.limits.to_json(),
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(11)
        self.kind.write(w)
        w.text(self.route)
        w.optional(self.access, lambda admitted: _write_accounts(w, admitted))
        self.payer.write(w)
        for flag in (self.upgradable, self.destructible, self.deterministic, self.idempotent):
            w.boolean(flag)
        kept = self.payloads is Payloads.KEEP
        w.array(2 if kept else 1)
        self.payloads.write(w)
        if kept:
            w.uint(self.retention_s)
        self.grants.write(w)
        self.limits.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(11)
        kind, route = FunctionKind.read(r), r.text(MAX_SPEC_TEXT_BYTES)
        access = r.optional(lambda: tuple(AccountId.read(r) for _ in range(r.list(MAX_SPEC_LIST))))
        payer = Payer.read(r)
        upgradable, destructible, deterministic, idempotent = (r.boolean() for _ in range(4))
        payloads, retention_s = _read_payloads(r)
        return cls(
            route=route,
            kind=kind,
            access=access,
            payer=payer,
            upgradable=upgradable,
            destructible=destructible,
            deterministic=deterministic,
            idempotent=idempotent,
            payloads=payloads,
            retention_s=retention_s,
            grants=Grants.read(r),
            limits=Limits.read(r),
        )


def accounts(*admitted: AccountId) -> tuple[AccountId, ...]:
    """The accounts that may call, in the order that a spec wants."""
    return tuple(sorted(set(admitted), key=bytes))


def _write_accounts(w: Writer, admitted: tuple[AccountId, ...]) -> None:
    w.array(len(admitted))
    for account in admitted:
        account.write(w)


def _read_payloads(r: Reader) -> tuple[Payloads, int]:
    fields = r.list(2)
    at = r.position
    mode = Payloads.read(r)
    if fields != (2 if mode is Payloads.KEEP else 1):
        raise unknown_number("payload mode", at, mode.number)
    return mode, r.uint() if mode is Payloads.KEEP else WEEK_S
