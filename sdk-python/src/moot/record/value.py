"""A value: a message written to a path, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid
from moot.record.address import EntryId, check_name, read_name, write_name
from moot.record.fixed import AccountId
from moot.record.limits import MAX_PATH_BYTES
from moot.record.payload import Payload, check_path

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer


@dataclass(frozen=True, slots=True)
class Value:
    """A message written to a path: recorded by digest, never state.

    Attributes:
        path: where: `/chat/lobby/42`.
        account: who wrote it, when they proved it; of what a function wrote, the function's owner.
        function: the function that wrote it, if one did.
        parent: the call in which the function wrote it.
    """

    path: str
    payload: Payload
    account: AccountId | None = None
    function: str | None = None
    parent: EntryId | None = None

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.function is not None:
            check_name(self.function)
        if (self.function is None) != (self.parent is None):
            raise Invalid("value.parent", "a function writes in a call: both are named or neither")
        if self.function is not None and self.account is None:
            raise Invalid("value.account", "missing; what a function writes has its owner's account")

    @property
    def fields(self) -> int:
        """What nobody has put a name to has the short form, and nothing else has it."""
        return VALUE_FIELDS if self.account is None else NAMED_VALUE_FIELDS

    def to_json(self) -> dict[str, Any]:
        """Its readable form, in which what is not known is left out."""
        named = {"account": self.account, "function": self.function, "parent": self.parent}
        known = {name: str(value) for name, value in named.items() if value is not None}
        return {"path": self.path, "payload": self.payload.to_json(), **known}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the entry's kind."""
        w.text(self.path)
        self.payload.write(w)
        if self.account is not None:
            self.account.write(w)
            w.optional(self.function, lambda function: write_name(w, function))
            w.optional(self.parent, lambda parent: parent.write(w))

    @classmethod
    def read_fields(cls, r: Reader, fields: int) -> Self:
        """Reads what follows the entry's kind, of which there must be `fields`."""
        path, payload = r.text(MAX_PATH_BYTES), Payload.read(r)
        if fields != NAMED_VALUE_FIELDS:
            return cls(path, payload)
        account = AccountId.read(r)
        function = r.optional(lambda: read_name(r))
        return cls(path, payload, account, function, r.optional(lambda: EntryId.read(r)))


VALUE_FIELDS = 2
"""Of a value that nobody has put a name to, after the entry's kind."""

NAMED_VALUE_FIELDS = 5
"""Of one with a name."""
