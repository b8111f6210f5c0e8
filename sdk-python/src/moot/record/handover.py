"""From the genesis's committee to a later one.

At each change there is the block that names the next committee, certified by the committee before.

- Requires: the genesis of the network, believed.
- Provides: that a quorum of each committee named the next one, and that the last of them certified a block.
- Does not provide: a defence against members of an old committee who all sell their keys: together they could certify
  another history from their time on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.errors import Invalid, ProofError
from moot.record.batch import BlockHeader
from moot.record.cbor import wrong_length
from moot.record.certificate import CertificateError, verify_certificate_by
from moot.record.committee import Committee, Members, read_members, write_members
from moot.record.item import Record, read_nested, write_nested
from moot.record.limits import MAX_BLOCK_HEADER_BYTES, MAX_CERTIFICATE_BYTES, MAX_HANDOVER_BYTES, MAX_HANDOVERS

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer
    from moot.record.committee import Epochs
    from moot.record.fixed import Digest
    from moot.record.genesis import Genesis


@dataclass(frozen=True, slots=True)
class Handover(Record):
    """The end of one committee and the beginning of the next: `[bytes header, bytes certificate, [account, ...]]`.

    Attributes:
        header: the last block of the last epoch in which the committee before voted. It names the next one.
        certificate: the votes of the committee before for that block.
        members: the next committee's members; sorted, when it is verified.
    """

    header: BlockHeader
    certificate: bytes
    members: Members

    MAX_BYTES = MAX_HANDOVER_BYTES

    def write(self, w: Writer) -> None:
        """Appends its fields."""
        w.array(3)
        write_nested(w, self.header)
        w.byte_string(self.certificate)
        write_members(w, self.members)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads its fields."""
        r.array(3)
        header = read_nested(r, BlockHeader, MAX_BLOCK_HEADER_BYTES)
        return cls(header, r.byte_string(MAX_CERTIFICATE_BYTES), read_members(r))


Handovers = tuple[Handover, ...]


def write_handovers(w: Writer, handovers: Handovers) -> None:
    """Appends the handovers of a proof."""
    w.array(len(handovers))
    for handover in handovers:
        handover.write(w)


def read_handovers(r: Reader) -> Handovers:
    """Reads the handovers of a proof. Without any it is of the other version: each proof has one encoding."""
    at = r.position
    count = r.list(MAX_HANDOVERS)
    if count == 0:
        raise wrong_length("the list of handovers", at, 0, 1)
    return tuple(Handover.read(r) for _ in range(count))


def verify_finality(genesis: Genesis, handovers: Handovers, certificate: bytes, header: BlockHeader) -> tuple[int, int]:
    """Verifies a block's certificate with the handovers that lead to its committee; gives the epoch and the view.

    Raises:
        ProofError: names what does not fit.
    """
    network = genesis.network()
    committee = _follow(genesis, network, handovers)
    if genesis.epochs is None:
        return verify_certificate_by(certificate, committee, network, header.digest())
    if handovers and header.height <= handovers[-1].header.height:
        why = f"it is of block {handovers[-1].header.height}, and the certified one is {header.height}"
        raise _wrong("height", committee.number, why)
    return _check(genesis.epochs, network, committee, certificate, header)


def _follow(genesis: Genesis, network: Digest, handovers: Handovers) -> Committee:
    """Follows the handovers from the genesis's committee to the one that they lead to."""
    committee, before = genesis.committee(), -1
    for number, handover in enumerate(handovers, 1):
        if genesis.epochs is None:
            raise _wrong("epochs", number, "the genesis names no epochs: its committee is the only one")
        header = handover.header
        if not genesis.epochs.is_last(header.height):
            raise _wrong("height", number, f"block {header.height} is not the last of its epoch")
        if header.height <= before:
            why = f"block {header.height} does not come after block {before}, the handover before"
            raise _wrong("height", number, why)
        try:
            following = Committee(number, handover.members)
        except Invalid as error:
            raise _wrong("members", number, error.why) from None
        if header.committee != following.digest():
            why = f"block {header.height} does not name this committee as number {number}"
            raise _wrong("committee", number, why)
        try:
            _check(genesis.epochs, network, committee, handover.certificate, header)
        except CertificateError as error:
            raise _wrong(error.field, number, str(error).removeprefix(f"{error.field}: ")) from None
        committee, before = following, header.height
    return committee


def _check(
    epochs: Epochs, network: Digest, committee: Committee, certificate: bytes, header: BlockHeader
) -> tuple[int, int]:
    """Checks a certificate of a network with epochs: its committee's, and of the block's own epoch."""
    epoch, view = verify_certificate_by(certificate, committee, network, header.digest())
    wanted = epochs.of(header.height)
    if epoch != wanted:
        why = f"it is of epoch {epoch}, and block {header.height} is of epoch {wanted}"
        raise CertificateError("certificate.epoch", why)
    return epoch, view


def _wrong(part: str, number: int, why: str) -> ProofError:
    return ProofError(f"handover.{part}", f"handover {number}: {why}")
