"""Asks another server, as far as `grants.http` in moot.toml goes."""

from moot.guest import http


def app(environ, start_response):
    try:
        answer = http.fetch("https://example.com/")
    except http.RequestFailed as error:
        start_response("502 Bad Gateway", [("content-type", "text/plain; charset=utf-8")])
        return [f"no answer: {error.reason}\n".encode()]
    start_response(f"{answer.status} ", [("content-type", answer.header("content-type") or "text/plain")])
    return iter(lambda: answer.body.read1(64 * 1024), b"")
