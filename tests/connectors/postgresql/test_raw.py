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

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from connectors.arrays import characters, starts
from connectors.postgresql.ends import strip
from connectors.postgresql.raw import RawCopyOut, messages

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
        rows += out.rows(10, 1 << 20).to_pylist()
    thread.join()
    assert rows == [b"a row"]
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
    blocks = []
    while not out.ended:
        blocks.append(out.rows(7, 100).to_pylist())
    thread.join()
    assert [row for block in blocks for row in block] == given
    assert max(map(len, blocks)) <= 7


@pytest.mark.parametrize("sent", [b"", b"d", message(b"a row")[:7], message(b"a row")])
def test_a_server_that_is_gone_ends_the_reading(ends: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    ours, theirs = ends
    theirs.sendall(sent)
    theirs.close()
    out = reading(ours)
    rows = []
    while not out.ended:
        rows += out.rows(10, 1 << 20).to_pylist()
    assert rows == ([b"a row"] if sent == message(b"a row") else [])


def walked(stream: bytes) -> list[bytes]:
    """The whole rows at the head of it, one after the other."""
    found, at = [], 0
    while at + 5 <= len(stream) and stream[at : at + 1] == b"d":
        [length] = struct.unpack_from(">i", stream, at + 1)
        if length < 4 or at + 1 + length > len(stream):
            break
        found.append(stream[at + 5 : at + 1 + length])
        at += 1 + length
    return found


ALIKE = [
    message(b""),
    message(b"d"),
    message(message(b"row")),
    b"d",
    b"dd\0\0\0\x04",
    b"d\0\0\0\0",
    b"d\xff\xff\xff\xff",
    b"\0",
]
"""What looks like messages, or nearly."""
SOUP = st.lists(st.sampled_from(ALIKE) | st.binary(max_size=9), max_size=6).map(b"".join)


@for_all(st.lists(SOUP, max_size=20), SOUP, st.integers(0, 30))
def test_rows_are_found_all_at_once_where_walking_finds_them(rows: list[bytes], behind: bytes, missing: int) -> None:
    stream = b"".join(map(message, rows)) + behind
    stream = stream[: len(stream) - missing] if missing < len(stream) else stream
    start, end = messages(np.frombuffer(stream, np.uint8))
    assert [stream[a + 5 : b] for a, b in zip(start, end, strict=True)] == walked(stream)


HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0", b"\xff\xff"


@pytest.mark.parametrize(
    ("sent", "rows"),
    [
        ([HEADER + b"one", b"two", TRAILER], [b"one", b"two"]),
        ([HEADER + TRAILER], []),
        ([HEADER, b"", b"two"], [b"", b"two"]),
        ([HEADER + b"one"], [b"one"]),
    ],
)
def test_rows_lose_what_frames_them_and_are_not_copied(sent: list[bytes], rows: list[bytes]) -> None:
    for block in (pa.array(sent, pa.binary()), pa.array([b"before", *sent], pa.binary())[1:]):
        found = strip(block, HEADER, TRAILER)
        assert found.to_pylist() == rows
        assert bytes(characters(found)) == b"".join(rows)
        assert starts(found).tolist() == [sum(map(len, rows[:number])) for number in range(len(rows))]
        assert not rows or found.buffers()[2].address == block.buffers()[2].address
