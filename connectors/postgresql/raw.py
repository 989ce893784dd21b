"""COPY TO read straight from the socket, where no TLS lies between: half the client's time per row.

libpq hands out one row per call and copies it twice. Here the messages are cut out of whatever the socket holds: peeked
at first, taken only when they are rows. All others stay where they are, so libpq never loses its place: to it the query
answers nothing until its end, and CopyDone, CommandComplete or an error reach it untouched (it ignores a CopyDone it did
not expect; protocol 3.0, message formats: https://www.postgresql.org/docs/current/protocol-message-formats.html).
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from connectors.postgresql.session import Connection
from connectors.postgresql.wire import CopyOut, Wire

WINDOW = 1 << 18
ROW, ANSWER, PASSING = ord("d"), ord("H"), frozenset(b"NSA")
"""CopyData, CopyOutResponse; notices, settings and notifications may come between rows and mean nothing to us."""
HEADER = struct.Struct(">BI")
"""A message: its type, and the length of what follows with these four bytes included."""


def copy_out(connection: Connection, statement: bytes) -> CopyOut | RawCopyOut:
    """The fastest way to the rows of `COPY … TO STDOUT` that this connection allows."""
    plain = not connection.pgconn.ssl_in_use
    return RawCopyOut(connection, statement) if plain else CopyOut(connection, statement)


class RawCopyOut(Wire):
    """`wire.CopyOut` past libpq."""

    def __init__(self, connection: Connection, statement: bytes) -> None:
        super().__init__(connection)
        self.ended = False
        self._pg.send_query(statement)
        self.flush()

    def rows(self, most: int, limit: int) -> tuple[list[Any], int]:
        """Up to `most` rows of about `limit` bytes and how many bytes they are; sets `ended` after the last."""
        found: list[Any] = []
        size = 0
        with self._socket() as source:
            while not self.ended and len(found) < most and size < limit:
                size += self._window(source, found, most - len(found))
        return found, size

    @contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        with socket.socket(fileno=os.dup(self._pg.socket)) as source:
            yield source

    def _window(self, source: socket.socket, found: list[Any], most: int) -> int:
        """Take up to `most` whole rows at the head of the socket; returns their bytes."""
        self.wait(select.POLLIN)
        window = memoryview(bytearray(WINDOW))
        held = source.recv_into(window, WINDOW, socket.MSG_PEEK)
        add, unpack = found.append, HEADER.unpack_from
        at = size = 0
        for _ in repeat(None, most):
            if at + 5 > held:
                break
            kind, length = unpack(window, at)
            end = at + 1 + length
            if kind != ROW or end > held:
                break
            add(window[at + 5 : end])
            size += length - 4
            at = end
        if at:
            self._take(source, window[:at])
        elif not held:
            self.ended = True  # the server is gone: libpq says how
        else:
            size = self._other(source, window[:held], found)
        return size

    def _other(self, source: socket.socket, head: memoryview, found: list[Any]) -> int:
        """The head of the socket is no whole row: a larger one, a message that means nothing here, or the end."""
        kind = head[0]
        if kind != ROW and kind != ANSWER and kind not in PASSING:
            self.ended = True
            return 0
        # The header is taken as far as it is there: left in the socket, its few bytes may hold on to memory that the rest
        # needs, and the server would never be allowed to send that.
        header = bytearray(HEADER.size)
        self._take(source, memoryview(header))
        message = memoryview(bytearray(0 if self.ended else int(HEADER.unpack_from(header)[1]) - 4))
        self._take(source, message)
        if kind != ROW or self.ended:
            return 0
        found.append(message)
        return len(message)

    def _take(self, source: socket.socket, into: memoryview) -> None:
        """Read exactly so many bytes, waiting for them where needed."""
        while into:
            self.wait(select.POLLIN)
            count = source.recv_into(into)
            if not count:
                self.ended = True
                return
            into = into[count:]
