"""A way to a server on which its answer to a commit is kept back: what was committed has happened, and who did it does not
know. A process that dies while it waits has lost something that is there."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from connectors.contract import Endpoint

PIECE = 1 << 16


class Wire:
    """Passes everything on between clients and a server, until a session that has said `marked` says `commit`."""

    def __init__(self, end: Endpoint, marked: bytes, commit: bytes) -> None:
        self._end, self._marked, self._commit = end, marked.lower(), commit.lower()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._released = threading.Event()
        self._open: list[socket.socket] = [self._listening]
        self.held: list[int] = []
        """The clients' ports of the sessions whose commit the server has answered, in that order."""

    @property
    def port(self) -> int:
        """Where clients find it."""
        return int(self._listening.getsockname()[1])

    def release(self) -> None:
        """Nothing is kept back any more."""
        self._released.set()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection((self._end.host, self._end.port))
                self._open += [client, server]
                commits = threading.Event()
                for work in (self._asking, self._answering):
                    threading.Thread(target=work, args=(client, server, commits), daemon=True).start()

    def _asking(self, client: socket.socket, server: socket.socket, commits: threading.Event) -> None:
        marked, before, longest = False, b"", max(len(self._marked), len(self._commit))
        with suppress(OSError):
            while piece := client.recv(PIECE):
                said = before + piece.lower()
                marked = marked or self._marked in said
                if marked and self._commit in said:
                    commits.set()
                before = said[-longest:]
                server.sendall(piece)
        hang_up(server)

    def _answering(self, client: socket.socket, server: socket.socket, commits: threading.Event) -> None:
        with suppress(OSError):
            port = client.getpeername()[1]
            while piece := server.recv(PIECE):
                if commits.is_set() and not self._released.is_set():
                    self.held.append(port)
                    self._released.wait()
                client.sendall(piece)
        hang_up(client)

    def close(self) -> None:
        self.release()
        for one in self._open:
            hang_up(one)
            one.close()


def hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(end: Endpoint, marked: bytes, commit: bytes) -> Iterator[Wire]:
    found = Wire(end, marked, commit)
    accepting = threading.Thread(target=found.accept, name="wire")
    accepting.start()
    try:
        yield found
    finally:
        found.close()
        accepting.join()


def owner(port: int, processes: Iterable[int]) -> int:
    """Which of these processes has a connection from this port of 127.0.0.1."""
    lines = [
        line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]
    ]
    sockets = {f"socket:[{words[9]}]" for words in lines if words[1].endswith(f":{port:04X}")}
    [found] = [process for process in processes if not sockets.isdisjoint(handles(process))]
    return found


def handles(process: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for handle in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(handle))
    return found
