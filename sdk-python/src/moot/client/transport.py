"""What both drivers share: from an `Ask` to an httpx request, and from httpx's errors to ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

import moot
from moot.client.address import shown_address
from moot.client.errors import (
    Broken,
    ClientError,
    Foreign,
    KeyNeeded,
    RequestError,
    TimedOut,
    TooLarge,
    Unreachable,
)
from moot.client.limits import CONNECT_TIMEOUT_S
from moot.keys.request import sign_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moot.client.exchange import Ask
    from moot.record.key import Keypair

_HEADERS: Final = {
    "user-agent": f"folkmoot-python/{moot.__version__}",
    "accept": "*/*",
    # What is read is what was recorded, and nothing unpacks to more than it was.
    "accept-encoding": "identity",
}


def settings(address: httpx.URL) -> dict[str, Any]:
    """What httpx's clients are made with. Redirects are answers, and the environment's proxies are not asked."""
    return {"base_url": address, "headers": _HEADERS, "follow_redirects": False, "trust_env": False}


def build(http: httpx.Client | httpx.AsyncClient, address: httpx.URL, ask: Ask, key: Keypair | None) -> httpx.Request:
    """The request as it is sent, signed when it must be."""
    try:
        url = httpx.URL(shown_address(address) + ask.target)
    except httpx.InvalidURL as error:
        raise RequestError(f"{ask.target!r} is not a path: {error}") from None
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in ask.headers]
    if ask.signed:
        if key is None:
            raise KeyNeeded("the request must be signed, and it cannot be: the client was made without `key`")
        authority, target = url.netloc.decode("ascii"), url.raw_path.decode("ascii")
        fields = sign_request(key, ask.method, authority, target, ask.body)
        headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in fields.items()]
    limits = httpx.Timeout(ask.timeout_s, connect=min(CONNECT_TIMEOUT_S, ask.timeout_s))
    return http.build_request(ask.method, url, headers=headers, content=ask.body, timeout=limits)


def too_large(ask: Ask) -> TooLarge:
    """The error for an answer above its bound."""
    return TooLarge(f"the answer to {ask.what} is larger than {ask.max_answer_bytes} bytes")


def timed_out(address: httpx.URL, ask: Ask) -> TimedOut:
    """The error for an answer that did not come in time."""
    return TimedOut(f"{shown_address(address)} did not answer {ask.what} within {ask.timeout_s:g} s")


def check_stream(response: httpx.Response, ask: Ask) -> None:
    """Checks that an answer is a stream of events.

    Raises:
        Foreign: when it is not.
    """
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        raise Foreign(f"the answer to {ask.what} is no event stream")


@contextmanager
def translated(address: httpx.URL, ask: Ask) -> Iterator[None]:
    """Turns httpx's errors into ours."""
    try:
        yield
    except httpx.HTTPError as error:
        raise _translate(address, ask, error) from error


def _translate(address: httpx.URL, ask: Ask, error: httpx.HTTPError) -> ClientError:
    where, why = shown_address(address), str(error) or type(error).__name__
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return Unreachable(f"no node answers at {where}: {why}")
        case httpx.TimeoutException():
            return timed_out(address, ask)
        case httpx.RemoteProtocolError() if not _is_broken_off(why):
            return Foreign(f"{where} does not speak the API of a Folkmoot node: not HTTP: {why}")
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return RequestError(f"the request cannot be sent: {why}")
        case _:
            return Broken(f"the connection to {where} broke: {why}")


def _is_broken_off(why: str) -> bool:
    """Httpx has one error for a peer that left in the middle and for one that does not speak HTTP."""
    return any(word in why for word in ("disconnected", "closed", "incomplete"))
