"""Signed HTTP requests: HTTP Message Signatures (RFC 9421) with ed25519, content digests (RFC 9530).

```text
Signature-Input: moot=("@method" "@authority" "@path" "@query" "content-digest");created=..;keyid="<account>";..
Signature:       moot=:<ed25519 over the signature base>:
Content-Digest:  sha-256=:<hash of the body>:
```

- Requires: a clock that agrees with the node's within five minutes.
- Provides: the account made this very request, for this host, just now. A node serves it once: sign anew to send again.
- Does not provide: secrecy.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from moot.record.key import Keypair

LABEL: Final = "moot"
_COMPONENTS: Final = ("@method", "@authority", "@path", "@query", "content-digest")
_NONCE_BYTES: Final = 16


def content_digest(body: bytes) -> str:
    """The `Content-Digest` of a body."""
    return f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"


def sign_request(
    key: Keypair,
    method: str,
    authority: str,
    target: str,
    body: bytes = b"",
    *,
    created_s: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """The header fields that sign a request, made now and with a fresh nonce.

    Args:
        key: whose request it is.
        method: `GET`.
        authority: what the `Host` header will say, `127.0.0.1:8080`.
        target: path and query as they will be sent, `/hello?name=ada`.
        body: the body.
        created_s: another time than now, in seconds since 1970.
        nonce: another nonce than a random one.
    """
    digest = content_digest(body)
    created_s = int(time.time()) if created_s is None else created_s
    nonce = secrets.token_hex(_NONCE_BYTES) if nonce is None else nonce
    parameters = _parameters(str(key.account), created_s, nonce)
    base = _base(method, authority, target, digest, parameters)
    signature = key.sign_raw(base.encode("ascii"))
    return {
        "signature-input": f"{LABEL}={parameters}",
        "signature": f"{LABEL}=:{_base64(bytes(signature))}:",
        "content-digest": digest,
    }


def _parameters(account: str, created_s: int, nonce: str) -> str:
    components = " ".join(f'"{name}"' for name in _COMPONENTS)
    return f'({components});created={created_s};keyid="{account}";alg="ed25519";nonce="{nonce}"'


def _base(method: str, authority: str, target: str, digest: str, parameters: str) -> str:
    """The signature base (RFC 9421, section 2.5): the text that is signed."""
    path, _, query = target.partition("?")
    # Normal form: lowercase, without the scheme's own port.
    values = (method, authority.lower().removesuffix(":80"), path, f"?{query}", digest)
    lines = [f'"{name}": {value}' for name, value in zip(_COMPONENTS, values, strict=True)]
    return "\n".join([*lines, f'"@signature-params": {parameters}'])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
