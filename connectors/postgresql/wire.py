"""COPY on the wire, both directions, through libpq without blocking.

A chunk's rows pass through here one libpq call each, so the reading loop does nothing else; everything slower happens
per block of rows. Waits go through `poll` with the session's patience: whichever end keeps us waiting is the one that
stalls.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from itertools import repeat
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import pq

from connectors.errors import ConnectionLost
from connectors.postgresql.session import Connection

PUT = 1 << 18
"""Bytes handed to libpq at a time: it copies them, and its buffer grows to what it is given."""


class Wire:
    """One end of a COPY: the few libpq steps that both directions share."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._pg = connection, connection.pgconn
        self._poll = select.poll()

    def begin(self, statement: bytes, status: pq.ExecStatus) -> None:
        """Send COPY and wait until the server is in it."""
        self._pg.send_query(statement)
        self.flush()
        result = self._result()
        if result is None or result.status != status:
            raise self._error(result)

    def finish(self) -> int:
        """The end of the COPY: how many rows the server says it was."""
        rows, failed = 0, None
        while (result := self._result()) is not None:
            if result.status == pq.ExecStatus.COMMAND_OK:
                rows = result.command_tuples or 0
            else:
                failed = failed or self._error(result)
        if failed:
            raise failed
        return rows

    def flush(self) -> None:
        """Wait until everything handed to libpq is on its way."""
        while self._pg.flush():
            if self.wait(select.POLLIN | select.POLLOUT) & select.POLLIN:
                self._pg.consume_input()

    def wait(self, events: int) -> int:
        self._poll.register(self._pg.socket, events)
        ready = self._poll.poll(self._connection.patience * 1000)
        if not ready:
            raise self._connection.stalled()
        return ready[0][1]

    def _result(self) -> pq.abc.PGresult | None:
        while self._pg.is_busy():
            self.wait(select.POLLIN)
            self._pg.consume_input()
        return self._pg.get_result()

    def _error(self, result: pq.abc.PGresult | None) -> Exception:
        if result is None:
            return ConnectionLost("the connection was lost")
        return psycopg.errors.error_from_result(result)


class CopyOut(Wire):
    """Rows of `COPY … TO STDOUT`, in blocks. Every message of the server is one row. Where TLS lies between, `raw` cannot."""

    def __init__(self, connection: Connection, statement: bytes) -> None:
        super().__init__(connection)
        self.begin(statement, pq.ExecStatus.COPY_OUT)
        self.ended = False

    def rows(self, most: int, limit: int) -> pa.BinaryArray:
        """Up to `most` rows of about `limit` bytes, a string each; sets `ended` after the last."""
        get: Callable[[int], tuple[int, Any]] = self._pg.get_copy_data
        found: list[Any] = []
        add, size, starved = found.append, 0, False
        while len(found) < most:
            before = size
            for _ in repeat(None, most - len(found)):
                length, row = get(1)
                if length <= 0:
                    break
                add(row)
                size += length
                if size >= limit:
                    return pa.array(found, pa.binary())
            else:
                break
            if length < 0:
                self.ended = True
                break
            starved = starved and size == before
            if starved:
                self.wait(select.POLLIN)
            self._pg.consume_input()
            starved = True
        return pa.array(found, pa.binary())


class CopyIn(Wire):
    """Bytes into `COPY … FROM STDIN`."""

    def __init__(self, connection: Connection, statement: bytes) -> None:
        super().__init__(connection)
        self.begin(statement, pq.ExecStatus.COPY_IN)

    def put(self, block: Any) -> None:
        put, flush = self._pg.put_copy_data, self.flush
        view = memoryview(block)
        try:
            for start in range(0, len(view), PUT):
                put(view[start : start + PUT])
                flush()
        except psycopg.Error:
            self.finish()  # says why the server left the COPY
            raise

    def end(self) -> int:
        self._pg.put_copy_end()
        self.flush()
        return self.finish()
