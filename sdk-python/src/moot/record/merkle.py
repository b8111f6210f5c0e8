"""Merkle trees in the shape of RFC 9162, section 2.1, over digests that are already tagged.

Leaves are hashed in their own domain (page, bundle, batch) and inner nodes in the node domain. The number of leaves is
signed beside the root, so a path has one length. A tree of one leaf is the leaf; an empty tree is thirty-two zeros,
which no path leads to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moot.errors import DecodeError, Invalid
from moot.record import hash as domains
from moot.record.fixed import ZERO, Digest
from moot.record.limits import MAX_PATH_DIGESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moot.record.cbor import Reader, Writer

Path = tuple[Digest, ...]


def _node(left: Digest, right: Digest) -> Digest:
    return domains.NODE.hash(bytes(left) + bytes(right))


def _left_size(leaves: int) -> int:
    """The largest power of two below `leaves`, which are two or more."""
    return 1 << (leaves - 1).bit_length() - 1


def root(leaves: Sequence[Digest]) -> Digest:
    """The root of a tree."""
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        return leaves[0]
    size = _left_size(len(leaves))
    return _node(root(leaves[:size]), root(leaves[size:]))


def path(leaves: Sequence[Digest], index: int) -> Path:
    """The digests beside the way from leaf `index` to the root, from the leaf upwards."""
    if len(leaves) < 2 or not 0 <= index < len(leaves):
        return ()
    size = _left_size(len(leaves))
    left, right = leaves[:size], leaves[size:]
    if index < size:
        return (*path(left, index), root(right))
    return (*path(right, index - size), root(left))


def climb(leaf: Digest, index: int, count: int, beside: Path) -> Digest:
    """The root that a path leads to, as RFC 9162, 2.1.3.2 has it.

    Raises:
        DecodeError: when the index is not below the count, or the path has another length than they need.
    """
    if index >= count:
        raise DecodeError(f"index {index} is not below the {count} leaves of the tree")
    wrong = f"a path of {len(beside)} digests does not fit leaf {index} of {count}"
    at, last, digest = index, count - 1, leaf
    for sibling in beside:
        if last == 0:
            raise DecodeError(wrong)
        if at & 1 == 1 or at == last:
            digest = _node(sibling, digest)
            while at & 1 == 0 and at != 0:
                at >>= 1
                last >>= 1
        else:
            digest = _node(digest, sibling)
        at >>= 1
        last >>= 1
    if last != 0:
        raise DecodeError(wrong)
    return digest


def write_path(w: Writer, beside: Path) -> None:
    """Appends a path: its digests, concatenated."""
    w.byte_string(b"".join(map(bytes, beside)))


def read_path(r: Reader) -> Path:
    """Reads a path."""
    data = r.byte_string(MAX_PATH_DIGESTS * Digest.LENGTH)
    if len(data) % Digest.LENGTH:
        raise Invalid("path", f"{len(data)} bytes are no whole number of 32-byte digests")
    return tuple(Digest(data[i : i + Digest.LENGTH]) for i in range(0, len(data), Digest.LENGTH))
