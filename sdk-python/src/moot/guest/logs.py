"""`logging` of the standard library, written to the function's log by `wasi:logging`."""

from __future__ import annotations

import logging

from moot.guest.host import NotGranted, interface


class HostHandler(logging.Handler):
    """Hands records to the host, which keeps their level and the logger's name."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        host = interface("moot_logging")
        host.log(getattr(host.Level, level(record.levelno)), record.name, self.format(record))


def level(number: int) -> str:
    """The host's name for a level."""
    for least, name in _LEVELS:
        if number >= least:
            return name
    return "TRACE"


_LEVELS = (
    (logging.CRITICAL, "CRITICAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARN"),
    (logging.INFO, "INFO"),
    (logging.DEBUG, "DEBUG"),
)


def install() -> None:
    """Sends all of `logging` to the host, from `INFO` on. Where there is no such interface, standard error has it."""
    try:
        interface("moot_logging")
    except NotGranted:
        logging.basicConfig(level=logging.INFO)
        return
    root = logging.getLogger()
    root.addHandler(HostHandler())
    root.setLevel(logging.INFO)
