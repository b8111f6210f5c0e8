"""Triggers: what makes a function run without anybody calling it.

```text
trigger  [on, function, access]
on       [0, pattern] | [1, cron] | [2, function]
access   [0] | [1, [account, ...]] | [2, text]
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moot.errors import Invalid, shown
from moot.record.address import check_name, read_name, write_name
from moot.record.cbor import unknown_number, wrong_length
from moot.record.fixed import AccountId
from moot.record.item import Item
from moot.record.limits import MAX_CRON_BYTES, MAX_PATH_BYTES, MAX_RULE_BYTES, MAX_TRIGGER_ACCOUNTS
from moot.record.payload import check_pattern, check_rule_text

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

_CRON = re.compile(r"[0-9 *,/-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class OnValue:
    """A value written to one of a pattern's paths, as deep as the pattern."""

    pattern: str

    def __post_init__(self) -> None:
        check_pattern(self.pattern)


@dataclass(frozen=True, slots=True)
class OnSchedule:
    """A time: five fields of cron, in UTC, by the time of blocks. Whether they can be read is the ledger's to say."""

    cron: str

    def __post_init__(self) -> None:
        if not _CRON.fullmatch(self.cron) or len(self.cron) > MAX_CRON_BYTES:
            why = f"is not 1 to {MAX_CRON_BYTES} of digits, spaces and `*,-/`: five fields, as in `0 6 * * 1-5`"
            raise Invalid("trigger.on", f"{shown(self.cron)} {why}")


@dataclass(frozen=True, slots=True)
class OnCompletion:
    """The end of a call of another function."""

    function: str

    def __post_init__(self) -> None:
        check_name(self.function)


@dataclass(frozen=True, slots=True)
class ByAnyone:
    """Anyone, known or not."""


@dataclass(frozen=True, slots=True)
class ByAccounts:
    """These accounts, sorted."""

    accounts: tuple[AccountId, ...]

    def __post_init__(self) -> None:
        if not self.accounts:
            why = "an empty list lets nobody make it fire: take the trigger back"
            raise Invalid("trigger.access", why)
        if any(bytes(a) >= bytes(b) for a, b in pairwise(self.accounts)):
            raise Invalid("trigger.access", "the accounts are not sorted, or one is there twice")


@dataclass(frozen=True, slots=True)
class ByRule:
    """Whom a rule allows, in the language of the paths' rules."""

    rule: str

    def __post_init__(self) -> None:
        check_rule_text(self.rule, "trigger.access")


TriggerOn = OnValue | OnSchedule | OnCompletion
TriggerAccess = ByAnyone | ByAccounts | ByRule


@dataclass(frozen=True, slots=True)
class Trigger(Item):
    """What makes a function run, and who may make it.

    Attributes:
        on: what it waits for.
        function: the function that runs: one of kind event.
        access: who may make it run; of a schedule, anyone.
    """

    on: TriggerOn
    function: str
    access: TriggerAccess = ByAnyone()

    def __post_init__(self) -> None:
        check_name(self.function)
        if isinstance(self.on, OnSchedule) and not isinstance(self.access, ByAnyone):
            raise Invalid("trigger.access", "time is nobody's: a schedule has access for anyone")

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {"on": _on_json(self.on), "function": self.function, "access": _access_json(self.access)}

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        w.array(2)
        match self.on:
            case OnValue(pattern):
                w.uint(0)
                w.text(pattern)
            case OnSchedule(cron):
                w.uint(1)
                w.text(cron)
            case OnCompletion(function):
                w.uint(2)
                write_name(w, function)
        write_name(w, self.function)
        _write_access(w, self.access)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(3)
        return cls(_read_on(r), read_name(r), _read_access(r))


def _on_json(on: TriggerOn) -> dict[str, str]:
    match on:
        case OnValue(pattern):
            return {"value": pattern}
        case OnSchedule(cron):
            return {"schedule": cron}
        case OnCompletion(function):
            return {"completion": function}


def _access_json(access: TriggerAccess) -> Any:
    match access:
        case ByAnyone():
            return "anyone"
        case ByAccounts(accounts):
            return {"accounts": [str(account) for account in accounts]}
        case ByRule(rule):
            return {"rule": rule}


def _read_on(r: Reader) -> TriggerOn:
    r.array(2)
    at = r.position
    match r.uint():
        case 0:
            return OnValue(r.text(MAX_PATH_BYTES))
        case 1:
            return OnSchedule(r.text(MAX_CRON_BYTES))
        case 2:
            return OnCompletion(read_name(r))
        case number:
            raise unknown_number("what a trigger is on", at, number)


def _write_access(w: Writer, access: TriggerAccess) -> None:
    match access:
        case ByAnyone():
            w.array(1)
            w.uint(0)
        case ByAccounts(accounts):
            w.array(2)
            w.uint(1)
            w.array(len(accounts))
            for account in accounts:
                account.write(w)
        case ByRule(rule):
            w.array(2)
            w.uint(2)
            w.text(rule)


def _read_access(r: Reader) -> TriggerAccess:
    at = r.position
    fields = r.list(2)
    number_at = r.position
    number = r.uint()
    if number > 2:
        raise unknown_number("access", number_at, number)
    wanted = 1 if number == 0 else 2
    if fields != wanted:
        raise wrong_length("a trigger's access", at, fields, wanted)
    if number == 0:
        return ByAnyone()
    if number == 1:
        return ByAccounts(tuple(AccountId.read(r) for _ in range(r.list(MAX_TRIGGER_ACCOUNTS))))
    return ByRule(r.text(MAX_RULE_BYTES))
