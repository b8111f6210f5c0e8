"""What a caller names in a request's path, checked before anything is sent."""

from __future__ import annotations

import re
from typing import Final, TypeVar

from moot.client.errors import RequestError
from moot.errors import Invalid, ParseError
from moot.record.address import EntryId, check_name
from moot.record.fixed import AccountId
from moot.record.payload import check_path, check_pattern
from moot.record.state import StateKey, StateKind

_BLOCK: Final = re.compile("block-[0-9]{1,20}", re.ASCII)

T = TypeVar("T", EntryId, AccountId)


def name_in(name: str) -> str:
    """A function's name."""
    try:
        return check_name(name)
    except ParseError as error:
        raise RequestError(str(error)) from None


def id_in(entry: EntryId | str) -> EntryId:
    """An entry's address."""
    return _parsed(EntryId, entry)


def position_in(position: EntryId | str) -> EntryId | str:
    """Where a reader of values stands: after an entry, or at the end of a block."""
    if isinstance(position, str) and _BLOCK.fullmatch(position):
        return position
    return id_in(position)


def account_in(account: AccountId | str) -> AccountId:
    """An account."""
    return _parsed(AccountId, account)


def path_in(path: str) -> str:
    """A path that values are written to. None of its characters needs an escape in a URL."""
    try:
        check_path(path)
    except Invalid as error:
        raise RequestError(str(error)) from None
    return path


def pattern_in(pattern: str) -> str:
    """A pattern of such paths."""
    try:
        check_pattern(pattern)
    except Invalid as error:
        raise RequestError(str(error)) from None
    return pattern


def state_target(key: StateKey) -> str:
    """The kind of a key of the state, and which one."""
    kind = key.kind.text
    if key.kind in (StateKind.PRICES, StateKind.POT):
        return f"network/{kind}"
    if key.kind in (StateKind.OWNER, StateKind.RULE):
        return f"{kind}{key.of}"
    if key.of is None or isinstance(key.of, tuple) or key.kind is StateKind.WATCHED:
        raise RequestError(f"a node gives no proof of its {kind}")
    return f"{kind}/{key.of}"


def _parsed(kind: type[T], given: T | str) -> T:
    try:
        return kind.parse(given) if isinstance(given, str) else given
    except ParseError as error:
        raise RequestError(str(error)) from None
