"""What can go wrong between a client and a node, in words for the person at the keyboard."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from moot.client.limits import MAX_LINE_CHARACTERS
from moot.errors import MootError, shown
from moot.record.fixed import AccountId

if TYPE_CHECKING:
    import httpx

    from moot.record.address import EntryId

_PREFIX: Final = "/_moot/problems#"


class ClientError(MootError):
    """Why a request has no answer, or not the one that was wanted."""


class AddressError(ClientError):
    """The address cannot be used."""

    def __init__(self, address: str, why: str) -> None:
        like = "an address looks like http://127.0.0.1:8080"
        super().__init__(f"{shown(address)} is no address of a node: {why}; {like}")


class RequestError(ClientError):
    """A request that cannot be written, such as a header with a line break in it."""


class KeyNeeded(ClientError):
    """The request must be signed, and the client has no key to do it with."""


class Unreachable(ClientError):
    """Nobody answers there."""


class Broken(ClientError):
    """The connection was made and then failed."""


class TimedOut(ClientError):
    """No answer in time."""


class TooLarge(ClientError):
    """More than this client is willing to hold."""


class Foreign(ClientError):
    """An answer that is not of this API."""


class NotApplied(ClientError):
    """Transactions that changed nothing, or not in time.

    Attributes:
        entry: the entry on the ledger, when it got there.
    """

    def __init__(self, why: str, entry: EntryId | None = None) -> None:
        super().__init__(why)
        self.entry = entry


class DeployError(NotApplied):
    """A function that was not deployed, rolled back or retired."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What an account that has to pay lacks, in the network's smallest unit of account.

    Attributes:
        account: who has to pay.
        balance: what it has.
        reserved: what of that is reserved for calls that are under way.
        needed: what is needed.
        missing: give the account as much, and try again.
    """

    account: AccountId
    balance: int
    reserved: int
    needed: int
    missing: int


@dataclass(frozen=True, slots=True)
class Problem:
    """RFC 9457 problem details, as a node writes them: its texts are for programs, and not made safe to print.

    Attributes:
        type: names the kind of problem: `/_moot/problems#<slug>`.
        detail: what was wrong this time, with the value, and what to do next.
        call: the call that failed, when one was recorded.
        call_status: the status of the call's receipt, when there is one.
        backtrace: the function's stack when it trapped, innermost first.
        payment: what is missing, when an account cannot pay (`payment-required`).
    """

    type: str = ""
    title: str = ""
    status: int = 0
    detail: str = ""
    call: str | None = None
    call_status: str | None = None
    fuel: int | None = None
    backtrace: tuple[str, ...] = ()
    payment: Payment | None = None

    @property
    def slug(self) -> str:
        """The last part of the type: a word that programs can compare, such as `body-too-large`."""
        return self.type.rpartition("#")[2]


class Refused(ClientError):
    """The node refused, with its reason. Its text is the problem's detail, made safe to print.

    Attributes:
        status: the HTTP status.
        headers: the answer's headers, as they came.
        problem: the node's own words, as they came.
    """

    def __init__(self, status: int, headers: httpx.Headers, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title or f"the node answered {status}")
        self.status = status
        self.headers = headers
        self.problem = problem

    @property
    def retry_after_s(self) -> int | None:
        """How long the node asks to wait before the next try."""
        return retry_after_s(self.headers)


class CallFailed(Refused):
    """A call was recorded and has a receipt, which says that it failed: sending it again would run it again.

    `problem.call` is its id, `problem.call_status` how it ended (`failed`, `trapped`, `out-of-fuel`, ...).
    """


def retry_after_s(headers: httpx.Headers) -> int | None:
    """The seconds of a `Retry-After` header, when it is there and gives seconds."""
    text = headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def problem_of(headers: httpx.Headers, body: bytes) -> Problem | None:
    """The node's problem in an answer; None when there is none, as when a function answers 404 itself."""
    if not headers.get("content-type", "").startswith("application/problem+json"):
        return None
    problem = _read_problem(body)
    return problem if problem is not None and problem.type.startswith(_PREFIX) else None


def refusal(status: int, headers: httpx.Headers, body: bytes) -> Refused:
    """The error that an answer of 400 and above is."""
    problem = _read_problem(body)
    if problem is None:
        line = body.decode("utf-8", "replace").partition("\n")[0][:MAX_LINE_CHARACTERS]
        problem = Problem(status=status, detail=f"the node answered {status}: {line}")
    kind = Refused if problem.call_status is None else CallFailed
    return kind(status, headers, problem)


def _read_problem(body: bytes) -> Problem | None:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None

    def text(name: str) -> str:
        value = fields.get(name)
        return value if isinstance(value, str) else ""

    def number(name: str) -> int | None:
        value = fields.get(name)
        return value if type(value) is int else None

    frames = fields.get("backtrace")
    return Problem(
        type=text("type"),
        title=text("title"),
        status=number("status") or 0,
        detail=text("detail"),
        call=text("call") or None,
        call_status=text("call-status") or None,
        fuel=number("fuel"),
        backtrace=tuple(str(frame) for frame in frames) if isinstance(frames, list) else (),
        payment=_read_payment(fields.get("payment")),
    )


def _read_payment(value: object) -> Payment | None:
    """What is missing, when the problem says so in a form that is known."""
    if not isinstance(value, dict):
        return None
    try:
        units = [int(value[name]) for name in ("balance", "reserved", "needed", "missing")]
        return Payment(AccountId.parse(value["account"]), *units)
    except (KeyError, TypeError, ValueError):
        return None
