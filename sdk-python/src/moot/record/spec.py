"""A function's spec: its manifest as the ledger keeps it.

What the owner signs at deploy, and what every call names by digest: who may call, who pays, what the function may
touch, how much it may use. Lists that are sets are sorted, so that one meaning has one digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid
from moot.record import hash as domains
from moot.record import spec_rules as rules
from moot.record.cbor import unknown_number, wrong_length
from moot.record.fixed import AccountId
from moot.record.grants import Grants
from moot.record.item import Item, Record
from moot.record.limits import MAX_RULE_BYTES, MAX_SPEC_BYTES, MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES
from moot.record.text import Numbered, exact

if TYPE_CHECKING:
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


Access = tuple[AccountId, ...] | str | None
"""Who may call a function: some accounts, whom a rule allows, or anyone."""

WEEK_S = 7 * 24 * 60 * 60


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
        access: who may call: the accounts, sorted, each once (`accounts` makes it so), or whom a rule allows, which is
            its text; None is anyone.
        payloads: whether payloads are kept (for `retention_s` seconds), put into the entry, or not kept.
        replicas_k: on how many workers each call is run: what most of them say is the answer.

    Raises:
        Invalid: when a field breaks the rules.
    """

    route: str
    kind: FunctionKind = FunctionKind.EVENT
    access: Access = None
    payer: Payer = Payer.OWNER
    upgradable: bool = True
    destructible: bool = False
    deterministic: bool = False
    idempotent: bool = False
    payloads: Payloads = Payloads.KEEP
    retention_s: int = WEEK_S
    grants: Grants = field(default_factory=Grants)
    limits: Limits = field(default_factory=Limits)
    replicas_k: int = 1

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
        kept = self.payloads is Payloads.KEEP
        return {
            "kind": self.kind.text,
            "route": self.route,
            "access": _access_json(self.access),
            "payer": self.payer.text,
            "lifecycle": {"upgradable": self.upgradable, "destructible": self.destructible},
            "deterministic": self.deterministic,
            "idempotent": self.idempotent,
            "payloads": {"keep": {"retention_s": exact(self.retention_s)}} if kept else self.payloads.text,
            "grants": self.grants.to_json(),
            "limits": self.limits.to_json(),
            **({} if self.replicas_k == 1 else {"replicas_k": self.replicas_k}),
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(11 if self.replicas_k == 1 else 12)
        self.kind.write(w)
        w.text(self.route)
        _write_access(w, self.access)
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
        if self.replicas_k != 1:
            w.uint(self.replicas_k)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        at, fields = r.position, r.list(12)
        if fields < 11:
            raise wrong_length("spec", at, fields, 11)
        kind, route = FunctionKind.read(r), r.text(MAX_SPEC_TEXT_BYTES)
        access = _read_access(r)
        payer = Payer.read(r)
        upgradable, destructible, deterministic, idempotent = (r.boolean() for _ in range(4))
        payloads, retention_s = _read_payloads(r)
        grants, limits = Grants.read(r), Limits.read(r)
        replicas_k = r.uint() if fields == 12 else 1
        if fields == 12 and replicas_k == 1:
            raise Invalid("spec.replicas_k", "1, which is left out")
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
            grants=grants,
            limits=limits,
            replicas_k=replicas_k,
        )


def accounts(*admitted: AccountId) -> tuple[AccountId, ...]:
    """The accounts that may call, in the order that a spec wants."""
    return tuple(sorted(set(admitted), key=bytes))


def _access_json(access: Access) -> Any:
    if access is None:
        return "anyone"
    return {"rule": access} if isinstance(access, str) else {"accounts": [str(account) for account in access]}


def _write_access(w: Writer, access: Access) -> None:
    if access is None:
        w.null()
    elif isinstance(access, str):
        w.text(access)
    else:
        w.array(len(access))
        for account in access:
            account.write(w)


def _read_access(r: Reader) -> Access:
    if r.at_text():
        return r.text(MAX_RULE_BYTES)
    return r.optional(lambda: tuple(AccountId.read(r) for _ in range(r.list(MAX_SPEC_LIST))))


def _read_payloads(r: Reader) -> tuple[Payloads, int]:
    fields = r.list(2)
    at = r.position
    mode = Payloads.read(r)
    if fields != (2 if mode is Payloads.KEEP else 1):
        raise unknown_number("payload mode", at, mode.number)
    return mode, r.uint() if mode is Payloads.KEEP else WEEK_S
