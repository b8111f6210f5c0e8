"""A verdict on a proof of the state for people: what is proven, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moot.errors import DecodeError, line
from moot.record.state_file import value_json
from moot.record.state_value import (
    Balance,
    Conviction,
    FunctionRecord,
    Held,
    PathOwner,
    PathRule,
    Pot,
    PriceList,
    Staked,
    StateValue,
    TriggerSet,
)
from moot.record.work import WorkerRecord
from moot.verify.report import count, fields, time

if TYPE_CHECKING:
    from pathlib import Path

    from moot.record.genesis import Genesis
    from moot.record.prices import Prices
    from moot.record.state_proof import ProvenState


def state_verdict_json(proven: ProvenState, genesis: Genesis) -> dict[str, Any]:
    """The verdict on a good file, for programs."""
    return {
        "valid": True,
        "network": str(genesis.network()),
        "key": proven.key.to_json(),
        "value": value_json(proven),
        "block": {"height": proven.height, "time_ms": proven.time_ms},
    }


def state_summary(proven: ProvenState, genesis: Genesis, genesis_path: Path) -> str:
    """The verdict on a good file."""
    which = "" if proven.key.of is None else f" of {line(str(proven.key.of))}"
    replicas = count(len(genesis.validators), "replica")
    votes = f"by a quorum of the committee that began with {replicas}"
    rows = [
        ("value", line(_said(proven))),
        ("signed for", f"in block {proven.height} at {time(proven.time_ms * 1000)} {votes}"),
    ]
    gaps = (
        f"that it still is so: block {proven.height} carries the root of a state shortly before it",
        f"that {genesis_path} is the network you mean: its digest is\n      {genesis.network()}",
    )
    not_proven = "\n".join(f"    - {gap}" for gap in gaps)
    head = f"VALID  state: {proven.key.kind}{which}"
    return f"{head}\n\n  proven\n{fields(4, rows)}\n\n  not proven\n{not_proven}"


def _said(proven: ProvenState) -> str:
    if proven.value is None:
        return "none"
    try:
        value = proven.read()
    except DecodeError:
        value = proven.value
    return "none" if value is None else _in_words(value)


def _in_words(value: StateValue) -> str:  # noqa: PLR0911 - one line for each kind
    match value:
        case Balance(balance, revoked):
            return f"{balance:,}" if revoked is None else f"{balance:,}, its key was revoked at block {revoked}"
        case PathOwner(owner):
            return "nobody, for ever" if owner is None else str(owner)
        case PathRule(pattern, rule):
            return f"{rule} at {pattern}"
        case Held(from_account, to, amount, until):
            return f"{amount:,} of {from_account} for {to} until height {until}"
        case Staked(staked, waiting):
            return f"{staked:,}, and {sum(amount for _, amount in waiting):,} on the way out"
        case Conviction(_, burned):
            return f"sealed twice, {burned:,} burned"
        case PriceList(prices):
            return _prices(prices)
        case Pot(units):
            return f"{units:,}"
        case TriggerSet(owner, trigger):
            return f"{trigger.function} by {owner}"
        case WorkerRecord(offer, _, faults, burned):
            takes = "no calls" if offer is None else "calls"
            return f"takes {takes}, {count(faults, 'fault')}, {burned:,} burned"
        case FunctionRecord():
            return _function(value)
        case data:
            return count(len(data), "byte")


def _prices(prices: Prices) -> str:
    each = f"{prices.per_byte:,} a byte, {prices.per_mega_fuel:,} a million of fuel"
    return f"{each}, {prices.per_stored_byte:,} a byte stored"


def _function(record: FunctionRecord) -> str:
    active = record.version(record.active)
    if record.retired or active is None:
        return "retired"
    frozen = ", frozen: nobody can ever change or retire it" if record.frozen else ""
    return f"v{active.number} component {active.component}{frozen}"
