"""A relay before a node, whose connections a test can cut in the middle, and whose answers it can lose."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum, auto
from urllib.parse import urlsplit


class Loss(Enum):
    """What becomes of an answer that the node has given and nobody gets."""

    CUT = auto()
    """Its connection ends instead."""
    SILENT = auto()
    """Its connection stays, and nothing comes over it any more."""


class Relay:
    """Passes bytes on, both ways, until `cut`; later connections are passed on again."""

    def __init__(self, address: str) -> None:
        to = urlsplit(address)
        self._to = (to.hostname or "", to.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._loss: Loss | None = None
        self.lost = 0
        """How many answers were lost."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Ends every connection that there is."""
        cut, self._open = self._open, []
        for end in cut:
            _end(end)

    def lose(self, how: Loss) -> None:
        """Loses the next answer: the node has given it when it is gone."""
        self._loss = how

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
            threading.Thread(target=self._ask, args=(client, node), daemon=True).start()
            threading.Thread(target=self._answer, args=(node, client), daemon=True).start()

    def _ask(self, client: socket.socket, node: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                node.sendall(data)
        _end(client)
        _end(node)

    def _answer(self, node: socket.socket, client: socket.socket) -> None:
        loss: Loss | None = None
        with contextlib.suppress(OSError):
            while data := node.recv(65536):
                if loss is None and self._loss is not None:
                    loss, self._loss = self._loss, None
                    self.lost += 1
                if loss is Loss.CUT:
                    break
                if loss is None:
                    client.sendall(data)
        _end(node)
        _end(client)


def _end(end: socket.socket) -> None:
    # A shutdown wakes whoever waits in it; a close alone does not.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
