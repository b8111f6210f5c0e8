"""Fetches the URL in its query and hands the answer on: `.../?url=https%3A%2F%2Fexample.com%2F`.

What it may reach is not its own decision: `grants.http` in moot.toml is, and everything else is refused by the host
before a packet leaves.
"""

from http import HTTPStatus
from urllib.parse import parse_qs

from moot.guest import http

PIECE_BYTES = 64 * 1024


def app(environ, start_response):
    urls = parse_qs(environ["QUERY_STRING"], keep_blank_values=True).get("url")
    if not urls:
        return answer(start_response, 400, "say what to fetch: ?url=https%3A%2F%2Fexample.com%2F\n")
    url = urls[0]
    try:
        fetched = http.fetch(url)
    except ValueError as error:
        return answer(start_response, 400, f'"{url}" is not a URL: {error}\n')
    except http.RequestFailed as error:
        return answer(start_response, 502, f"{url} could not be fetched: {error.reason}\n")
    # Status and body are passed on; headers are the other side's own business (length, encoding, cookies).
    start_response(f"{fetched.status} ", [])
    return iter(lambda: fetched.body.read1(PIECE_BYTES), b"")


def answer(start_response, status, text):
    start_response(f"{status} {HTTPStatus(status).phrase}", [])
    return [text.encode()]
