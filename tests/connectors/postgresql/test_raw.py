"""Rows past libpq: messages that come in pieces, whatever the pieces are."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.postgresql.raw import RawCopyOut

ANSWER = b"H" + struct.pack(">IBHH", 9, 1, 1, 1)
END = b"c" + struct.pack(">I", 4)


def message(row: bytes) -> bytes:
    return b"d" + struct.pack(">I", 4 + len(row)) + row


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def reading(ours: socket.socket) -> RawCopyOut:
    """As on a connection whose query is sent."""
    sent = SimpleNamespace(send_query=lambda _: None, flush=lambda: 0, socket=ours.fileno())
    connection: Any = SimpleNamespace(pgconn=sent, patience=30.0)
    return RawCopyOut(connection, b"")


def untaken(ours: socket.socket) -> int:
    """Bytes that wait in the socket."""
    return int(struct.unpack("i", fcntl.ioctl(ours.fileno(), termios.FIONREAD, b"\0" * 4))[0])


@pytest.mark.parametrize("first", range(1, 8))
def test_a_started_row_is_taken_though_the_rest_is_not_there(
    ends: tuple[socket.socket, socket.socket], first: int
) -> None:
    """A server may not be allowed to send the rest before: the memory that holds the start counts as full."""
    ours, theirs = ends
    row = message(b"a row")
    theirs.sendall(row[:first])
    waited: list[bool] = []

    def rest() -> None:
        end = time.monotonic() + 20
        while untaken(ours) and time.monotonic() < end:
            time.sleep(0.001)
        waited.append(untaken(ours) == 0)
        theirs.sendall(row[first:] + END)

    thread = threading.Thread(target=rest)
    thread.start()
    out = reading(ours)
    rows = []
    while not out.ended:
        rows += out.rows(10, 1 << 20)[0]
    thread.join()
    assert [bytes(row) for row in rows] == [b"a row"]
    assert waited == [True]
    assert ours.recv(100) == END


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_rows_are_whole_whatever_pieces_they_come_in(ends: tuple[socket.socket, socket.socket], size: int) -> None:
    ours, theirs = ends
    given = [bytes([number % 256]) * (number * 7 % 23) for number in range(60)]
    notice = b"N" + struct.pack(">I", 6) + b"x\0"
    stream = ANSWER + b"".join(map(message, given[:30])) + notice + b"".join(map(message, given[30:])) + END

    def send() -> None:
        for start in range(0, len(stream), size):
            theirs.sendall(stream[start : start + size])

    thread = threading.Thread(target=send)
    thread.start()
    out = reading(ours)
    rows, length = [], 0
    while not out.ended:
        more, size_ = out.rows(7, 100)
        rows += more
        length += size_
    thread.join()
    assert [bytes(row) for row in rows] == given
    assert length == sum(map(len, given))


@pytest.mark.parametrize("sent", [b"", b"d", message(b"a row")[:7], message(b"a row")])
def test_a_server_that_is_gone_ends_the_reading(ends: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    ours, theirs = ends
    theirs.sendall(sent)
    theirs.close()
    out = reading(ours)
    rows = []
    while not out.ended:
        rows += out.rows(10, 1 << 20)[0]
    assert [bytes(row) for row in rows] == ([b"a row"] if sent == message(b"a row") else [])
