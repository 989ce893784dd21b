"""Every row exactly once, whatever dies and whoever else is at work, on every engine that has a testkit; and between two of
them, each once as source and once as target."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from connectors import testkit
from connectors.contract import Chunk
from connectors.errors import LeaseHeld, LeaseLost
from tests.connectors.conftest import between
from tests.connectors.drive import Driver, Ends, copy, driver
from tests.connectors.masker import Masker
from tests.connectors.samples import (
    ACCOUNTS,
    MANY,
    SOME,
    accounts,
    exactly,
    expected,
    fill,
    found,
    same,
)
from tests.connectors.victim import BOUNDARIES

ENGINES = sorted(testkit.testkits())
ALIKE = list(zip(ENGINES, ENGINES, strict=True))
RING = list(zip(ENGINES, [*ENGINES[1:], ENGINES[0]], strict=True))
ROWS = dict.fromkeys(BOUNDARIES, SOME) | {"mid-load": MANY}
"""Boundary → rows."""


def kills(*between: str, at: Iterable[str] = ROWS) -> pytest.MarkDecorator:
    """At each boundary on each engine. From one to another at these, and at the others with `scripts/test --full`."""
    cases = [
        pytest.param(
            ends, boundary, ROWS[boundary], id=f"{' to '.join(ends)}, {boundary}",
            marks=pytest.mark.full if ends in RING and boundary not in between else [],
        )
        for ends in (*ALIKE, *RING)
        for boundary in at
    ]  # fmt: skip
    return pytest.mark.parametrize(("ends", "boundary", "rows"), cases, indirect=["ends"])


@pytest.fixture(params=[*ALIKE, *RING], ids=" to ".join)
def ends(request: pytest.FixtureRequest) -> Ends:
    return between(request, *request.param)


def test_a_chunk_that_is_there_already_is_skipped(ends: Ends, started: Driver, rows: int) -> None:
    chunks = started.chunks()
    first = started.transfer(chunks)
    second = started.transfer(chunks)
    assert all(chunk.fresh for chunk in first)
    assert not any(chunk.fresh for chunk in second)
    [state] = started.target.ledger.tables("run")
    assert (state.rows, state.chunks) == (rows, frozenset(range(len(chunks))))
    assert exactly(ends, rows)


@pytest.mark.parametrize("rows", [MANY])
def test_twins_load_a_chunk_once(ends: Ends, started: Driver, tmp_path: Path, rows: int) -> None:
    twins = [started.in_process(tmp_path, started.chunks()) for _ in range(2)]
    assert [twin.wait() for twin in twins] == [0, 0]
    assert exactly(ends, rows)


def killed(one: Driver, folder: Path, chunks: list[Chunk], boundary: str) -> None:
    process = one.in_process(folder, chunks, boundary)
    assert process.wait() == -9


@kills(*BOUNDARIES, at=BOUNDARIES)
def test_a_task_killed_at_any_boundary_is_made_good(ends: Ends, tmp_path: Path, boundary: str, rows: int) -> None:
    made_good(ends, tmp_path, boundary, rows, {})


@kills("mid-load")
def test_so_is_one_that_masks(ends: Ends, tmp_path: Path, boundary: str, rows: int) -> None:
    made_good(ends, tmp_path, boundary, rows, {"accounts": Masker(("name",))})


def made_good(ends: Ends, tmp_path: Path, boundary: str, rows: int, masker: dict[str, Masker]) -> None:
    fill(ends, ACCOUNTS, accounts(rows))
    with driver(ends, anonymize=masker) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        chunks = one.chunks()
        if boundary == "mid-load":
            one.copies[0] = dataclasses.replace(one.copies[0], anonymize=Masker(("name",), dies_at=2))
        killed(one, tmp_path, chunks, boundary)
        loaded = len(found(ends))
        assert loaded < rows
        assert (loaded > 0) == (boundary == "after commit")

    with driver(ends, anonymize=masker) as second:  # a new driver: a new fence, a new snapshot
        second.copy(["accounts"])
        assert second.fence > one.fence
        [state] = second.target.ledger.tables("run")
        assert (state.state, state.rows) == ("complete", rows)
    assert exactly(ends, rows) if masker else same(ends, "accounts")


@kills("after commit", "mid-load")
def test_another_task_of_the_same_driver_finishes_what_a_killed_one_began(
    ends: Ends, started: Driver, tmp_path: Path, boundary: str, rows: int
) -> None:
    chunks, whole = started.chunks(), started.copies[0]
    if boundary == "mid-load":
        started.copies[0] = dataclasses.replace(whole, anonymize=Masker(("name",), dies_at=2))
    killed(started, tmp_path, chunks, boundary)
    started.copies[0] = whole
    loaded = started.transfer(chunks)
    assert [chunk.fresh for chunk in loaded] == [boundary != "after commit", *[True] * (len(chunks) - 1)]
    assert exactly(ends, rows)


def test_a_complete_table_is_kept_by_the_next_driver(ends: Ends, started: Driver, rows: int) -> None:
    started.transfer(started.chunks())
    started.target.ledger.completed("run", 0)
    with driver(ends, anonymize=started.anonymize) as second:
        assert second.copy(["accounts"]) == []
    assert exactly(ends, rows)


# One runner


def test_a_task_of_a_former_driver_can_load_nothing_more(ends: Ends, started: Driver) -> None:
    chunks = started.chunks()
    with driver(ends) as other:
        other.lease(["accounts"], holder="two")
        with pytest.raises(LeaseLost):
            started.transfer(chunks)
        with pytest.raises(LeaseLost):
            started.target.ledger.renew("run", started.fence)
        other.target.ledger.renew("run", other.fence)
    assert found(ends) == []


def test_a_table_has_one_driver_at_a_time(ends: Ends, started: Driver) -> None:
    with driver(ends, run_id="another run") as other:
        with pytest.raises(LeaseHeld, match="accounts"):
            other.lease(["accounts"], holder="two", alive=lambda holder: holder == "one")
        started.target.ledger.release("run", started.fence)
        other.lease(["accounts"], holder="two", alive=lambda holder: holder == "one")


def test_runs_are_remembered_newest_first(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(3))
    for run_id in ("first", "second"):
        copy(ends, "accounts", run_id=run_id)
        time.sleep(0.01)
    with driver(ends) as one:
        assert [(run.run_id, run.state) for run in one.target.ledger.runs()] == [
            ("second", "complete"),
            ("first", "complete"),
        ]


@kills("after commit", "mid-load")
def test_an_append_killed_at_any_boundary_adds_every_row_once(
    ends: Ends, tmp_path: Path, boundary: str, rows: int
) -> None:
    fill(ends, ACCOUNTS, accounts(rows))
    ends.landing.create(ends.target, ACCOUNTS, [(1, "was here", 5)])
    masker = Masker(("name",), dies_at=2 if boundary == "mid-load" else 0)
    with driver(ends, append=True, anonymize={"accounts": masker}) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        killed(one, tmp_path, one.chunks(), boundary)
    assert found(ends) == [(1, "was here", 5)]
    with driver(ends, append=True, anonymize={"accounts": Masker(("name",))}) as second:
        second.copy(["accounts"])
    assert sorted(found(ends)) == sorted({(1, "was here", 5), *expected(rows)})
