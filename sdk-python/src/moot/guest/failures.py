"""Failures that a function answers with. Each is an ordinary answer with a receipt, and a status in HTTP.

The message is shown to the caller as it is: no secrets. What the operator should know is logged.
"""

from __future__ import annotations

from typing import Any, ClassVar

from moot.guest.host import Err, interface


class Failure(Exception):
    """A failure; raise one of its kinds."""

    _case: ClassVar[str] = "Failure_Internal"

    def into_wit(self) -> Err[Any]:
        """As the host takes it."""
        return Err(getattr(interface("moot_types"), self._case)(str(self)))


class Invalid(Failure):
    """The event is malformed or makes no sense, and will fail again. 422."""

    _case = "Failure_Invalid"


class Denied(Failure):
    """The caller may not do this. 403."""

    _case = "Failure_Denied"


class NotFound(Failure):
    """What the event refers to does not exist. 404."""

    _case = "Failure_NotFound"


class Conflict(Failure):
    """The event contradicts the present state. 409."""

    _case = "Failure_Conflict"


class Unavailable(Failure):
    """Something the function depends on is not available; it may succeed later. 503."""

    _case = "Failure_Unavailable"


class Internal(Failure):
    """The function itself is at fault. 500."""

    _case = "Failure_Internal"
