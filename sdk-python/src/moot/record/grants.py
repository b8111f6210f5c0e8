"""What a function may touch: the part of its spec that its owner thinks about most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moot.record.item import Item
from moot.record.limits import MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that a function sees: the operator's name for it, where it appears, whether it may be written."""

    name: str
    at: str
    write: bool = False


@dataclass(frozen=True, slots=True)
class Grants(Item):
    """What a function may touch. Everything is denied until it is granted. `Grants.of` sorts what is given to it.

    Attributes:
        http: hosts as `scheme://host:port`; None refuses the import too, an empty list admits it and denies every
            request.
        env: names and values of environment variables.
    """

    http: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    key_value: tuple[str, ...] = ()
    dirs: tuple[Directory, ...] = ()
    clock: bool = False
    random: bool = False
    ledger: bool = False

    @classmethod
    def of(
        cls,
        *,
        http: Iterable[str] | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        key_value: Iterable[str] = (),
        dirs: Iterable[Directory] = (),
        clock: bool = False,
        random: bool = False,
        ledger: bool = False,
    ) -> Self:
        """Grants from collections in any order: they are sorted, and what stands twice stands once."""
        return cls(
            http=None if http is None else tuple(sorted(set(http))),
            env=tuple(sorted((env or {}).items())),
            secrets=tuple(sorted(set(secrets))),
            key_value=tuple(sorted(set(key_value))),
            dirs=tuple(sorted(set(dirs), key=lambda directory: directory.name)),
            clock=clock,
            random=random,
            ledger=ledger,
        )

    def to_json(self) -> dict[str, Any]:
        """Its readable form."""
        return {
            "http": None if self.http is None else list(self.http),
            "env": [list(pair) for pair in self.env],
            "secrets": list(self.secrets),
            "key_value": list(self.key_value),
            "dirs": [{"name": d.name, "at": d.at, "write": d.write} for d in self.dirs],
            "clock": self.clock,
            "random": self.random,
            "ledger": self.ledger,
        }

    def write(self, w: Writer) -> None:
        """Appends its fields."""

        def texts(values: tuple[str, ...]) -> None:
            w.array(len(values))
            for text in values:
                w.text(text)

        w.array(8)
        w.optional(self.http, texts)
        w.array(len(self.env))
        for pair in self.env:
            texts(pair)
        texts(self.secrets)
        texts(self.key_value)
        w.array(len(self.dirs))
        for directory in self.dirs:
            w.array(3)
            w.text(directory.name)
            w.text(directory.at)
            w.boolean(directory.write)
        for flag in (self.clock, self.random, self.ledger):
            w.boolean(flag)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""

        def text() -> str:
            return r.text(MAX_SPEC_TEXT_BYTES)

        def texts() -> tuple[str, ...]:
            return tuple(text() for _ in range(r.list(MAX_SPEC_LIST)))

        def pair() -> tuple[str, str]:
            r.array(2)
            return (text(), text())

        def directory() -> Directory:
            r.array(3)
            return Directory(text(), text(), r.boolean())

        r.array(8)
        return cls(
            http=r.optional(texts),
            env=tuple(pair() for _ in range(r.list(MAX_SPEC_LIST))),
            secrets=texts(),
            key_value=texts(),
            dirs=tuple(directory() for _ in range(r.list(MAX_SPEC_LIST))),
            clock=r.boolean(),
            random=r.boolean(),
            ledger=r.boolean(),
        )
