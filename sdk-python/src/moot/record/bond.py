"""Transactions that bind units and free them: holds for somebody, stakes behind replicas, and who loses a stake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from moot.errors import DecodeError, Invalid
from moot.record import hash as domains
from moot.record.batch_header import Equivocation
from moot.record.cbor import Reader
from moot.record.committee import check_key
from moot.record.double_vote import DoubleVote
from moot.record.fixed import AccountId, Digest, Signature
from moot.record.item import Item
from moot.record.limits import MAX_U64
from moot.record.socket_address import SocketAddress
from moot.record.text import base64url, exact

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.address import EntryId
    from moot.record.cbor import Writer
    from moot.record.key import Keypair


def check_amount(amount: int) -> None:
    """Checks how many units move."""
    if not 1 <= amount <= MAX_U64:
        raise Invalid("transaction.amount", f"{amount}; write one unit at least")


def check_addresses(ledger: SocketAddress | None, data: SocketAddress | None) -> None:
    """Checks where a replica is: others can reach the addresses that are given, and they differ."""
    for field, address in (("transaction.ledger", ledger), ("transaction.data", data)):
        if address is not None and not address.is_reachable:
            why = f"{address}; write an IP address that others can reach, and a port from 1 on"
            raise Invalid(field, why)
    if ledger is not None and ledger == data:
        raise Invalid("transaction.data", "the same as for votes; batches need a port of their own")


@dataclass(frozen=True, slots=True)
class Hold:
    """Holds units of the account that says it for another, under the address of this transaction.

    Attributes:
        to: whom they are held for.
        amount: how many, at least one.
        until: the height at which what is still held goes back by itself.
    """

    to: AccountId
    amount: int
    until: int

    NUMBER: ClassVar = 8
    FIELDS: ClassVar = 4

    def __post_init__(self) -> None:
        check_amount(self.amount)
        check_key("transaction.to", self.to)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"hold": {"to": str(self.to), "amount": exact(self.amount), "until": exact(self.until)}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        self.to.write(w)
        w.uint(self.amount)
        w.uint(self.until)


@dataclass(frozen=True, slots=True)
class Release:
    """Ends a hold: `part` of `whole` of it is paid, rounded down, and the rest goes back.

    Attributes:
        hold: the address of the transaction that made it.
    """

    hold: EntryId
    part: int
    whole: int

    NUMBER: ClassVar = 9
    FIELDS: ClassVar = 4

    def __post_init__(self) -> None:
        if self.whole < 1 or not 0 <= self.part <= self.whole:
            why = f"{self.part} of {self.whole}; a share is of one part at least, and no more than all of them"
            raise Invalid("transaction.part", why)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"release": {"hold": str(self.hold), "part": exact(self.part), "whole": exact(self.whole)}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        self.hold.write(w)
        w.uint(self.part)
        w.uint(self.whole)


@dataclass(frozen=True, slots=True)
class Candidate(Item):
    """A replica that a stake is put behind: with it the replica is a candidate for a seat.

    Attributes:
        ledger: where it takes votes and blocks.
        data: where it takes batches.
    """

    account: AccountId
    ledger: SocketAddress
    data: SocketAddress

    @staticmethod
    def consent(replica: Keypair, network: Digest, staker: AccountId) -> Signature:
        """What the replica signs, so that an account may stake for it."""
        return replica.sign(domains.CANDIDATE, bytes(network) + bytes(staker))

    def check(self) -> None:
        """Checks what the types alone cannot."""
        check_key("transaction.replica", self.account)
        check_addresses(self.ledger, self.data)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"account": str(self.account), "ledger": str(self.ledger), "data": str(self.data)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        self.account.write(w)
        self.ledger.write(w)
        self.data.write(w)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(3)
        return cls(AccountId.read(r), SocketAddress.read(r), SocketAddress.read(r))


@dataclass(frozen=True, slots=True)
class Stake:
    """Moves units of the account that says it from its balance to its stake.

    Attributes:
        amount: how many; 0 only where a replica is named.
        replica: a replica that the stake is behind from now on, beside those named before; or new addresses of one.
        consent: the replica's signature. With a replica, and only then.
    """

    amount: int
    replica: Candidate | None = None
    consent: Signature | None = None

    NUMBER: ClassVar = 10
    FIELDS: ClassVar = 4

    def __post_init__(self) -> None:
        if self.replica is None:
            if self.consent is not None:
                raise Invalid("transaction.consent", "no replica is named that it could be of")
            check_amount(self.amount)
            return
        if self.consent is None:
            raise Invalid("transaction.consent", "missing; the replica's key signs whose stake it takes")
        self.replica.check()

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        fields = {
            "amount": exact(self.amount),
            "replica": None if self.replica is None else self.replica.to_json(),
            "consent": None if self.consent is None else str(self.consent),
        }
        return {"stake": fields}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        w.uint(self.amount)
        w.optional(self.replica, lambda replica: replica.write(w))
        w.optional(self.consent, lambda consent: consent.write(w))


@dataclass(frozen=True, slots=True)
class Unstake:
    """Takes units out of the stake of the account that says it; they come back after the lock-up."""

    amount: int

    NUMBER: ClassVar = 11
    FIELDS: ClassVar = 2

    def __post_init__(self) -> None:
        check_amount(self.amount)

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"unstake": {"amount": exact(self.amount)}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        w.uint(self.amount)


@dataclass(frozen=True, slots=True)
class Convict:
    """Says that a replica has sealed two batches with one number, or voted for two things in one view.

    Said by anybody.

    Attributes:
        evidence: the encoding of an equivocation, or of a double vote.
    """

    evidence: bytes

    NUMBER: ClassVar = 12
    FIELDS: ClassVar = 2

    def __post_init__(self) -> None:
        try:
            # The number of fields tells them apart.
            if Reader(self.evidence).list(6) == 6:
                DoubleVote.decode(self.evidence)
            else:
                Equivocation.decode(self.evidence)
        except DecodeError as error:
            raise Invalid("transaction.evidence", str(error)) from None

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"convict": {"evidence": base64url(self.evidence)}}

    def write_fields(self, w: Writer) -> None:
        """Appends what follows the number."""
        w.byte_string(self.evidence)
