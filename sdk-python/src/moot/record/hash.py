"""Hashing and signing domains.

Every kind of thing that is hashed or signed has its own tag, so that a page can never pass for a tree node, nor a
signed bundle for a signed request. A hash is BLAKE3 in keyed mode with the tag as its (public) key; a signature
covers `tag || message`. The tag is the domain's name, zero-padded to 32 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from moot.record.fixed import Digest

_TAG_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain-separation tag."""

    name: str

    @property
    def tag(self) -> bytes:
        """The 32 bytes of the tag."""
        return self.name.encode("ascii").ljust(_TAG_BYTES, b"\0")

    def hash(self, data: bytes) -> Digest:
        """Hashes `data` in this domain."""
        return Digest(blake3(data, key=self.tag).digest())

    def message(self, message: bytes) -> bytes:
        """What a signature in this domain covers."""
        return self.tag + message


PAGE: Final = Domain("moot page 1")
NODE: Final = Domain("moot node 1")
BUNDLE: Final = Domain("moot bundle 1")
BUNDLE_ID: Final = Domain("moot bundle id 1")
BATCH: Final = Domain("moot batch 1")
SEAL: Final = Domain("moot seal 1")
BLOCK: Final = Domain("moot block 1")
COMMITTEE: Final = Domain("moot committee 1")
ENTRY: Final = Domain("moot entry 1")
PAYLOAD: Final = Domain("moot payload 1")
SPEC: Final = Domain("moot spec 1")
GENESIS: Final = Domain("moot genesis 1")
SEED: Final = Domain("moot seed 1")
STATE: Final = Domain("moot state 1")
STATE_KEY: Final = Domain("moot state key 1")
STATE_VALUE: Final = Domain("moot state value 1")
STATE_LEAF: Final = Domain("moot state leaf 1")
STATE_NODE: Final = Domain("moot state node 1")
REQUEST: Final = Domain("moot request 1")
CANDIDATE: Final = Domain("moot candidate 1")


def component_digest(wasm: bytes) -> Digest:
    """A component's name: the plain BLAKE3 digest of its bytes, as `b3sum` prints it."""
    return Digest(blake3(wasm).digest())
