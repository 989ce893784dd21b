"""COPY TO read straight from the socket, where no TLS lies between: a quarter of the client's time per row.

libpq hands out one row per call and copies it twice. Here the messages are cut out of whatever the socket holds, all at
once: peeked at first, taken only when they are rows. All others stay where they are, so libpq never loses its place: to it
the query answers nothing until its end, and CopyDone, CommandComplete or an error reach it untouched (it ignores a CopyDone
it did not expect; protocol 3.0, message formats: https://www.postgresql.org/docs/current/protocol-message-formats.html).
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from connectors.arrays import Bytes, Places, characters, cut, numbers
from connectors.postgresql.session import Connection
from connectors.postgresql.wire import CopyOut, Wire

WINDOW = 1 << 18
ROW, ANSWER, PASSING = ord("d"), ord("H"), frozenset(b"NSA")
"""CopyData, CopyOutResponse; notices, settings and notifications may come between rows and mean nothing to us."""
HEADER = struct.Struct(">BI")
"""A message: its type, and the length of what follows with these four bytes included."""
NONE = pa.array([], pa.binary())


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

    def rows(self, most: int, limit: int) -> pa.BinaryArray:
        """Up to `most` rows of about `limit` bytes, a string each; sets `ended` after the last."""
        found = []
        count = size = 0
        with self._socket() as source:
            while not self.ended and count < most and size < limit:
                rows = self._window(source, most - count)
                found.append(rows)
                count, size = count + len(rows), size + len(characters(rows))
        return joined(found)

    @contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        with socket.socket(fileno=os.dup(self._pg.socket)) as source:
            yield source

    def _window(self, source: socket.socket, most: int) -> pa.BinaryArray:
        """Take up to `most` whole rows at the head of the socket."""
        self.wait(select.POLLIN)
        window = np.empty(WINDOW, np.uint8)
        held = source.recv_into(window.data, WINDOW, socket.MSG_PEEK)
        start, end = messages(window[:held])
        start, end = start[:most], end[:most]
        if len(start):
            self._take(source, window.data[: end[-1]])
            return cut(window, start + HEADER.size, end)
        if held:
            return self._other(source, window[0])
        self.ended = True  # the server is gone: libpq says how
        return NONE

    def _other(self, source: socket.socket, kind: int) -> pa.BinaryArray:
        """The head of the socket is no whole row: a larger one, a message that means nothing here, or the end."""
        if kind != ROW and kind != ANSWER and kind not in PASSING:
            self.ended = True
            return NONE
        # The header is taken as far as it is there: left in the socket, its few bytes may hold on to memory that the rest
        # needs, and the server would never be allowed to send that.
        header = bytearray(HEADER.size)
        self._take(source, memoryview(header))
        message = memoryview(bytearray(0 if self.ended else int(HEADER.unpack_from(header)[1]) - 4))
        self._take(source, message)
        return NONE if kind != ROW or self.ended else single(message)

    def _take(self, source: socket.socket, into: memoryview) -> None:
        """Read exactly so many bytes, waiting for them where needed."""
        while into:
            self.wait(select.POLLIN)
            count = source.recv_into(into)
            if not count:
                self.ended = True
                return
            into = into[count:]


def joined(found: list[pa.BinaryArray]) -> pa.BinaryArray:
    """Rows may be large: one piece is not copied."""
    return found[0] if len(found) == 1 else pa.concat_arrays([NONE, *found])


def single(row: memoryview) -> pa.BinaryArray:
    offsets = pa.py_buffer(np.array([0, len(row)], np.int32))
    return pa.BinaryArray.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(row)])


def messages(window: Bytes) -> tuple[Places, Places]:
    """Where the whole rows at the head of the window begin, headers included, and where they end.

    Each message tells where the next one begins, so they would have to be walked one by one. Instead everything that could
    be one is found at once, and then which of them the first leads to, in strides that double (pointer jumping: Hillis,
    Steele, "Data parallel algorithms", 1986). What only looks like a message inside a row is none of these."""
    last = max(len(window) - HEADER.size + 1, 0)
    # The length of what a window holds begins with a zero, which leaves little else.
    start = np.flatnonzero((window[:last] == ROW) & (window[1 : last + 1] == 0))
    length = numbers(window[1:], 4)[start].astype(np.int64)
    end = start + 1 + length
    whole = (length >= 4) & (end <= len(window))
    start, end = start[whole], end[whole]
    none = len(start)
    if not none or start[0]:
        return start[:0], end[:0]
    if np.array_equal(end[:-1], start[1:]):  # nearly always: nothing else looks like one
        return start, end
    after = np.searchsorted(start, end)
    stride = np.append(np.where(np.append(start, -1)[after] == end, after, none), none)
    chain = np.zeros(1, np.int64)
    while stride[0] != none:
        chain = np.append(chain, stride[chain])
        stride = stride[stride]
    chain = chain[chain != none]
    return start[chain], end[chain]
