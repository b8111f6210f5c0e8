"""Where a replica can be reached: an IP address and a port."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from moot.errors import DecodeError, ParseError
from moot.record.item import Item

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.cbor import Reader, Writer

_PORT_BYTES: Final = 2
_LENGTHS: Final = (4 + _PORT_BYTES, 16 + _PORT_BYTES)
_WANTED: Final = "an address"


@dataclass(frozen=True, slots=True)
class SocketAddress(Item):
    """An IP address and a port, as `10.0.0.5:9080` and `[2001:db8::5]:9080`; bytes of both, big-endian."""

    ip: IPv4Address | IPv6Address
    port: int

    def __post_init__(self) -> None:
        # A zone is a name on one machine: it means nothing to others, and the bytes have no place for it.
        zone = isinstance(self.ip, IPv6Address) and self.ip.scope_id is not None
        if zone or not 0 <= self.port < 1 << 16:
            raise ParseError(str(self), _WANTED, "it has an IP address without a zone, and a port up to 65535")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text form.

        Raises:
            ParseError: when it is none.
        """
        host, _, port = text.rpartition(":")
        v6 = host.startswith("[") and host.endswith("]")
        try:
            ip = ip_address(host[1:-1] if v6 else host)
        except ValueError:
            ip = None
        digits = port.isascii() and port.isdigit() and len(port) <= 5
        if ip is None or not digits or v6 != isinstance(ip, IPv6Address):
            raise ParseError(text, _WANTED, "write 10.0.0.5:9080 or [2001:db8::5]:9080")
        return cls(ip, int(port))

    def __str__(self) -> str:
        if isinstance(self.ip, IPv4Address):
            return f"{self.ip}:{self.port}"
        # Python before 3.13 writes a mapped address in hexadecimal, the node never does.
        mapped = self.ip.ipv4_mapped
        return f"[{self.ip if mapped is None else f'::ffff:{mapped}'}]:{self.port}"

    @property
    def is_reachable(self) -> bool:
        """Whether others can reach it: neither the address nor the port is nought."""
        return int(self.ip) != 0 and self.port != 0

    def write(self, w: Writer) -> None:
        """Appends a byte string."""
        w.byte_string(self.ip.packed + self.port.to_bytes(_PORT_BYTES, "big"))

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads a byte string."""
        at = r.position
        data = r.byte_string(max(_LENGTHS))
        if len(data) not in _LENGTHS:
            raise DecodeError(f"the address at byte {at} has {len(data)} bytes; it has 6, or 18 for IPv6")
        ip, port = data[:-_PORT_BYTES], data[-_PORT_BYTES:]
        return cls(IPv4Address(ip) if len(ip) == 4 else IPv6Address(ip), int.from_bytes(port, "big"))
