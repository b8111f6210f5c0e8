"""Workers that register: what each offers.

```text
offer    [[sandbox, ...], [function, ...]|null, [account, ...]|null]
```
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from moot.errors import Invalid
from moot.record.address import check_name, read_name, write_name
from moot.record.fixed import AccountId
from moot.record.item import Item
from moot.record.limits import MAX_OFFERED_FUNCTIONS, MAX_OFFERED_REPLICAS, MAX_OFFERED_SANDBOXES
from moot.record.text import Numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer


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
    """

    kinds: tuple[Sandbox, ...]
    functions: tuple[str, ...] | None = None
    replicas: tuple[AccountId, ...] | None = None

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

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "kinds": [kind.text for kind in self.kinds],
            "functions": None if self.functions is None else list(self.functions),
            "replicas": None if self.replicas is None else [str(account) for account in self.replicas],
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        w.array(len(self.kinds))
        for kind in self.kinds:
            kind.write(w)
        w.optional(self.functions, lambda names: _write_names(w, names))
        w.optional(self.replicas, lambda accounts: _write_accounts(w, accounts))

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(3)
        kinds = tuple(Sandbox.read(r) for _ in range(r.list(MAX_OFFERED_SANDBOXES)))
        names = r.optional(lambda: tuple(read_name(r) for _ in range(r.list(MAX_OFFERED_FUNCTIONS))))
        joined = r.optional(lambda: tuple(AccountId.read(r) for _ in range(r.list(MAX_OFFERED_REPLICAS))))
        return cls(kinds, names, joined)


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
