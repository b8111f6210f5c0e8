"""Greets whoever the payload names. A `moot:function` handler: bytes in, bytes or a typed failure out."""

import logging
import os

from moot.guest import Invalid, context, function

MAX_NAME_BYTES = 256
"""A greeting longer than this is not meant for a person."""

log = logging.getLogger("hello")


@function
def handle(payload: bytes) -> str:
    try:
        name = payload.decode().strip() or "world"
    except UnicodeDecodeError:
        raise Invalid("the payload must be a name in UTF-8") from None
    size = len(name.encode())
    if size > MAX_NAME_BYTES:
        raise Invalid(f"the name has {size} bytes; at most {MAX_NAME_BYTES} are greeted")
    log.info("call %s greets %s", context.call_id(), name)
    return f"{os.environ.get('GREETING', 'hello')}, {name}\n"
