"""The protocol itself, in the two places where the driver would not do: rows by the block, and LOAD DATA LOCAL.

Rows: the driver makes a Python object of every field. Here a block of rows stays one piece of bytes, with the places where
its rows begin. LOAD DATA LOCAL: the driver opens any file the server asks for. Our connections say that they can load
(CLIENT.LOCAL_FILES) but leave the driver's own `local_infile` off, so that it refuses every such request; only `load` answers
one, when the server asks for the very name it was given, and what it sends comes from memory: no file is ever opened.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from typing import Any, cast

from pymysql import err
from pymysql.connections import Connection
from pymysql.constants import CLIENT, COMMAND, CR
from pymysql.protocol import LoadLocalPacketWrapper, OKPacketWrapper

from connectors.errors import Unsupported

RECEIVED = 1 << 20
SENT = 1 << 18
"""Bytes of one packet of a load."""
LONGEST = (1 << 24) - 1
"""A packet of this length goes on in the next one."""
HEADER = Struct("<I")
ROW = Struct("<HBxB")
"""A packet's length in two parts, and its first byte."""
EOF, ERROR, EOF_LENGTH = 0xFE, 0xFF, 9
"""How the last packet of a result begins; rows that begin so are longer."""
NUMBERS = re.compile(r"\d+")


class Rows:
    """The rows of one SELECT, block by block. After an error the connection is of no use."""

    def __init__(self, connection: Connection[Any], statement: str) -> None:
        self._driver = cast(Any, connection)
        self._driver.query(statement, unbuffered=True)
        self._driver._result.unbuffered_active = False  # or the driver would read the rows itself when it is done
        self._rest = bytearray()
        self.ended = False

    def block(self, size: int, most: int) -> tuple[bytearray, list[int]]:
        """Whole rows of about `size` bytes together, `most` rows, or all there are; and where each one's first field begins."""
        buffer, starts = self._rest, list[int]()
        end = self._scan(buffer, 0, starts, most)
        while not self.ended and end < size and len(starts) < most:
            buffer += self._received()
            end = self._scan(buffer, end, starts, most)
        self._rest = buffer[end:]
        return buffer, starts

    def _scan(self, buffer: bytearray, at: int, starts: list[int], most: int) -> int:
        """Adds where whole rows from `at` on begin, up to `most` of them; returns where the next one begins. What every row
        passes through is the first half of the loop."""
        unpack, add, last = ROW.unpack_from, starts.append, len(buffer) - 4
        for _ in range(len(starts), most):
            if at >= last:
                break
            low, high, first = unpack(buffer, at)
            end = at + 4 + low
            if high or first >= EOF or end > last + 4:
                size = high << 16 | low
                end = at + 4 + size
                if size == LONGEST:
                    end = _joined(buffer, at)
                    last = len(buffer) - 4
                if end > last + 4:
                    break
                if first == ERROR or (first == EOF and size < EOF_LENGTH):
                    self._finish(bytes(buffer[at + 4 : end]))
                    break
            add(at + 4)
            at = end
        return at

    def _received(self) -> bytes:
        driver = self._driver
        if driver._current_timeout != driver._read_timeout:
            driver._sock.settimeout(driver._read_timeout)
            driver._current_timeout = driver._read_timeout
        try:
            found: bytes = driver._rfile.read1(RECEIVED)
        except OSError:
            found = b""
        if not found:
            driver._force_close()
            raise err.OperationalError(CR.CR_SERVER_LOST, "")
        return found

    def _finish(self, packet: bytes) -> None:
        self.ended = True
        self._driver._result = None
        if packet[0] == ERROR:
            err.raise_mysql_exception(packet)


def _joined(buffer: bytearray, at: int) -> int:
    """A row of several packets becomes one, once all of them are there; returns where it ends, or would."""
    inner, end, size = list[int](), at, LONGEST
    while size == LONGEST:
        if end + 4 > len(buffer):
            return end + 4
        size = HEADER.unpack_from(buffer, end)[0] & LONGEST
        inner.append(end)
        end += 4 + size
    if end > len(buffer):
        return end
    for header in reversed(inner[1:]):
        del buffer[header : header + 4]
    return end - 4 * len(inner[1:])


class Loading(Connection):
    """A connection that can load, and refuses every request for a file but the one `load` waits for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(client_flag=CLIENT.LOCAL_FILES, **settings)

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        try:
            return cast(Any, super())._read_query_result(unbuffered)
        except RuntimeError:  # the driver's word for a request it may not answer
            cast(Any, self)._force_close()
        raise unasked()


def unasked() -> Unsupported:
    return Unsupported("the server asks for a file that it was not offered", todo="do not trust this server")


@dataclass(frozen=True)
class Outcome:
    """What the server says of a statement that wrote rows."""

    records: int
    deleted: int
    skipped: int
    warnings: int


def load(connection: Connection[Any], how: str, pieces: Iterable[bytes | memoryview]) -> Outcome:
    """`LOAD DATA LOCAL INFILE <a name of ours> <how>`, the pieces being the file. An error closes the connection, so that
    nothing of an open transaction stays."""
    driver = cast(Any, connection)
    name = f"dbagent-{secrets.token_hex(8)}"
    try:
        driver._execute_command(COMMAND.COM_QUERY, f"LOAD DATA LOCAL INFILE '{name}' {how}")
        request = driver._read_packet()
        if not request.is_load_local_packet() or LoadLocalPacketWrapper(request).filename != name.encode():
            raise unasked()
        for piece in pieces:
            view = memoryview(piece)
            for at in range(0, len(view), SENT):
                driver.write_packet(view[at : at + SENT])
        driver.write_packet(b"")
        answer = OKPacketWrapper(driver._read_packet())
    except BaseException:
        driver._force_close()
        raise
    # The words between the numbers are in the server's language; before them stands the text's length, perhaps a digit.
    counts = [int(number) for number in NUMBERS.findall(answer.message.decode(errors="replace"))[-4:]]
    if len(counts) != 4:
        raise Unsupported("the server does not say how many rows it has loaded", todo="please report this")
    records, deleted, skipped, warnings = counts
    return Outcome(records, deleted, skipped, max(warnings, answer.warning_count))
