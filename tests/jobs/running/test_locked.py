"""A lock that another session holds on the target: who holds it is told while the run waits, and when it has waited enough."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from connectors.mysql import session as mysql
from connectors.postgresql import session as postgresql
from jobs.control.store import ControlStore
from jobs.errors import RunFailed
from jobs.running import locked
from jobs.running.run import resume, run
from tests.jobs.running.faults import once, only_operation, until
from tests.jobs.running.site import Here, Site
from tests.jobs.running.standing import schema, stand, told, waiting

pytestmark = pytest.mark.usefixtures("no_spark", "worth_it")

HELD = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
LOCK = {
    "postgresql": (["BEGIN", "LOCK TABLE orders IN SHARE MODE"], "ROLLBACK"),
    "mysql": (["START TRANSACTION", "INSERT INTO orders (id) VALUES (1)"], "ROLLBACK"),
}
"""What keeps rows out, and what lets them in again."""
servers = pytest.mark.parametrize("site", ["postgresql", "mysql"], indirect=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is asked for anew after a moment."""
    monkeypatch.setitem(postgresql.WRITING, "lock_timeout", "200ms")
    monkeypatch.setitem(mysql.WRITING, "lock_wait_timeout", 1)
    monkeypatch.setitem(mysql.WRITING, "innodb_lock_wait_timeout", 1)


@contextmanager
def reading(site: Site) -> Iterator[tuple[int, Any]]:
    """A session that reads orders in a transaction, and its number on the server."""
    server: Any = site.landing
    with server.connect(site.dev) as other, other.cursor() as cursor:
        cursor.execute(HELD[site.dev.engine])
        [(number,)] = cursor.fetchall()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM orders")
        cursor.fetchall()
        yield number, cursor


@servers
def test_while_it_waits_progress_says_for_whom_and_then_it_goes_on(site: Site) -> None:
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    before = schema(site)

    def seen(number: int) -> bool:
        with ControlStore.open(site.control) as store:
            found = store.recent()
        return bool(found) and f"session {number} " in (found[0].current_table or "")

    with reading(site) as (number, other), ThreadPoolExecutor(1) as pool:

        def let_go() -> None:
            try:
                until(lambda: seen(number), "who is waited for")
            finally:
                other.execute("ROLLBACK")

        letting = pool.submit(let_go)
        run(waiting(site), **told(site))
        letting.result()
    assert schema(site) == before
    assert only_operation(site).status == "completed"
    assert only_operation(site).current_table is None


@servers
def test_when_it_has_waited_enough_it_fails_once_saying_for_whom_and_resumes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    before = schema(site)
    with reading(site) as (number, other):
        monkeypatch.setattr(locked, "WAIT", 0.0)
        with pytest.raises(RunFailed, match=rf"session {number} .* 20\d\d-") as failed:
            run(waiting(site), **told(site))
        other.execute("ROLLBACK")
    assert "dbagent resume" in failed.value.todo
    resume(only_operation(site).id, **told(site))
    assert schema(site) == before


@servers
def test_a_lock_that_keeps_rows_out_is_told_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    before = schema(site)
    monkeypatch.setattr(locked, "WAIT", 0.0)
    with reading(site) as (number, other):
        other.execute("ROLLBACK")
        taken, given_back = LOCK[site.dev.engine]

        def takes() -> None:
            for statement in taken:
                other.execute(statement)

        once(monkeypatch, Here, "submit", takes)
        with pytest.raises(RunFailed, match=rf"orders, chunk 0: .* session {number} .* 20\d\d-"):
            run(waiting(site), **told(site))
        other.execute(given_back)
    resume(only_operation(site).id, **told(site))
    assert schema(site) == before
