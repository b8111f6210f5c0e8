"""Counts how often each name was said. The numbers live in the key-value store `default`; the function itself
remembers nothing.

Payload: a name. Answer: its count as decimal text. `?name` reads without counting, `-name` forgets.
"""

from moot.guest import Internal, Invalid, Unavailable, function, keyvalue


@function
def handle(payload: bytes) -> str:
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        raise Invalid("the payload must be a name in UTF-8") from None
    try:
        bucket = keyvalue.open("default")
        match text[:1]:
            case "":
                raise Invalid("the payload must name what to count")
            case "?":
                return str(read(bucket, text[1:]))
            case "-":
                bucket.delete(text[1:])
                return "0"
            case _:
                return str(bucket.increment(text))
    except keyvalue.StoreNotGranted:
        raise Internal('the store is not granted: keyvalue = ["default"] in moot.toml grants it') from None
    except keyvalue.StoreError as error:
        raise Unavailable(str(error)) from None


def read(bucket: keyvalue.Bucket, name: str) -> int:
    kept = bucket.get(name)
    if kept is None:
        return 0
    if not kept.isdigit():
        raise Internal(f'the store holds something else than a number under "{name}"')
    return int(kept)
