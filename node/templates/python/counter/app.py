"""Counts how often each name was said, in a key-value store: an instance remembers nothing, the store does."""

from moot.guest import Invalid, function, keyvalue


@function
def handle(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid("the payload must be a name")
    return f"{keyvalue.open('default').increment(name)}\n"
