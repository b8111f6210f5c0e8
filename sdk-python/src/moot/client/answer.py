"""The answer to a call, and how far a call is waited for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from moot.client.errors import Foreign
from moot.errors import DecodeError, ParseError
from moot.record.address import EntryId
from moot.record.proof import SignedEntry
from moot.record.text import read_base64url

if TYPE_CHECKING:
    import httpx

    from moot.client.exchange import Reply


class Wait(Enum):
    """How far a call is waited for."""

    ACCEPTED = "accepted"
    """The call is durable; it runs afterwards. `Client.find_call` says what became of it."""
    EXECUTED = "executed"
    """The receipt is durable."""
    FINAL = "final"
    """The ledger has ordered the receipt, if that happens within 30 s; `Answer.final` says so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered.

    Attributes:
        status: the HTTP status; 202 when the call was accepted only.
        call: the call's id on the ledger.
        fuel: what it burnt; None when it is not known yet, as for an answer that was streamed.
        replayed: it is the stored answer of an earlier call with the same idempotency key.
        final: the ledger has ordered the receipt.
        signed_receipt: the receipt with the worker's signature, when `receipt=True` asked for it.
    """

    status: int
    headers: httpx.Headers
    body: bytes
    call: EntryId
    fuel: int | None
    replayed: bool
    final: bool
    signed_receipt: SignedEntry | None

    @property
    def text(self) -> str:
        """The body as UTF-8 text.

        Raises:
            UnicodeDecodeError: when it is none.
        """
        return self.body.decode("utf-8")

    def json(self) -> Any:
        """The body as JSON. 64-bit integers above 2^53-1 come as decimal strings, bytes as base64.

        Raises:
            json.JSONDecodeError: when it is none.
        """
        return json.loads(self.body)


def read_answer(reply: Reply) -> Answer:
    """Reads the answer to a call.

    Raises:
        Foreign: when the node's own headers are missing or cannot be read.
    """
    headers = reply.headers
    call, fuel, receipt = (headers.get(name) for name in ("moot-call", "moot-fuel", "moot-receipt"))
    if call is None:
        raise Foreign("the answer names no call (it has no Moot-Call header): it is not a Folkmoot node's")
    try:
        return Answer(
            status=reply.status,
            headers=headers,
            body=reply.body,
            call=EntryId.parse(call),
            fuel=None if fuel is None else int(fuel),
            replayed=headers.get("moot-replayed") == "true",
            final="moot-wait=final" in headers.get("preference-applied", ""),
            signed_receipt=None if receipt is None else SignedEntry.decode(read_base64url(receipt)),
        )
    except (ParseError, DecodeError, ValueError) as error:
        raise Foreign(f"a header of the node's answer cannot be read: {error}") from None
