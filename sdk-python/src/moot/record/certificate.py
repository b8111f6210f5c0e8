"""A certificate: a quorum's votes for a block, as commonware's simplex writes a finalisation.

```text
certificate = proposal | u64 n | bitmap | varint votes | votes * 64-byte signature
proposal    = varint epoch | varint view | varint parent view | 32-byte block digest
bitmap      = ceil(n / 8) bytes; member i is bit i % 8 of byte i / 8
each signs    varint(len) | namespace "_FINALIZE" | proposal
```

`u64` is big-endian; a varint has seven bits a byte, least significant first, in its shortest form. Members are in
their committee's order, which is sorted; the namespace is the committee's. What the bytes say is judged before any
signature is checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moot.errors import DecodeError, ProofError
from moot.record.cbor import Reader, too_long
from moot.record.fixed import Digest, Signature
from moot.record.key import SignatureError, verify_raw
from moot.record.limits import MAX_CERTIFICATE_BYTES

if TYPE_CHECKING:
    from moot.record.committee import Committee
    from moot.record.genesis import Genesis


class CertificateError(ProofError):
    """A certificate that certifies nothing."""


def quorum(validators: int) -> int:
    """How many of `validators` must vote: all but the largest number that may be dishonest."""
    return validators - max(validators - 1, 0) // 3


def verify_certificate(certificate: bytes, genesis: Genesis, block: Digest) -> tuple[int, int]:
    """Verifies that a quorum of the genesis's validators finalised `block`; gives the epoch and the view.

    Raises:
        CertificateError: says what does not fit.
    """
    return verify_certificate_by(certificate, genesis.committee(), genesis.network(), block)


def verify_certificate_by(certificate: bytes, committee: Committee, network: Digest, block: Digest) -> tuple[int, int]:
    """Verifies that a quorum of a committee of `network` finalised `block`; gives the epoch and the view.

    Raises:
        CertificateError: says what does not fit.
    """
    try:
        if len(certificate) > MAX_CERTIFICATE_BYTES:
            raise too_long("the certificate", 0, len(certificate), MAX_CERTIFICATE_BYTES)
        return _verify(Reader(certificate), certificate, committee, network, block)
    except DecodeError as error:
        raise CertificateError("certificate", str(error)) from None


def certificate_round(certificate: bytes) -> tuple[int, int]:
    """The epoch and the view that a certificate names, not verified.

    Raises:
        CertificateError: when it does not start with them.
    """
    r = Reader(certificate)
    try:
        return _varint(r), _varint(r)
    except DecodeError as error:
        raise CertificateError("certificate", str(error)) from None


def _verify(r: Reader, certificate: bytes, committee: Committee, network: Digest, block: Digest) -> tuple[int, int]:
    epoch, view, _parent = _varint(r), _varint(r), _varint(r)
    found = Digest(r.take(Digest.LENGTH))
    if found != block:
        raise CertificateError("certificate.block", f"it is for block {found}, not {block}")
    proposal = certificate[: r.position]
    voters = _voters(r, len(committee.members))
    signatures = _varint(r)
    if signatures != len(voters):
        why = f"its bitmap names {len(voters)} voters, it has {signatures} signatures"
        raise CertificateError("certificate.votes", why)
    votes = [(committee.members[voter], Signature(r.take(Signature.LENGTH))) for voter in voters]
    r.end()
    message = vote_message(committee.namespace(network), b"_FINALIZE", proposal)
    for validator, signature in votes:
        try:
            verify_raw(validator, message, signature)
        except SignatureError:
            why = f"the vote of validator {validator} is not its signature of this proposal"
            raise CertificateError("certificate.vote", why) from None
    return epoch, view


def vote_message(namespace: bytes, kind: bytes, said: bytes) -> bytes:
    """What a vote signs: its kind is the end of its namespace."""
    space = namespace + kind
    return write_varint(len(space)) + space + said


def _voters(r: Reader, validators: int) -> list[int]:
    """The places of the validators who voted: a quorum of existing ones."""
    found = int.from_bytes(r.take(8), "big")
    if found != validators:
        why = f"its committee has {found} validators, the one that votes here has {validators}"
        raise CertificateError("certificate.committee", why)
    bitmap = r.take((validators + 7) // 8)
    voters = [i for i in range(8 * len(bitmap)) if bitmap[i // 8] >> i % 8 & 1]
    if voters and voters[-1] >= validators:
        why = f"its bitmap names a validator beyond the {validators} that there are"
        raise CertificateError("certificate.bitmap", why)
    if len(voters) < quorum(validators):
        why = f"{len(voters)} of {validators} votes; a quorum is {quorum(validators)}"
        raise CertificateError("certificate.quorum", why)
    return voters


def write_varint(value: int) -> bytes:
    """A number as a varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(r: Reader) -> int:
    at = r.position
    value = shift = 0
    while True:
        byte = r.take(1)[0]
        if (byte == 0 and shift > 0) or (shift == 63 and byte > 1):
            raise DecodeError(f"the varint at byte {at} is not in its shortest form")
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
