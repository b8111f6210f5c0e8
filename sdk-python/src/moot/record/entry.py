"""An entry: one thing said to the ledger: a call, a receipt, a transaction or a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moot.errors import DecodeError
from moot.record import hash as domains
from moot.record.call import Call
from moot.record.cbor import Reader, Writer, too_long, unknown_number
from moot.record.limits import MAX_ENTRY_BYTES
from moot.record.receipt import Receipt
from moot.record.transaction import Transaction, read_transaction, write_transaction
from moot.record.value import NAMED_VALUE_FIELDS, VALUE_FIELDS, Value

if TYPE_CHECKING:
    from moot.record.fixed import Digest

Entry = Call | Receipt | Transaction | Value


def entry_kind(entry: Entry) -> str:
    """`call`, `receipt`, `transaction` or `value`."""
    match entry:
        case Call():
            return "call"
        case Receipt():
            return "receipt"
        case Value():
            return "value"
        case _:
            return "transaction"


def entry_json(entry: Entry) -> dict[str, Any]:
    """Its readable form: its fields under its kind."""
    return {entry_kind(entry): entry.to_json()}


def entry_digest(encoded: bytes) -> Digest:
    """The digest of an encoded entry."""
    return domains.ENTRY.hash(encoded)


def encode_entry(entry: Entry) -> bytes:
    """Its one encoding."""
    w = Writer()
    match entry:
        case Call():
            w.array(1 + Call.FIELDS)
            w.uint(0)
            entry.write(w)
        case Receipt():
            w.array(1 + Receipt.FIELDS)
            w.uint(1)
            entry.write(w)
        case Value():
            w.array(1 + entry.fields)
            w.uint(3)
            entry.write_fields(w)
        case _:
            w.array(1 + entry.FIELDS)
            w.uint(2)
            write_transaction(w, entry)
    return w.done()


def decode_entry(data: bytes) -> Entry:
    """Reads exactly what `encode_entry` writes.

    Raises:
        DecodeError: on any other byte string.
    """
    if len(data) > MAX_ENTRY_BYTES:
        raise too_long("the record", 0, len(data), MAX_ENTRY_BYTES)
    r = Reader(data)
    entry = _read(r)
    r.end()
    return entry


def _read(r: Reader) -> Entry:
    fields = r.list(1 + max(Call.FIELDS, Receipt.FIELDS)) - 1
    at = r.position
    kind = r.uint()
    if kind == 2:
        return read_transaction(r, fields)
    value_fields = NAMED_VALUE_FIELDS if fields == NAMED_VALUE_FIELDS else VALUE_FIELDS
    wanted = {0: Call.FIELDS, 1: Receipt.FIELDS, 3: value_fields}.get(kind)
    if wanted is None:
        raise unknown_number("kind of entry", at, kind)
    if fields != wanted:
        raise DecodeError(f"the entry at byte 0 has length {fields + 1}; the format has {wanted + 1} here")
    match kind:
        case 0:
            return Call.read(r)
        case 1:
            return Receipt.read(r)
        case _:
            return Value.read_fields(r, fields)
