"""What is sent is what is there: random texts by both ways, and loads that must not succeed."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from io import BufferedReader
from typing import TypeAlias

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.constants import CLIENT

from connectors.contract import Endpoint, Tls
from connectors.errors import ConnectorError, Unsupported, ValueRefused
from connectors.mysql.read import batches
from connectors.mysql.session import Session, connect, parameters
from connectors.mysql.testkit import MariaServer
from connectors.mysql.types import column_type
from connectors.mysql.wire import Loading, load
from connectors.mysql.write import Insert, LoadData, Loader
from connectors.schema import Column, TableName
from tests.connectors.drive import Ends

COLUMNS = [
    Column("k", column_type("bigint(20)", "bigint", None, None, False)),
    Column("v", column_type("longtext", "longtext", "utf8mb4", None, False)),
    Column("b", column_type("longblob", "longblob", None, None, False)),
    Column("w", column_type("varchar(300)", "varchar", "utf8mb4", None, False)),
]
CREATE = (
    """CREATE TABLE t (k bigint, v longtext, b longblob, w varchar(300) COLLATE utf8mb4_bin NOT NULL, UNIQUE (k))"""
)
TEXTS = st.text(
    st.one_of(st.sampled_from("\\\t\n\r\0\x1a'\",N %"), st.characters(exclude_categories=["Cs"])), max_size=12
)
ROWS = st.lists(st.tuples(st.none() | TEXTS, st.none() | st.binary(max_size=9), TEXTS), max_size=20)

Row: TypeAlias = "tuple[int, str | None, bytes | None, str]"


@pytest.fixture
def session(ends: Ends, server: MariaServer) -> Iterator[Session]:
    server.execute(ends.target, CREATE)
    found = connect(ends.target, read_only=False, driver=Loading)
    yield found
    found.close()


@pytest.fixture(params=["LOAD DATA", "INSERT", "INSERT of one row"])
def loader(request: pytest.FixtureRequest, session: Session) -> Loader:
    ways: dict[str, Loader] = {
        "LOAD DATA": LoadData(session.connection, TableName(None, "t"), COLUMNS),
        "INSERT": Insert(session.connection, TableName(None, "t"), COLUMNS, 1 << 20),
        "INSERT of one row": Insert(session.connection, TableName(None, "t"), COLUMNS, 1),
    }
    return ways[request.param]


def arrays(rows: list[Row]) -> list[pa.BinaryArray]:
    texts = [
        (k if k is None else str(k).encode(), v if v is None else v.encode(), b, w.encode()) for k, v, b, w in rows
    ]
    return [pa.array([row[at] for row in texts], pa.binary()) for at in range(4)]


def test_random_rows_are_there_as_they_were_sent(
    ends: Ends, server: MariaServer, session: Session, loader: Loader
) -> None:
    @given(ROWS)
    def loaded(rows: list[tuple[str | None, bytes | None, str]]) -> None:
        session.run("DELETE FROM t")
        numbered = [(number, *row) for number, row in enumerate(rows)]
        assert loader.load([arrays(numbered[:7]), arrays(numbered[7:])]) == len(rows)
        assert sorted(server.read(ends.target, "t")) == numbered
        found = [
            row
            for columns, count, _ in batches(session.connection, "SELECT k, v, b, w FROM t ORDER BY k", 4)
            for row in zip(*(column.to_pylist() for column in columns), strict=True)
            if count
        ]
        assert found == list(zip(*(column.to_pylist() for column in arrays(numbered)), strict=True))

    loaded()


@pytest.mark.parametrize(
    ("what", "rows"),
    [
        ("unique", [(1, "a", None, "w"), (1, "b", None, "w")]),
        ("unique", [(77, "was there", None, "w")]),
        ("the table refuses a value|changed a value", [(1, "a", None, "w" * 301)]),
    ],
    ids=["a key twice", "a key that is there", "a text too long"],
)
def test_what_would_lose_or_change_a_row_is_refused(
    session: Session, loader: Loader, what: str, rows: list[Row]
) -> None:
    session.run("INSERT INTO t VALUES (77, 'x', NULL, '')")
    with pytest.raises(ConnectorError, match=what), session.translated(), session.transaction():
        loader.load([arrays(rows)])
    assert not session.connection.open or session.rows("SELECT k, v FROM t") == [(77, "x")]


@pytest.mark.parametrize(
    ("type_", "value"),
    [("int", b"x"), ("decimal(5,2)", b"1.005"), ("date", b"2024-13-01"), ("tinyint", b"300"),
     ("tinyint unsigned", b"-1"), ("varchar(2)", b"abc"), ("varchar(2) NOT NULL", None), ("enum('a','b')", b"3"),
     ("varchar(9) CHARACTER SET latin1", "日".encode()), ("json", b"{"),
     ("varchar(9)", b"\xff"), ("char(2)", b"abc"), ("int CHECK (v < 5)", b"5"), ("set('a')", b"b")],
)  # fmt: skip
@pytest.mark.parametrize("way", ["LOAD DATA", "INSERT"])
def test_a_value_that_does_not_fit_is_refused(session: Session, way: str, type_: str, value: bytes | None) -> None:
    session.run(f"CREATE OR REPLACE TABLE t (v {type_})")
    base = type_.split()[0].split("(")[0]
    column = Column("v", column_type(type_, base, "utf8mb4" if "char" in base else None, None, False))
    name = TableName(None, "t")
    by = LoadData(session.connection, name, [column])
    loader = by if way == "LOAD DATA" else Insert(session.connection, name, [column], 1 << 20)
    with pytest.raises(ValueRefused), session.translated(), session.transaction():
        loader.load([[pa.array([value], pa.binary())]])


# What the client never does


@pytest.mark.parametrize("asked", [b"/etc/hostname", b"dbagent-"])
def test_a_server_that_asks_for_a_file_gets_nothing(asked: bytes) -> None:
    with Liar(asked) as liar:
        with pytest.raises(Unsupported, match="not offered"):
            connect(liar.endpoint, read_only=False, driver=Loading)
        assert liar.sent() == b""


@pytest.mark.parametrize("asked", [b"/etc/hostname", b"dbagent-"])
def test_only_the_name_that_was_offered_is_answered(asked: bytes) -> None:
    with Liar(asked) as liar:
        connection = Loading(**parameters(liar.endpoint, 5))
        with pytest.raises(Unsupported, match="not offered"):
            load(connection, "REPLACE INTO TABLE t", [b"row\n"])
        assert not connection.open
        assert liar.sent() == b""


class Liar(threading.Thread):
    """A server that lets everybody in and answers the first question by asking for a file."""

    def __init__(self, asked: bytes) -> None:
        super().__init__()
        self._asked, self._sent = asked, b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        port = self._listener.getsockname()[1]
        self.endpoint = Endpoint("LIAR", "mysql", "d", "127.0.0.1", port, "u", "p", Tls("disable"))

    def __enter__(self) -> Liar:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.join()

    def sent(self) -> bytes:
        """Everything that came after the request for a file."""
        self.join()
        return self._sent

    def run(self) -> None:
        client, _ = self._listener.accept()
        client.settimeout(20)
        with client, client.makefile("rb") as stream:
            capabilities = 0x0F_FF_FF_FF & ~CLIENT.SSL
            low, high = capabilities & 0xFFFF, capabilities >> 16
            greeting = b"\x0a8.0.36\0" + bytes(4) + b"saltsalt\0" + struct.pack("<HBHHB", low, 45, 2, high, 21)
            answer(client, 0, greeting + bytes(10) + b"saltsaltsalt\0mysql_native_password\0")
            taken(stream)
            answer(client, 2, OKAY)
            taken(stream)
            answer(client, 1, OKAY)  # SET NAMES, whose answer the driver does not look at
            taken(stream)
            answer(client, 1, b"\xfb" + self._asked)
            self._sent = stream.read()


OKAY = b"\0\0\0\x02\0\0\0"


def answer(client: socket.socket, number: int, payload: bytes) -> None:
    client.sendall(len(payload).to_bytes(3, "little") + bytes([number]) + payload)


def taken(stream: BufferedReader) -> bytes:
    return stream.read(int.from_bytes(stream.read(4)[:3], "little"))
