"""Writing values and calling other functions; needs `ledger = true` under the grants in moot.toml."""

from __future__ import annotations

from typing import Any, cast

from moot.guest.host import Err, case, interface


class LedgerError(RuntimeError):
    """The ledger did not do what was asked. `reason` is the case of `moot:function/ledger.error`."""

    def __init__(self, reason: str, detail: object) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


def write(path: str, value: bytes) -> str:
    """Writes a value to a path; the entry's address, once its block has allowed it."""
    try:
        return cast("str", interface("moot_ledger").write(path, value))
    except Err as error:
        raise _refused(error) from None


def call(function: str, payload: bytes = b"", content_type: str | None = None) -> bytes:
    """Calls another function that handles events; its answer."""
    try:
        return cast("bytes", interface("moot_ledger").call(function, content_type, payload))
    except Err as error:
        raise _refused(error) from None


def _refused(error: Err[Any]) -> LedgerError:
    detail = getattr(error.value, "value", "")
    # A failure within: its own case and text.
    inner = getattr(detail, "value", None)
    return LedgerError(case(error.value), detail if inner is None else f"{case(detail)}: {inner}")
