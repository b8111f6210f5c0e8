"""Answers an event: bytes in, bytes or a failure out."""

import logging

from moot.guest import Invalid, function

log = logging.getLogger("{{name}}")


@function
def handle(payload: bytes) -> str:
    try:
        name = payload.decode().strip() or "world"
    except UnicodeDecodeError:
        raise Invalid("the payload must be a name in UTF-8") from None
    log.info("greets %s", name)
    return f"hello, {name}\n"
