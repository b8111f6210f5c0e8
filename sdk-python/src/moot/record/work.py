"""Workers that register: what each offers, and what was found against it.

```text
offer    [[sandbox, ...], [function, ...]|null, [account, ...]|null, engine]
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from moot.errors import Invalid, shown
from moot.record.address import EntryId, check_name, read_name, write_name
from moot.record.fixed import AccountId
from moot.record.item import Item, Record
from moot.record.limits import (
    MAX_ENGINE_BYTES,
    MAX_OFFERED_FUNCTIONS,
    MAX_OFFERED_REPLICAS,
    MAX_OFFERED_SANDBOXES,
    MAX_WORKER_FAULTS,
)
from moot.record.text import Numbered, exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer


_ENGINE = re.compile(r"[a-z0-9.+-]+", re.ASCII)


class Sandbox(Numbered):
    """Sandbox: a kind of secure runtime environment that a worker offers."""

    COMPONENT = 0, "component"
    EXTERNAL = 1, "external"


@dataclass(frozen=True, slots=True)
class WorkOffer(Item):
    """What a worker offers. Each list is sorted, each member once.

    Attributes:
        kinds: the sandboxes that it has.
        functions: the functions that it serves; None: every one that it can.
        replicas: the replicas that it has joined; None: all of them.
        engine: what it runs components with, 1 to 32 of `a-z 0-9 . + -`, as in `wasmtime-48.0.8+1`. Only workers with
            one and the same run one call together.
    """

    kinds: tuple[Sandbox, ...]
    functions: tuple[str, ...] | None = None
    replicas: tuple[AccountId, ...] | None = None
    engine: str = field(kw_only=True)

    def __post_init__(self) -> None:
        _check_set("transaction.kinds", [bytes([kind.number]) for kind in self.kinds], MAX_OFFERED_SANDBOXES)
        if self.functions is not None:
            for name in self.functions:
                check_name(name)
            names = [name.encode() for name in self.functions]
            _check_set("transaction.functions", names, MAX_OFFERED_FUNCTIONS)
        if self.replicas is not None:
            accounts = [bytes(account) for account in self.replicas]
            _check_set("transaction.replicas", accounts, MAX_OFFERED_REPLICAS)
        if not _ENGINE.fullmatch(self.engine) or len(self.engine) > MAX_ENGINE_BYTES:
            why = f"is not 1 to {MAX_ENGINE_BYTES} of a-z 0-9 . + -"
            raise Invalid("transaction.engine", f"{shown(self.engine)} {why}")

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "kinds": [kind.text for kind in self.kinds],
            "functions": None if self.functions is None else list(self.functions),
            "replicas": None if self.replicas is None else [str(account) for account in self.replicas],
            "engine": self.engine,
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(4)
        w.array(len(self.kinds))
        for kind in self.kinds:
            kind.write(w)
        w.optional(self.functions, lambda names: _write_names(w, names))
        w.optional(self.replicas, lambda accounts: _write_accounts(w, accounts))
        w.text(self.engine)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(4)
        kinds = tuple(Sandbox.read(r) for _ in range(r.list(MAX_OFFERED_SANDBOXES)))
        names = r.optional(lambda: tuple(read_name(r) for _ in range(r.list(MAX_OFFERED_FUNCTIONS))))
        joined = r.optional(lambda: tuple(AccountId.read(r) for _ in range(r.list(MAX_OFFERED_REPLICAS))))
        return cls(kinds, names, joined, engine=r.text(MAX_ENGINE_BYTES))


@dataclass(frozen=True, slots=True)
class Work:
    """Says that the account is a worker with a stake, and takes calls.

    Attributes:
        offer: what it offers; None: it takes no calls any more.
    """

    offer: WorkOffer | None

    NUMBER: ClassVar = 17
    FIELDS: ClassVar = 2

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"work": {"offer": None if self.offer is None else self.offer.to_json()}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        w.optional(self.offer, lambda offer: offer.write(w))


@dataclass(frozen=True, slots=True)
class WorkerFault(Item):
    """A receipt that differs from what most of the workers of its call said.

    Attributes:
        receipt: the worker's own.
        agreed: the first of those that agree.
        burned: how many units of its stake were burned for it.
    """

    call: EntryId
    receipt: EntryId
    agreed: EntryId
    burned: int

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        ids = {"call": self.call, "receipt": self.receipt, "agreed": self.agreed}
        return {**{name: str(found) for name, found in ids.items()}, "burned": exact(self.burned)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(4)
        self.call.write(w)
        self.receipt.write(w)
        self.agreed.write(w)
        w.uint(self.burned)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(4)
        return cls(EntryId.read(r), EntryId.read(r), EntryId.read(r), r.uint())


@dataclass(frozen=True, slots=True)
class WorkerRecord(Record):
    """What the state holds of a worker.

    Attributes:
        offer: what it offers; None: it gets no calls any more.
        since: the height at which that was so first.
        faults: how many of its receipts differed from what most said.
        burned: how many units were burned for them all.
        last: the last of them, the newest last.
    """

    offer: WorkOffer | None
    since: int = 0
    faults: int = 0
    burned: int = 0
    last: tuple[WorkerFault, ...] = ()

    MAX_BYTES = 8192

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "offer": None if self.offer is None else self.offer.to_json(),
            "since": exact(self.since),
            "faults": exact(self.faults),
            "burned": exact(self.burned),
            "last": [fault.to_json() for fault in self.last],
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(5)
        w.optional(self.offer, lambda offer: offer.write(w))
        w.uint(self.since)
        w.uint(self.faults)
        w.uint(self.burned)
        w.array(len(self.last))
        for fault in self.last:
            fault.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(5)
        offer = r.optional(lambda: WorkOffer.read(r))
        since, faults, burned = r.uint(), r.uint(), r.uint()
        return cls(offer, since, faults, burned, tuple(WorkerFault.read(r) for _ in range(r.list(MAX_WORKER_FAULTS))))


def _write_names(w: Writer, names: tuple[str, ...]) -> None:
    w.array(len(names))
    for name in names:
        write_name(w, name)


def _write_accounts(w: Writer, accounts: tuple[AccountId, ...]) -> None:
    w.array(len(accounts))
    for account in accounts:
        account.write(w)


def _check_set(field: str, members: Sequence[bytes], most: int) -> None:
    if not 1 <= len(members) <= most:
        raise Invalid(field, f"{len(members)} members; write 1 to {most}")
    if any(a >= b for a, b in pairwise(members)):
        raise Invalid(field, "not sorted, each once")
