"""Functions with types: each export of `wit/world.wit` is called by its name, with JSON."""

from moot.guest import Err, export
from wit_world.imports.types import Quotient


@export
def add(a: int, b: int) -> int:
    return (a + b) & 0xFFFF_FFFF


@export
def divide(dividend: int, divisor: int) -> Quotient:
    if divisor == 0:
        raise Err("the divisor is zero")
    # Towards zero, as machines divide.
    whole = abs(dividend) // abs(divisor)
    if (dividend < 0) != (divisor < 0):
        whole = -whole
    if whole == 2**63:
        raise Err(f"{dividend} / {divisor} does not fit 64 bits")
    return Quotient(whole, dividend - whole * divisor)


@export
def longest(words: list[str]) -> str | None:
    return max(words, key=len, default=None)
