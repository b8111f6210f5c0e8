"""Facts about the call that is served: the same that its record states. `wit/context.wit` has the details."""

from __future__ import annotations

from typing import cast

from moot.guest.host import interface


def call_id() -> str:
    """The call's address on the ledger, unique for ever."""
    return cast("str", interface("moot_context").call_id())


def function() -> str:
    """The name that this function is deployed under."""
    return cast("str", interface("moot_context").function())


def caller() -> str | None:
    """The account that the call is made by, in hex; none when nobody signed.

    It is who signed the call, the owner of the function that made it, or the trigger's owner.
    """
    return cast("str | None", interface("moot_context").caller())


def height() -> int:
    """Height of the newest final block when the call is run; 0 for a deterministic function."""
    return cast("int", interface("moot_context").height())


def time_us() -> int:
    """When the call was recorded, in microseconds since 1970. Stands still during the call."""
    return cast("int", interface("moot_context").time_us())


def fuel_left() -> int:
    """Fuel that the call may still burn."""
    return cast("int", interface("moot_context").fuel_left())


def trace_parent() -> str | None:
    """The call's W3C trace context, to be passed on in outbound requests.

    None when the call is not traced, and for a deterministic function.
    """
    return cast("str | None", interface("moot_context").trace_parent())
