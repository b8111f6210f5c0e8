"""Answers HTTP requests: a WSGI application called `app`. One of Flask's runs as it is: name flask in requirements.txt."""


def app(environ, start_response):
    # SCRIPT_NAME is the function's route, PATH_INFO what follows. `<route>/echo` streams the request's body back.
    if environ["PATH_INFO"] == "/echo":
        start_response("200 OK", [])
        return iter(lambda: environ["wsgi.input"].read1(64 * 1024), b"")
    start_response("200 OK", [("content-type", "text/plain; charset=utf-8")])
    return [f"hello from {environ['SCRIPT_NAME']}{environ['PATH_INFO']}\n".encode("latin-1")]
