"""Accounts: what they have, what they paid and got, what they hold and stake, and what things cost.

Units are of the network's smallest unit of account. What a node says here is its word; `Client.state` fetches what of
it can be proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.client.bonds import HoldView, StakesView, StakeView
from moot.client.errors import Foreign, RequestError
from moot.client.fields import Fields
from moot.client.invoice import USUAL_BILL_BLOCKS, BillPart, Invoice, read_prices
from moot.client.targets import account_in, id_in

if TYPE_CHECKING:
    from moot.client.exchange import Exchange
    from moot.client.operations import Operations
    from moot.record.address import EntryId
    from moot.record.fixed import AccountId
    from moot.record.prices import Prices


@dataclass(frozen=True, slots=True)
class AccountView:
    """What an account has, and whether it may sign.

    Attributes:
        reserved: what of the balance is reserved for calls that are under way at this node.
        height: of the block after which that was so.
        revoked: height of the block that revoked its key, which signs nothing any more since; None while it does.
    """

    account: AccountId
    balance: int
    reserved: int
    height: int
    revoked: int | None

    @classmethod
    def read(cls, f: Fields) -> AccountView:
        """Reads it."""
        return cls(
            account=f.account("account"),
            balance=f.units("balance"),
            reserved=f.units("reserved"),
            height=f.number("height"),
            revoked=f.optional("revoked", f.number),
        )


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a statement.

    Attributes:
        height: of the block.
        kind: `bundle`, `storage`, `calls`, `sent`, `bound`: paid. `received`, `work`, `committee`, `freed`: got.
        paid: whether the account has less by it.
        function: the function that it is about.
        units: how much.
        calls: how many calls it is for.
        unpaid: what was due beyond what the account had, and was not charged.
    """

    height: int
    kind: str
    paid: bool
    function: str | None
    units: int
    calls: int
    unpaid: int

    @classmethod
    def read(cls, f: Fields) -> StatementLine:
        """Reads it."""
        return cls(
            height=f.number("height"),
            kind=f.text("kind"),
            paid=f.flag("paid"),
            function=f.optional("function", f.text),
            units=f.units("units"),
            calls=f.optional("calls", f.number) or 0,
            unpaid=f.optional("unpaid", f.units) or 0,
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """What an account paid and got, newest block first.

    Attributes:
        next: `below` of the next request, for what came before; None at the end.
    """

    account: AccountId
    lines: tuple[StatementLine, ...]
    next: int | None

    @classmethod
    def read(cls, f: Fields) -> Statement:
        """Reads it."""
        lines = tuple(StatementLine.read(Fields(item)) for item in f.items("lines"))
        return cls(f.account("account"), lines, f.optional("next", f.number))


@dataclass(frozen=True, slots=True)
class PriceWish:
    """What a member of the committee would have things cost."""

    account: AccountId
    prices: Prices

    @classmethod
    def read(cls, f: Fields) -> PriceWish:
        """Reads it."""
        return cls(f.account("account"), read_prices(f, "prices"))


@dataclass(frozen=True, slots=True)
class PricesView:
    """What things cost.

    Attributes:
        charged: whether it is charged; if not, receipts state it and nobody pays.
        votes: what members of the committee would have instead.
        quorum: how many members have to wish the same for it to be so.
        members: the present committee.
        height: of the block after which that was so.
    """

    charged: bool
    prices: Prices
    votes: tuple[PriceWish, ...]
    quorum: int
    members: tuple[AccountId, ...]
    height: int

    @classmethod
    def read(cls, f: Fields) -> PricesView:
        """Reads it."""
        return cls(
            charged=f.flag("charged"),
            prices=read_prices(f, "prices"),
            votes=tuple(PriceWish.read(Fields(item)) for item in f.items("votes")),
            quorum=f.number("quorum"),
            members=tuple(Fields({"member": item}).account("member") for item in f.items("members")),
            height=f.number("height"),
        )


@dataclass(frozen=True, slots=True)
class AccountOperations:
    """The questions about accounts, and whose account is meant when none is named."""

    node: Operations
    own: AccountId | None

    def account(self, account: AccountId | str | None) -> Exchange[AccountView]:
        """`GET /_moot/accounts/{account}`."""
        return self.node.get(f"/_moot/accounts/{self._which(account)}", AccountView.read)

    def statement(self, account: AccountId | str | None, *, below: int | None, limit: int) -> Exchange[Statement]:
        """`GET /_moot/accounts/{account}/statement`."""
        older = "" if below is None else f"&below={int(below)}"
        target = f"/_moot/accounts/{self._which(account)}/statement?limit={int(limit)}{older}"
        return self.node.get(target, Statement.read)

    def prices(self) -> Exchange[PricesView]:
        """`GET /_moot/prices`."""
        return self.node.get("/_moot/prices", PricesView.read)

    def bill(self, first: int | None, last: int | None, account: AccountId | str | None) -> Exchange[Invoice]:
        """`GET /_moot/bill`, part by part."""
        if last is None:
            status = yield from self.node.status()
            last = status.height
        if first is None:
            first = max(1, last + 1 - USUAL_BILL_BLOCKS)
        payer = None if account is None else account_in(account)
        invoice = Invoice(int(first), int(last), payer)
        place: tuple[int, int] | None = (invoice.first, 0)
        for_whom = "" if payer is None else f"&account={payer}"
        while place is not None:
            target = f"/_moot/bill?from={place[0]}-{place[1]}&to={invoice.last}{for_whom}"
            part = yield from self.node.get(target, BillPart.read)
            invoice.add(part)
            if part.next is not None and part.next <= place:
                raise Foreign(f"the node's bill does not go on: after the part from {place} it names {part.next}")
            place = part.next
        return invoice

    def hold(self, hold: EntryId | str) -> Exchange[HoldView | None]:
        """`GET /_moot/holds/{id}`."""
        return self.node.find(self.node.get(f"/_moot/holds/{id_in(hold)}", HoldView.read))

    def stake(self, account: AccountId | str | None) -> Exchange[StakeView]:
        """`GET /_moot/stakes/{account}`."""
        return self.node.get(f"/_moot/stakes/{self._which(account)}", StakeView.read)

    def stakes(self) -> Exchange[StakesView]:
        """`GET /_moot/stakes`."""
        return self.node.get("/_moot/stakes", StakesView.read)

    def _which(self, account: AccountId | str | None) -> AccountId:
        if account is not None:
            return account_in(account)
        if self.own is None:
            raise RequestError("no account is named, and the client was made without `key`, whose account it could be")
        return self.own
