"""Requests to other servers, as far as `grants.http` in moot.toml names them.

```python
from moot.guest import http
answer = http.fetch("https://api.example.com/items", method="POST", body=b"{}", headers={"accept": "text/plain"})
print(answer.status, answer.read())
```
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moot.guest import wsgi
from moot.guest.host import Err, case, interface

if TYPE_CHECKING:
    from collections.abc import Mapping


class RequestFailed(OSError):
    """There was no answer. `reason` is the error code of `wasi:http`: `http-request-denied`, `connection-refused`..."""

    def __init__(self, url: str, reason: str, detail: object = None) -> None:
        super().__init__(f"{url}: {reason}" + (f": {detail}" if detail else ""))
        self.reason = reason


@dataclass
class Response:
    """An answer; its body is read from the connection as it is asked for."""

    status: int
    headers: list[tuple[str, str]]
    body: io.BufferedReader

    def header(self, name: str) -> str | None:
        """The first field of a name."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)

    def read(self) -> bytes:
        """The whole body."""
        return self.body.read()


def fetch(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b"") -> Response:
    """Sends a request and waits for the head of its answer.

    Raises:
        ValueError: The URL is none, or not one of HTTP.
        RequestFailed: There was no answer, or the host refused the request: see `grants.http`.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("it must begin with http:// or https:// and name a host")
    types, outgoing = interface("http_types"), interface("http_outgoing")
    fields = [(name.lower(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    if body:
        fields.append(("content-length", str(len(body)).encode()))
    try:
        request = types.OutgoingRequest(types.Fields.from_list(fields))
        request.set_method(_method(types, method))
        request.set_scheme(types.Scheme_Https() if parts.scheme == "https" else types.Scheme_Http())
        request.set_authority(parts.netloc)
        request.set_path_with_query((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    except Err as error:
        raise ValueError(f"{url} or its headers cannot be sent: {error.value}") from None
    try:
        sending = request.body()
        future = outgoing.handle(request, None)
        # What goes wrong while it is sent shows again below, and the answer says more.
        with suppress(BrokenPipeError), sending.write() as stream:
            wsgi.send(stream, body)
        with suppress(Err):
            types.OutgoingBody.finish(sending, None)
        answered = _wait(future)
    except Err as error:
        raise RequestFailed(url, case(error.value), getattr(error.value, "value", None)) from None
    with answered.headers() as fields_in:
        received = [(name, value.decode("latin-1")) for name, value in fields_in.entries()]
    return Response(answered.status(), received, io.BufferedReader(wsgi.Body(answered), wsgi.READ_BYTES))


def _method(types: Any, method: str) -> Any:
    known = getattr(types, f"Method_{method.capitalize()}", None)
    return types.Method_Other(method) if known is None or method != method.upper() else known()


def _wait(future: Any) -> Any:
    with future.subscribe() as ready:
        ready.block()
    # A result for whether it was taken before, and in it the answer.
    outcome = future.get().value
    if isinstance(outcome, Err):
        raise outcome
    return outcome.value
