"""ed25519 verification by ZIP215, in plain Python: slow (some milliseconds), and exact about the odd cases.

The rule: A and R may be any encoding that decompresses (y need not be reduced, x = 0 may have its sign set),
`s < L`, and `8sB = 8R + 8kA` with `k = SHA-512(R || A || message)` over the bytes as they came.

Only public values pass through here, so nothing needs to run in constant time. Formulas: RFC 8032, section 5.1.4.
"""

from __future__ import annotations

import hashlib
from typing import Final

Point = tuple[int, int, int, int]
"""Extended homogeneous coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z."""

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, P) % P
_SQRT_MINUS_ONE: Final = pow(2, (P - 1) // 4, P)
IDENTITY: Final[Point] = (0, 1, 1, 0)


def _add(a: Point, b: Point) -> Point:
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    m = (y1 - x1) * (y2 - x2) % P
    n = (y1 + x1) * (y2 + x2) % P
    c = 2 * t1 * t2 * _D % P
    d = 2 * z1 * z2 % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _double(a: Point) -> Point:
    x1, y1, z1, _ = a
    m, n = x1 * x1 % P, y1 * y1 % P
    c = 2 * z1 * z1 % P
    h = m + n
    e = h - (x1 + y1) * (x1 + y1) % P
    g = m - n
    f = c + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    """`scalar` times `point`."""
    result = IDENTITY
    for bit in f"{scalar:b}":
        result = _double(result)
        if bit == "1":
            result = _add(result, point)
    return result


def _negate(a: Point) -> Point:
    return (-a[0] % P, a[1], a[2], -a[3] % P)


def is_identity(a: Point) -> bool:
    """Whether it is the neutral element: x = 0 and y = 1."""
    return a[0] % P == 0 and (a[1] - a[2]) % P == 0


def decompress(data: bytes) -> Point | None:
    """The point of a 32-byte encoding; None when there is none. Encodings that are not canonical are taken."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, (number & (1 << 255) - 1) % P
    # x^2 = (y^2 - 1) / (d y^2 + 1), the root as in RFC 8032, section 5.1.3.
    u, v = (y * y - 1) % P, (_D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P) % P, (P - 5) // 8, P) % P
    if v * x * x % P == P - u and u:
        x = x * _SQRT_MINUS_ONE % P
    if v * x * x % P != u:
        return None
    if x & 1 != sign:
        x = -x % P
    return (x, y, 1, x * y % P)


def is_small_order(point: Point) -> bool:
    """Whether eight times the point is the neutral element: anybody can sign for such a key."""
    return is_identity(multiply(8, point))


_BASE_Y: Final = 4 * pow(5, -1, P) % P
_BASE: Final = decompress(_BASE_Y.to_bytes(32, "little"))


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is good for `message` under the 32-byte key `public`, by ZIP215."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or _BASE is None:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    difference = _add(_add(multiply(s, _BASE), _negate(multiply(k, a))), _negate(r))
    return is_identity(multiply(8, difference))
