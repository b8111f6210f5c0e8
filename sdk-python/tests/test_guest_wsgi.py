"""WSGI with a host that is played: what an application is told, and what becomes of what it says."""

import io
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from typing_extensions import Self

from moot.guest import serve, wsgi
from moot.guest.host import Err


class StreamError_Closed:  # noqa: N801 - as the host's bindings have it
    pass


class Method_Post:  # noqa: N801
    pass


class Stream:
    """A body in pieces, or a place for one; takes three bytes at a time."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self.pieces = list(pieces)
        self.written = b""
        self.closed = False
        self.waits = 0

    def blocking_read(self, most: int) -> bytes:
        if not self.pieces:
            raise Err(StreamError_Closed())
        piece = self.pieces.pop(0)
        if len(piece) > most:
            self.pieces.insert(0, piece[most:])
        return piece[:most]

    def check_write(self) -> int:
        # Full every other time.
        self.waits += 1
        return 3 if self.waits % 2 == 0 else 0

    def subscribe(self) -> Any:
        return Ready()

    def write(self, data: bytes) -> None:
        if self.closed:
            raise Err(StreamError_Closed())
        self.written += data

    def flush(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class Ready:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def block(self) -> None: ...


class Host:
    """The module of `wasi:http/types`, as far as an answer needs it."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.status = 0
        self.headers: list[tuple[str, bytes]] = []
        self.finished = False
        self.set = 0
        host = self

        class Fields:
            @staticmethod
            def from_list(entries: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
                return entries

        class OutgoingResponse:
            def __init__(self, fields: list[tuple[str, bytes]]) -> None:
                host.headers = fields

            def set_status_code(self, status: int) -> None:
                host.status = status

            def body(self) -> Any:
                return SimpleNamespace(write=lambda: host.stream)

        class OutgoingBody:
            @staticmethod
            def finish(_body: object, _trailers: object) -> None:
                host.finished = True

        class ResponseOutparam:
            @staticmethod
            def set(_out: object, _response: object) -> None:
                host.set += 1

        self.Fields, self.OutgoingResponse = Fields, OutgoingResponse
        self.OutgoingBody, self.ResponseOutparam = OutgoingBody, ResponseOutparam


def request(target: str, body: Iterable[bytes] = (), headers: Iterable[tuple[str, bytes]] = ()) -> Any:
    return SimpleNamespace(
        path_with_query=lambda: target,
        authority=lambda: "shop.example:8080",
        scheme=lambda: None,
        method=Method_Post,
        headers=lambda: SimpleNamespace(entries=lambda: list(headers)),
        consume=lambda: SimpleNamespace(stream=lambda: Stream(body)),
    )


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(wsgi, "interface", lambda _name: host)
    return host


@pytest.mark.parametrize(
    ("target", "root", "script", "path"),
    [
        ("/shop/items?a=b", None, "/shop", "/items"),
        ("/shop", None, "/shop", ""),
        ("/shopping", None, "", "/shopping"),
        ("/other/items", "/other", "/other", "/items"),
        ("/sh%6Fp/%C3%A9", None, "/shop", "/\u00c3\u00a9"),
    ],
)
def test_an_application_is_told_where_its_root_is(target: str, root: str | None, script: str, path: str) -> None:
    told = wsgi.environ(request(target), root, "shop")
    assert (told["SCRIPT_NAME"], told["PATH_INFO"]) == (script, path)


def test_an_application_is_told_what_pep_3333_asks_for() -> None:
    headers = [("content-type", b"text/plain"), ("accept", b"a"), ("accept", b"b"), ("x-name", b"caf\xe9")]
    told = wsgi.environ(request("/shop/?q=1", [b"ab", b"", b"cd"], headers), None, "shop")
    assert told["REQUEST_METHOD"] == "POST"
    assert told["QUERY_STRING"] == "q=1"
    assert (told["SERVER_NAME"], told["SERVER_PORT"], told["HTTP_HOST"]) == (
        "shop.example",
        "8080",
        "shop.example:8080",
    )
    assert (told["CONTENT_TYPE"], told["HTTP_ACCEPT"], told["HTTP_X_NAME"]) == ("text/plain", "a,b", "caf\u00e9")
    assert told["wsgi.input"].read() == b"abcd"
    assert told["wsgi.input"].read() == b""


def test_an_answer_is_sent_as_it_comes(host: Host) -> None:
    seen = []

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("201 Created", [("X-A", "b"), ("Connection", "close"), ("Transfer-Encoding", "chunked")])
        yield b"hello "
        seen.append(host.stream.written)
        yield b""
        yield b"world"

    wsgi.answer(app, request("/"), None, None, "shop")
    assert (host.status, host.headers) == (201, [("x-a", b"b")])
    assert (host.stream.written, seen, host.finished, host.set) == (b"hello world", [b"hello "], True, 1)


def test_an_answer_without_a_body_has_a_head_and_an_end(host: Host) -> None:
    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("204 No Content", [])
        return []

    wsgi.answer(app, request("/"), None, None, "shop")
    assert (host.status, host.stream.written, host.finished) == (204, b"", True)


def test_what_an_application_leaves_open_is_closed_even_when_it_fails(host: Host) -> None:
    class Pieces(io.BytesIO):
        def __next__(self) -> bytes:
            raise RuntimeError("in the middle")

    pieces = Pieces()

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return pieces

    with pytest.raises(RuntimeError, match="in the middle"):
        wsgi.answer(app, request("/"), None, None, "shop")
    assert pieces.closed
    assert host.status == 0, "nothing was sent, so the node answers"


def test_a_caller_who_went_away_is_no_error(host: Host) -> None:
    host.stream.closed = True

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        return [b"hello"]

    wsgi.answer(app, request("/"), None, None, "shop")
    assert not host.finished


def test_start_response_is_called_once_or_with_an_error(host: Host) -> None:
    answer = wsgi.Answer(None)
    answer.start("200 OK", [])
    with pytest.raises(AssertionError, match="twice"):
        answer.start("200 OK", [])
    answer.start("500 Oh", [], (None, None, None))
    answer.write(b"oh")
    assert host.status == 500
    error = RuntimeError("late")
    with pytest.raises(RuntimeError, match="late"):
        answer.start("500 Oh", [], (RuntimeError, error, None))


def test_only_applications_are_served() -> None:
    with pytest.raises(TypeError, match="int is no WSGI application"):
        serve(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no root"):
        serve(lambda _environ, _start: [], "shop/")
