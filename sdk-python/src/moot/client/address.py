"""Where a node is: `http://127.0.0.1:8080`, `https://moot.example`, or just `127.0.0.1:8080`."""

from __future__ import annotations

import os

import httpx

from moot.client.errors import AddressError

MAX_PORT = 65_535


def default_address() -> str:
    """Where the command line looks for a node: `MOOT_NODE`, or this machine."""
    return os.environ.get("MOOT_NODE") or "http://127.0.0.1:8080"


def parse_address(text: str) -> httpx.URL:
    """Reads an address as people write it: scheme, host and port, and nothing behind them. No scheme means `http`.

    Raises:
        AddressError: says what is wrong with it.
    """
    trimmed = text.strip().rstrip("/")
    try:
        url = httpx.URL(trimmed if "://" in trimmed else f"http://{trimmed}")
    except httpx.InvalidURL as error:
        raise AddressError(text, f"it is not a URL ({error})") from None
    why = None
    if url.scheme not in ("http", "https"):
        why = "only http and https are spoken"
    elif url.userinfo:
        why = "a user or password does not belong in it"
    elif not url.host or "%" in url.host or trimmed.endswith(":") or (url.port or 0) > MAX_PORT:
        why = "it names no host and port"
    elif url.raw_path not in (b"", b"/") or url.fragment:
        why = "it must end after the host and port"
    if why is not None:
        raise AddressError(text, why)
    return url.copy_with(path="/")


def shown_address(address: httpx.URL) -> str:
    """The address as people write it."""
    return str(address).rstrip("/")
