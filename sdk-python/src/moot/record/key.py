"""Keys and signatures: ed25519, verified by one rule, ZIP215.

OpenSSL is asked first. Whatever it accepts, ZIP215 accepts: its equation is the same without the factor 8, and its
encodings are fewer. What it refuses is asked again of `zip215`: one dishonest replica can make votes that OpenSSL
refuses and the ledger accepts, and a verifier that followed OpenSSL would call good certificates forged.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from moot.errors import MootError
from moot.record import zip215
from moot.record.fixed import AccountId, Signature

if TYPE_CHECKING:
    from moot.record.hash import Domain

SEED_BYTES = 32


class SignatureError(MootError):
    """A signature that does not verify."""


class Keypair:
    """A signing key. Its `repr` shows the public half only, and it cannot be pickled by accident."""

    __slots__ = ("_key", "account")

    account: AccountId
    """The public half."""

    def __init__(self, seed: bytes) -> None:
        """The key of a seed (RFC 8032's private key)."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.account = AccountId(public)

    @classmethod
    def generate(cls) -> Keypair:
        """A new key from the system's randomness."""
        return cls(secrets.token_bytes(SEED_BYTES))

    def seed(self) -> bytes:
        """The seed, to be stored; whoever has it signs as this account."""
        return self._key.private_bytes_raw()

    def sign(self, domain: Domain, message: bytes) -> Signature:
        """Signs `message` in `domain`."""
        return self.sign_raw(domain.message(message))

    def sign_raw(self, data: bytes) -> Signature:
        """Signs bytes that carry their own separation, as HTTP signature bases do."""
        return Signature(self._key.sign(data))

    def __repr__(self) -> str:
        return f"Keypair({self.account})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled: moot.keys.create_key_file writes it where only its owner reads it")


def verify(account: AccountId, domain: Domain, message: bytes, signature: Signature) -> None:
    """Verifies a signature of `message` in `domain`.

    Raises:
        SignatureError: when the account is no key or the signature is not its.
    """
    verify_raw(account, domain.message(message), signature)


def verify_raw(account: AccountId, message: bytes, signature: Signature) -> None:
    """Verifies a signature of the bytes as they stand.

    Raises:
        SignatureError: when the account is no key or the signature is not its.
    """
    if _openssl(bytes(account), message, bytes(signature)):
        return
    if zip215.verify(bytes(account), message, bytes(signature)):
        return
    if zip215.decompress(bytes(account)) is None:
        raise SignatureError(f"account {account} is not an ed25519 public key")
    raise SignatureError(f"the signature is not account {account}'s signature of this message")


def is_reliable(account: AccountId) -> bool:
    """Whether the account is a key that only its holder can sign for: a point, and not of small order."""
    point = zip215.decompress(bytes(account))
    return point is not None and not zip215.is_small_order(point)


def _openssl(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        # Some builds of OpenSSL have no ed25519 at all: then plain Python judges everything.
        return False
    return True
