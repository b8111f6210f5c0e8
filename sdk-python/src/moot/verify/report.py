"""A verdict for people: what is proven, and what is not.

Everything that a node or a function wrote passes through `line` before it is shown: an escape sequence in it must not
move the cursor or hide what follows.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from moot.errors import line
from moot.record.proof import Proof

if TYPE_CHECKING:
    from pathlib import Path

    from moot.errors import ProofError
    from moot.record.genesis import Genesis
    from moot.record.receipt import Receipt
    from moot.record.receipt_file import Checked, Evidence

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def verdict_json(checked: Checked, genesis: Genesis) -> dict[str, Any]:
    """The verdict on a good file, for programs."""
    final = checked.finality
    return {
        "valid": True,
        "network": str(genesis.network()),
        "worker": str(checked.worker),
        "receipt": checked.receipt.to_json(),
        "call": None if checked.call is None else checked.call.to_json(),
        "block": None if final is None else {"height": final.height, "time_ms": final.time_ms},
    }


def refusal(error: ProofError, file: Path, genesis: Path) -> str:
    """The verdict on a bad file."""
    rows = [("reason", line(str(error))), ("file", str(file)), ("genesis", str(genesis))]
    return f"INVALID  {line(error.field)} does not fit\n\n{fields(2, rows)}"


def summary(checked: Checked, evidence: Evidence, genesis: Genesis, genesis_path: Path) -> str:
    """The verdict on a good file."""
    receipt, call = checked.receipt, checked.call
    rows = [
        ("status", f"{receipt.status} in {receipt.duration_us:,} us, as the worker says"),
        ("component", str(receipt.component)),
    ]
    if call is not None:
        caller = "nobody who signed" if call.caller is None else str(call.caller)
        rows.append(("called by", f"{caller} at {time(call.time_us)}"))
        rows.append(("input", f"{_size(call.input.length)} {call.input.digest}"))
    rows.append(("output", f"{_size(receipt.output.length)} {receipt.output.digest}"))
    rows.append(("fuel", f"{receipt.fuel:,}" if receipt.metered else "not measured"))
    rows.append(("fee", f"{receipt.fee.ordering + receipt.fee.execution:,}"))
    rows.append(("touched", _touched(receipt)))
    rows.append(("signed by", f"{checked.worker} the worker"))
    rows.append(("ordered", _ordered(checked, evidence, genesis)))
    function = "" if call is None else f" to {call.function}"
    gaps = "\n".join(f"    - {gap}" for gap in _not_proven(checked, genesis, genesis_path))
    head = f"VALID  receipt of call {receipt.call}{function}"
    return f"{head}\n\n  proven\n{fields(4, rows)}\n\n  not proven\n{gaps}"


def _not_proven(checked: Checked, genesis: Genesis, genesis_path: Path) -> list[str]:
    """The gap in the evidence, stated."""
    call = checked.receipt.call
    computes = "that the output is what the component computes: one worker says so"
    lines = [
        f"{computes}; `moot replay {call}` computes it again",
        f"that {genesis_path} is the network you mean: its digest is\n      {genesis.network()}",
    ]
    if checked.call is None:
        lines.append("what was asked: the file does not carry the call")
    if checked.finality is None:
        lines.append(f"that the ledger has it: `moot show {call} --proof FILE` adds that")
    return lines


def _ordered(checked: Checked, evidence: Evidence, genesis: Genesis) -> str:
    final = checked.finality
    if final is None or not isinstance(evidence, Proof):
        return "not shown: this receipt has the worker's signature alone"
    handovers = evidence.handovers
    replicas = count(len(handovers[-1].members if handovers else genesis.validators), "replica")
    if handovers:
        replicas += f", after {count(len(handovers), 'change')} of the genesis's committee"
    return f"in block {final.height} at {time(final.time_ms * 1000)} by a quorum of {replicas}"


def count(number: int, what: str) -> str:
    """So many of something."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _touched(receipt: Receipt) -> str:
    touched = [f"{touch.kind} {line(touch.target)} x{touch.count}" for touch in receipt.touched]
    return ", ".join(touched) or "nothing outside"


def fields(indent: int, rows: list[tuple[str, str]]) -> str:
    """Names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{' ' * indent}{name:<{width}}  {value}" for name, value in rows)


def _size(length: int) -> str:
    return f"{length:,} B"


def time(time_us: int) -> str:
    """A time in microseconds since 1970, in UTC."""
    try:
        moment = _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        # A clock may say what no calendar here can show.
        return f"{time_us} us after 1970"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}Z"
