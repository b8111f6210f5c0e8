"""Triggers, which make functions run by themselves, and the calls that they derived, as the API tells them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moot.client.calls import CallView
from moot.client.errors import Foreign, RequestError
from moot.client.fields import Fields
from moot.errors import Invalid, ParseError, shown
from moot.record.receipt import Status
from moot.record.trigger import ByAccounts, ByAnyone, ByRule, OnCompletion, OnSchedule, OnValue, Trigger

if TYPE_CHECKING:
    from moot.client.exchange import Exchange
    from moot.client.operations import Operations
    from moot.record.address import EntryId
    from moot.record.fixed import AccountId
    from moot.record.trigger import TriggerAccess, TriggerOn

_NAME: Final = re.compile("d-[0-9]{1,20}-[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TriggerView:
    """A trigger.

    Attributes:
        owner: who set it, and is the caller of what it makes run.
        next_ms: of a schedule: when it fires next, milliseconds since 1970.
    """

    name: str
    owner: AccountId
    trigger: Trigger
    next_ms: int | None

    @classmethod
    def read(cls, f: Fields) -> TriggerView:
        """Reads it."""
        return cls(
            name=f.text("name"),
            owner=f.account("owner"),
            trigger=_trigger(f.inner("trigger")),
            next_ms=f.optional("next_ms", f.number),
        )


@dataclass(frozen=True, slots=True)
class DerivedView:
    """A call that a trigger derived.

    Attributes:
        id: its name: `d-17-0`, for the first of block 17.
        owner: the trigger's owner, who is the caller.
        source: what happened: `value:/chat/lobby/42`, `schedule:digest`, `completion:0-7-0-0-1`.
        at: the value, or the call that ended.
        by: who wrote the value, or made the call that ended.
        time_ms: when, milliseconds since 1970.
        depth: how many triggers in a row led to it.
        lane: whose replica runs it.
        state: `open`, `answered` or `dropped`.
        why: why it is not run, or was dropped.
        status: of its receipt.
        call: its call's address, once a block has it.
        view: the call with its receipt; left out of the list.
    """

    id: str
    trigger: str
    function: str
    owner: AccountId
    source: str
    at: EntryId | None
    by: AccountId | None
    time_ms: int
    depth: int
    lane: int
    state: str
    why: str | None
    status: Status | None
    call: EntryId | None
    view: CallView | None

    @classmethod
    def read(cls, f: Fields) -> DerivedView:
        """Reads it."""
        return cls(
            id=f.text("id"),
            trigger=f.text("trigger"),
            function=f.text("function"),
            owner=f.account("owner"),
            source=f.text("source"),
            at=f.optional("at", f.id),
            by=f.optional("by", f.account),
            time_ms=f.number("time_ms"),
            depth=f.number("depth"),
            lane=f.number("lane"),
            state=f.text("state"),
            why=f.optional("why", f.text),
            status=f.optional("status", lambda name: f.parsed(name, Status.parse)),
            call=f.optional("call", f.id),
            view=f.optional("view", lambda name: CallView.read(f.inner(name))),
        )


@dataclass(frozen=True, slots=True)
class TriggerOperations:
    """The questions about triggers."""

    node: Operations

    def triggers(self) -> Exchange[list[TriggerView]]:
        """`GET /_moot/triggers`."""
        listed = yield from self.node.get("/_moot/triggers", lambda f: f.items("triggers"))
        return [TriggerView.read(Fields(item)) for item in listed]

    def derived(self, limit: int) -> Exchange[list[DerivedView]]:
        """`GET /_moot/derived`."""
        listed = yield from self.node.get(f"/_moot/derived?limit={int(limit)}", lambda f: f.items("derived"))
        return [DerivedView.read(Fields(item)) for item in listed]

    def find(self, name: str) -> Exchange[DerivedView | None]:
        """`GET /_moot/derived/{id}`."""
        if not _NAME.fullmatch(name):
            raise RequestError(f"{shown(name)} is not the name of a derived call, such as d-17-0")
        return self.node.find(self.node.get(f"/_moot/derived/{name}", DerivedView.read))


def _trigger(f: Fields) -> Trigger:
    try:
        return Trigger(_on(f.inner("on")), f.text("function"), _access(f.raw().get("access")))
    except (Invalid, ParseError) as error:
        raise Foreign(f"trigger: {error}") from None


def _on(f: Fields) -> TriggerOn:
    match [*f.raw()]:
        case ["value"]:
            return OnValue(f.text("value"))
        case ["schedule"]:
            return OnSchedule(f.text("schedule"))
        case ["completion"]:
            return OnCompletion(f.text("completion"))
        case _:
            raise Foreign("trigger.on is none of value, schedule, completion")


def _access(said: Any) -> TriggerAccess:
    match said:
        case "anyone":
            return ByAnyone()
        case {"accounts": [*accounts]}:
            return ByAccounts(tuple(Fields({"account": one}).account("account") for one in accounts))
        case {"rule": str(rule)}:
            return ByRule(rule)
        case _:
            raise Foreign("trigger.access is none of anyone, accounts, rule")
