"""A relay before a node, whose connections a test can cut in the middle."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Relay:
    """Passes bytes on, both ways, until `cut`; later connections are passed on again."""

    def __init__(self, address: str) -> None:
        to = urlsplit(address)
        self._to = (to.hostname or "", to.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Ends every connection that there is."""
        cut, self._open = self._open, []
        for end in cut:
            _end(end)

    def close(self) -> None:
        _end(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            node = socket.create_connection(self._to)
            self._open += [client, node]
            for source, sink in ((client, node), (node, client)):
                threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    _end(source)
    _end(sink)


def _end(end: socket.socket) -> None:
    # A shutdown wakes whoever waits in it; a close alone does not.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
