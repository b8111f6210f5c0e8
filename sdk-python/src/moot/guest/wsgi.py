"""HTTP by a WSGI application (PEP 3333): Flask, Bottle, Falcon, Django and the like run as they are.

A module that has a WSGI application called `app` or `application` needs nothing from here; any other is named:

```python
from moot.guest import serve
serve(make_app())
```

The application's root is where the function's route is, as long as that is `/<name of the function>` or below it: then
`SCRIPT_NAME` is the route and `PATH_INFO` what follows. `serve(app, root="/shop")` says another.

Bodies are streamed both ways: the request's is read as the application reads it, and what the application yields is
sent at once.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from moot.guest.host import Err, Ok, case, interface

if TYPE_CHECKING:
    from types import TracebackType

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

READ_BYTES = 64 * 1024
"""Asked of the host at a time: what it has at hand is given, at most this."""

_served: tuple[App, str | None] | None = None


def serve(app: App, root: str | None = None) -> None:
    """Makes a WSGI application the one that answers HTTP."""
    global _served  # noqa: PLW0603 - a component has one
    if not callable(app):
        raise TypeError(f"a {type(app).__name__} is no WSGI application: it cannot be called")
    if root is not None and (not root.startswith("/") or root.endswith("/")):
        raise ValueError(f'{root!r} is no root: it begins with "/" and does not end with it')
    _served = (app, root)


def served() -> tuple[App, str | None] | None:
    """The application, and where its root is."""
    return _served


def environ(request: Any, root: str | None, function: str | None) -> dict[str, Any]:
    """What an application is told of a request."""
    target = request.path_with_query() or "/"
    path, _, query = target.partition("?")
    # PEP 3333: bytes as the characters of ISO 8859-1.
    path = unquote_to_bytes(path).decode("latin-1")
    if root is None:
        root = f"/{function}"
    script = root if path == root or path.startswith(f"{root}/") else ""
    authority = request.authority() or "localhost"
    host, _, port = authority.rpartition(":") if authority.rpartition(":")[2].isdigit() else (authority, "", "")
    scheme = case(request.scheme()) if request.scheme() else "http"
    told: dict[str, Any] = {
        "REQUEST_METHOD": _method(request.method()),
        "SCRIPT_NAME": script,
        "PATH_INFO": path[len(script) :],
        "QUERY_STRING": query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or ("443" if scheme == "https" else "80"),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        # One request, and the instance is gone.
        "wsgi.run_once": True,
    }
    for name, value in request.headers().entries():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text = value.decode("latin-1")
        told[key] = f"{told[key]},{text}" if key in told else text
    told.setdefault("HTTP_HOST", authority)
    told["wsgi.input"] = io.BufferedReader(Body(request), READ_BYTES)
    # A body without a length ends with the stream; Werkzeug asks for this word, as PEP 3333 has none for it.
    told["wsgi.input_terminated"] = True
    return told


def _method(method: Any) -> str:
    value = getattr(method, "value", None)
    return value if isinstance(value, str) else case(method).upper()


class Body(io.RawIOBase):
    """A request's body, or an outbound response's: read from the host as it is asked for."""

    def __init__(self, message: Any) -> None:
        super().__init__()
        self._message = message
        self._body: Any = None
        self._stream: Any = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads what is there, at least one byte; 0 at the end."""
        if self.closed:
            raise ValueError("the body is closed")
        view = memoryview(buffer).cast("B")
        if self._stream is None:
            self._body = self._message.consume()
            self._stream = self._body.stream()
        try:
            # An empty piece says only that there is nothing yet.
            while not (piece := self._stream.blocking_read(min(len(view), READ_BYTES))):
                pass
        except Err as error:
            if case(error.value) == "closed":
                return 0
            raise OSError("the other side broke off its body") from None
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Lets go of it: the stream first, because a body with a stream cannot be dropped."""
        stream, body = self._stream, self._body
        self._stream = self._body = None
        for held in (stream, body):
            if held is not None:
                held.__exit__(None, None, None)
        super().close()


class Answer:
    """`start_response`, and what is written after it."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._head: tuple[int, list[tuple[str, bytes]]] | None = None
        self._body: Any = None
        self._stream: Any = None

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """PEP 3333's `start_response`."""
        if exc_info is not None and self._stream is not None and exc_info[1] is not None:
            raise exc_info[1]
        if exc_info is None and self._head is not None:
            raise AssertionError("start_response was called twice")
        code = int(status.split(" ", 1)[0])
        self._head = (code, [(name.lower(), value.encode("latin-1")) for name, value in headers])
        return self.write

    def write(self, piece: bytes) -> None:
        """Sends a piece of the body; the first takes the head along."""
        self._begin()
        send(self._stream, piece)

    def finish(self) -> None:
        """Ends the answer."""
        self._begin()
        self._stream.__exit__(None, None, None)
        interface("http_types").OutgoingBody.finish(self._body, None)

    def _begin(self) -> None:
        if self._stream is not None:
            return
        if self._head is None:
            raise AssertionError("the application answered before it called start_response")
        http = interface("http_types")
        status, headers = self._head
        # These are the host's own business.
        kept = [(name, value) for name, value in headers if name not in _HOP_BY_HOP]
        response = http.OutgoingResponse(http.Fields.from_list(kept))
        response.set_status_code(status)
        self._body = response.body()
        http.ResponseOutparam.set(self._out, Ok(response))
        self._stream = self._body.write()


_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection", "te", "trailer"}
)


def send(stream: Any, data: bytes) -> None:
    """Writes all of it, as fast as the host takes it."""
    view = memoryview(data)
    at = 0
    try:
        while at < len(view):
            room = stream.check_write()
            if room == 0:
                with stream.subscribe() as ready:
                    ready.block()
                continue
            piece = bytes(view[at : at + room])
            stream.write(piece)
            at += len(piece)
        stream.flush()
    except Err as error:
        raise BrokenPipeError(f"the caller is gone: {case(error.value)}") from None


def answer(app: App, request: Any, out: Any, root: str | None, function: str | None) -> None:
    """Runs an application on one request."""
    told = environ(request, root, function)
    reply = Answer(out)
    pieces = app(told, reply.start)
    try:
        for piece in pieces:
            if piece:
                reply.write(piece)
        reply.finish()
    except BrokenPipeError:
        # Nobody listens any more: no fault of the application.
        return
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
