"""The JDBC paths' own logic: addresses made of fields alone, errors that come home, rows that must be all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Bounds, Chunk, Endpoint, Snapshot, Tls, TransferJob, connector, engines
from connectors.errors import Busy, ConnectionLost, ConnectorError, TerminalError, ValueRefused
from connectors.jdbc import CARRIED, Address, JdbcPaths, brought_home, carried
from connectors.spark_read import END, opened

ENGINES = [engine for engine in engines() if connector(engine).facts.jdbc is not None]
AWKWARD = "sh&op?user=x#;'\"%/ü"
MODES = {
    "disable": {"disable", "DISABLED"},
    "require": {"require", "REQUIRED"},
    "verify-ca": {"verify-ca", "VERIFY_CA"},
    "verify-full": {"verify-full", "VERIFY_IDENTITY"},
}


def paths(engine: str) -> JdbcPaths:
    found = connector(engine).jdbc
    assert found is not None
    return found


def endpoint(engine: str, **changes: Any) -> Endpoint:
    plain = Endpoint(
        "PROD", engine, "shop", "db1", None, "reader", "se&cret?", Tls("disable"), application="dbagent/r/1/"
    )
    return replace(plain, **changes)


def job(end: Endpoint) -> TransferJob:
    return TransferJob("run", 1, end, end, Snapshot("0000-1", "now", "strong"), {}, False, stall_timeout=30.0)


def addresses(end: Endpoint) -> list[Address]:
    engine = paths(end.engine)
    return [engine.reading(job(end), 1000, 64_000), engine.writing(job(end))]


def settings(address: Address) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address.url.removeprefix("jdbc:")).query).items()}


def test_engines_without_a_driver_offer_no_jdbc_path() -> None:
    for engine in engines():
        facts = connector(engine).facts
        assert (connector(engine).jdbc is None) == (facts.jdbc is None)
        assert ("jdbc" in facts.read_paths) == ("jdbc" in facts.write_paths) == (facts.jdbc is not None)


@pytest.mark.parametrize("engine", ENGINES)
def test_names_with_any_characters_stay_names_in_the_address(engine: str) -> None:
    plain, odd = addresses(endpoint(engine)), addresses(endpoint(engine, database=AWKWARD))
    for usual, address in zip(plain, odd, strict=True):
        parts = urlsplit(address.url.removeprefix("jdbc:"))
        assert parts.netloc.startswith("db1:")
        assert unquote(parts.path) == f"/{AWKWARD}"
        assert settings(address) == settings(usual)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_password_is_in_no_url_and_shows_in_no_repr(engine: str) -> None:
    for address in addresses(endpoint(engine)):
        assert "cret" not in address.url
        assert address.properties["password"] == "se&cret?"
        assert "cret" not in repr(address)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("mode", MODES)
def test_tls_is_as_strict_as_the_environment_says(engine: str, mode: Any) -> None:
    for address in addresses(endpoint(engine, tls=Tls(mode))):
        found = settings(address)
        assert {found.get("sslmode"), found.get("sslMode")} & MODES[mode]


@pytest.mark.parametrize("engine", ENGINES)
def test_spark_is_given_its_own_options_in_lower_case(engine: str) -> None:
    """It keeps no other: a driver's own property with capitals would be lost without a word."""
    for address in addresses(endpoint(engine)):
        assert all(name == name.lower() for name in address.properties)
    read, write = addresses(endpoint(engine))
    assert read.properties["fetchsize"] != "0"
    assert write.properties["isolationlevel"] == "READ_COMMITTED"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_the_driver_cannot_do_is_said_before_it_is_tried(engine: str) -> None:
    assert paths(engine).unreachable(endpoint(engine)) is None
    assert paths(engine).unreachable(endpoint(engine, options={"connect_timeout": "3"})) is None
    assert "sockets" in (paths(engine).unreachable(endpoint(engine, host="/run/server")) or "")
    assert "sslcert" in (paths(engine).unreachable(endpoint(engine, options={"sslcert": "/c.pem"})) or "")


def row_batch(count: int, ended: bool) -> pa.RecordBatch:
    ends = [False] * count + [True] * ended
    return pa.RecordBatch.from_pydict(
        {END: pa.array(ends, pa.bool_()), "a": pa.array([str(n) for n in range(count)] + [None] * ended, pa.string())}
    )


@given(st.lists(st.integers(0, 5), max_size=5), st.integers(0, 5))
def test_rows_are_taken_for_all_only_where_the_last_one_says_so(before: list[int], last: int) -> None:
    whole = [row_batch(count, ended=False) for count in before]
    taken = list(opened([*whole, row_batch(last, ended=True)], ["a"]))
    assert [b.num_rows for b in taken] == [count for count in [*before, last] if count]
    with pytest.raises(ConnectionLost, match="broke off"):
        list(opened(whole, ["a"]))
    with pytest.raises(TerminalError, match="behind the last"):
        list(opened([row_batch(last, ended=True), row_batch(1, ended=False)], ["a"]))


def test_rows_without_columns_are_counted_all_the_same() -> None:
    batch = pa.RecordBatch.from_pydict({END: pa.array([False, False, True], pa.bool_())})
    assert [found.num_rows for found in opened([batch], [])] == [2]


def test_an_error_of_ours_comes_home_whole_and_a_bug_without_its_text() -> None:
    for problem in (Busy("waited", where="t", todo="wait", code="55P03"), ValueRefused("odd", where="t")):
        with pytest.raises(Exception, match=CARRIED) as raised, carried("elsewhere"):
            raise problem
        found = brought_home(f"org.apache.spark.SparkException: {raised.value}\n  at …")
        assert found is not None
        assert (type(found), str(found)) == (type(problem), str(problem))
    with pytest.raises(Exception, match=CARRIED) as raised, carried("t, chunk 1"):
        raise ValueError("anna@corp.test is no number")
    assert "anna" not in str(brought_home(str(raised.value)))
    assert raised.value.__cause__ is None


@given(st.text())
def test_a_text_that_only_looks_like_a_carried_error_is_none(text: str) -> None:
    assert brought_home(text) is None
    assert brought_home(f"dbagent<{text}>") is None or isinstance(brought_home(f"dbagent<{text}>"), ConnectorError)
    assert brought_home("dbagent<WyJTeXN0ZW1FeGl0IiwgIiIsICIiLCAiIiwgIiJd>") is None  # names no class of ours


def test_a_chunk_shows_no_bound(capsys: pytest.CaptureFixture[str]) -> None:
    print(Chunk(1, 0, Bounds("anna", 1, 1)), endpoint(ENGINES[0]))
    assert not {"anna", "cret"} & set(capsys.readouterr().out.replace("(", " ").split())
