"""Units that are bound, as the API tells it: held for somebody, and staked behind replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.client.fields import Fields

if TYPE_CHECKING:
    from moot.record.address import EntryId
    from moot.record.fixed import AccountId


@dataclass(frozen=True, slots=True)
class HoldView:
    """What is held under the address of a transaction.

    Attributes:
        from_account: whose units they were, and who says how much of them is paid.
        to: whom they are held for.
        until: the height at which all of them go back.
        height: of the block after which that was so.
    """

    id: EntryId
    from_account: AccountId
    to: AccountId
    amount: int
    until: int
    height: int

    @classmethod
    def read(cls, f: Fields) -> HoldView:
        """Reads it."""
        return cls(
            id=f.id("id"),
            from_account=f.account("from"),
            to=f.account("to"),
            amount=f.units("amount"),
            until=f.number("until"),
            height=f.number("height"),
        )


@dataclass(frozen=True, slots=True)
class WaitingView:
    """Units on their way out of a stake: back at the height `until`, or later if the replica has to stay for longer."""

    amount: int
    until: int

    @classmethod
    def read(cls, f: Fields) -> WaitingView:
        """Reads it."""
        return cls(f.units("amount"), f.number("until"))


@dataclass(frozen=True, slots=True)
class StakedReplicaView:
    """A replica behind which a stake is.

    Attributes:
        ledger: where it takes votes and blocks.
        data: where it takes batches.
        seated: whether it votes, or is settled to.
        burned: units that were burned because it sealed or voted twice; None: it was never convicted.
        voted: of one that was convicted by its votes: `two-blocks`, `two-final` or `skipped-and-final`.
    """

    account: AccountId
    ledger: str
    data: str
    seated: bool
    burned: int | None
    voted: str | None

    @classmethod
    def read(cls, f: Fields) -> StakedReplicaView:
        """Reads it."""
        return cls(
            account=f.account("account"),
            ledger=f.text("ledger"),
            data=f.text("data"),
            seated=f.flag("seated"),
            burned=f.optional("burned", f.units),
            voted=f.optional("voted", f.text),
        )


@dataclass(frozen=True, slots=True)
class StakeView:
    """What an account has staked.

    Attributes:
        staked: what counts for seats.
        waiting: what was taken out and has not come back yet.
        replicas: the replicas that it is behind.
        height: of the block after which that was so.
    """

    account: AccountId
    staked: int
    waiting: tuple[WaitingView, ...]
    replicas: tuple[StakedReplicaView, ...]
    height: int

    @classmethod
    def read(cls, f: Fields) -> StakeView:
        """Reads it."""
        return cls(
            account=f.account("account"),
            staked=f.units("staked"),
            waiting=tuple(WaitingView.read(Fields(item)) for item in f.items("waiting")),
            replicas=tuple(StakedReplicaView.read(Fields(item)) for item in f.items("replicas")),
            height=f.number("height"),
        )


@dataclass(frozen=True, slots=True)
class BidView:
    """A replica with the share of a stake that it stands for.

    Attributes:
        share: its share of the stake, rounded down.
        seated: whether it votes, or is settled to.
    """

    replica: AccountId
    staker: AccountId
    share: int
    seated: bool

    @classmethod
    def read(cls, f: Fields) -> BidView:
        """Reads it."""
        return cls(f.account("replica"), f.account("staker"), f.units("share"), f.flag("seated"))


@dataclass(frozen=True, slots=True)
class StakesView:
    """Who bids for a seat.

    Attributes:
        by_stake: whether stake decides who votes in this network.
        seats: how many seats there are for it.
        lockup_blocks: how long what is taken out waits.
        bids: the best first.
        height: of the block after which that was so.
    """

    by_stake: bool
    seats: int
    lockup_blocks: int
    bids: tuple[BidView, ...]
    height: int

    @classmethod
    def read(cls, f: Fields) -> StakesView:
        """Reads it."""
        return cls(
            by_stake=f.flag("by_stake"),
            seats=f.number("seats"),
            lockup_blocks=f.number("lockup_blocks"),
            bids=tuple(BidView.read(Fields(item)) for item in f.items("bids")),
            height=f.number("height"),
        )
