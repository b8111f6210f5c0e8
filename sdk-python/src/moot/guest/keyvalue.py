"""Key-value stores, as far as `grants.keyvalue` in moot.toml names them.

```python
from moot.guest import keyvalue
count = keyvalue.open("default").increment("visits")
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from moot.guest.host import Err, case, interface

if TYPE_CHECKING:
    from collections.abc import Iterator


class StoreError(RuntimeError):
    """A store refused or failed."""


class StoreNotGranted(StoreError):
    """`grants.keyvalue` does not name the store."""


def open(store: str = "default") -> Bucket:  # noqa: A001 - the interface's own word
    """Opens a store by its name."""
    try:
        return Bucket(interface("keyvalue_store").open(store))
    except Err as error:
        raise _refused(store, error) from None


class Bucket:
    """An open store."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def get(self, key: str) -> bytes | None:
        """What is kept under a key; none when there is nothing."""
        try:
            return cast("bytes | None", self._handle.get(key))
        except Err as error:
            raise _refused(key, error) from None

    def set(self, key: str, value: bytes) -> None:
        """Keeps a value in the place of the last one."""
        try:
            self._handle.set(key, value)
        except Err as error:
            raise _refused(key, error) from None

    def delete(self, key: str) -> None:
        """Forgets a key; one that is not there is no error."""
        try:
            self._handle.delete(key)
        except Err as error:
            raise _refused(key, error) from None

    def exists(self, key: str) -> bool:
        """Whether there is something under a key."""
        try:
            return cast("bool", self._handle.exists(key))
        except Err as error:
            raise _refused(key, error) from None

    def keys(self) -> Iterator[str]:
        """All keys, page by page."""
        cursor = None
        while True:
            try:
                page = self._handle.list_keys(cursor)
            except Err as error:
                raise _refused("the list of keys", error) from None
            yield from page.keys
            cursor = page.cursor
            if cursor is None:
                return

    def increment(self, key: str, by: int = 1) -> int:
        """Adds to the number under a key, at one stroke; the new number."""
        try:
            return cast("int", interface("keyvalue_atomics").increment(self._handle, key, by))
        except Err as error:
            raise _refused(key, error) from None


def _refused(what: str, error: Err[Any]) -> StoreError:
    match case(error.value):
        case "no-such-store" | "access-denied":
            return StoreNotGranted(f'{what!r} is not granted: keyvalue = ["..."] in moot.toml grants a store')
        case _:
            return StoreError(f"{what}: {getattr(error.value, 'value', error.value)}")
