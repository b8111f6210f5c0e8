"""Greets over HTTP. A plain WSGI application, with nothing of this platform in it.

`.../echo` streams the request's body back as it comes; any other path is greeted.
"""

PIECE_BYTES = 64 * 1024


def app(environ, start_response):
    path = environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    if path.endswith("/echo"):
        start_response("200 OK", [])
        return iter(lambda: environ["wsgi.input"].read1(PIECE_BYTES), b"")
    start_response("200 OK", [("content-type", "text/plain; charset=utf-8")])
    return [f"hello from {path}\n".encode("latin-1")]
