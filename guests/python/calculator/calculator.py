"""Typed exports of every shape: records, variants, enums, flags, options, results, lists, tuples, byte lists.

There is no handler here: each export is called by name, with JSON or WAVE.
"""

from wit_world.exports import arithmetic, orders
from wit_world.exports.arithmetic import Error_DivisionByZero, Error_Overflow, Operation
from wit_world.exports.orders import Bill, Discount_Amount, Discount_Bundle, Discount_Percent, Extras, Item, Line, Order

from moot.guest import Err, export

MAX_FIBONACCI = 40
"""`fibonacci` is exponential: 40 takes long."""

U32, U64 = 2**32 - 1, 2**64 - 1
S64 = range(-(2**63), 2**63)


@export
def add(a: int, b: int) -> int:
    return (a + b) & U32


@export
def fibonacci(n: int) -> int:
    def slow(n: int) -> int:
        return n if n < 2 else slow(n - 1) + slow(n - 2)

    if n > MAX_FIBONACCI:
        raise Err(f"n is {n}; at most {MAX_FIBONACCI} is computed")
    return slow(n)


@export
def sum(numbers: list[int]) -> int:
    total = 0
    for number in numbers:
        total += number
    if total > U64:
        raise OverflowError("the sum does not fit 64 bits")
    return total


@export
def reverse(data: bytes) -> bytes:
    return data[::-1]


@export
def mask(data: bytes, key: int) -> bytes:
    if key == 0:
        raise Err("the key 0 masks nothing")
    return bytes(byte ^ key for byte in data)


@export
def uppercase(text: bytes) -> bytes:
    try:
        return text.decode().upper().encode()
    except UnicodeDecodeError as error:
        raise Err(not_utf8(error)) from None


def not_utf8(error: UnicodeDecodeError) -> str:
    """In the words of Rust's standard library: functions of one name answer alike in every language."""
    if error.reason == "unexpected end of data":
        return f"incomplete utf-8 byte sequence from index {error.start}"
    return f"invalid utf-8 sequence of {max(error.end - error.start, 1)} bytes from index {error.start}"


@export
def nothing() -> None:
    pass


@export("arithmetic")
def evaluate(operation: Operation, a: int, b: int) -> int:
    match operation:
        case Operation.ADD:
            result, sign = a + b, "+"
        case Operation.SUBTRACT:
            result, sign = a - b, "-"
        case Operation.MULTIPLY:
            result, sign = a * b, "*"
        case _ if b == 0:
            raise Err(Error_DivisionByZero())
        case _:
            # Towards zero, as machines divide.
            result, sign = abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1), "/"
    if result not in S64:
        raise Err(Error_Overflow(f"{a} {sign} {b}"))
    return result


@export("arithmetic")
def divide(a: int, b: int) -> tuple[int, int]:
    if b == 0:
        raise Err(Error_DivisionByZero())
    return divmod(a, b)


@export("arithmetic")
def mean(numbers: list[float]) -> float | None:
    # One after the other: the standard library's sum is more exact, and so unlike other languages'.
    total = 0.0
    for number in numbers:
        total += number
    return total / len(numbers) if numbers else None


EXTRAS = ((Extras.GIFT_WRAP, 250), (Extras.EXPRESS, 990), (Extras.INSURED, 120))


@export("orders")
def total(order: Order) -> Bill:
    lines = [line(item) for item in order.items]
    extras = 0
    for extra, cents in EXTRAS:
        if extra in order.extras:
            extras += cents
    total = extras
    for each in lines:
        total += each.cents
    if total > U64:
        raise Err(Error_Overflow("the total"))
    return Bill(lines, extras, total, [item.name[0] for item in order.items if item.name])


def line(item: Item) -> Line:
    full = item.price * item.quantity
    match item.discount:
        case Discount_Amount(cents):
            cents = max(full - cents, 0)
        case Discount_Percent(percent):
            cents = full - full // 100 * min(percent, 100)
        case Discount_Bundle((0, _)):
            raise Err(Error_DivisionByZero())
        case Discount_Bundle((buy, pay)):
            cents = item.price * (item.quantity // buy * min(pay, buy) + item.quantity % buy)
        case _:
            cents = full
    return Line(item.name, cents)
