"""Tables that reference each other in a circle: their keys wait, or all their rows arrive in one statement."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from connectors.errors import TerminalError
from jobs.errors import RunFailed
from jobs.running import epoch
from jobs.running.run import run
from tests.jobs.running.faults import only_operation
from tests.jobs.running.site import Site
from tests.jobs.running.standing import own, schema, told, waiting

pytestmark = pytest.mark.usefixtures("no_spark", "worth_it")


def people_and_homes(site: Site) -> None:
    """Two tables that reference each other, and one of them itself."""
    for end in (site.prod, site.dev):
        for statement in (
            "CREATE TABLE people (id int PRIMARY KEY, boss int REFERENCES people, home int)",
            "CREATE TABLE homes (id int PRIMARY KEY, owner int NOT NULL REFERENCES people)",
            "ALTER TABLE people ADD FOREIGN KEY (home) REFERENCES homes",
        ):
            site.server.execute(end, statement)
    site.server.execute(site.prod, "INSERT INTO people SELECT n, 1 + n % 50, NULL FROM generate_series(1, 50) n")
    site.server.execute(site.prod, "INSERT INTO homes SELECT n, 51 - n FROM generate_series(1, 50) n")
    site.server.execute(site.prod, "UPDATE people SET home = 51 - id")


def test_cycles_and_self_references_load_for_a_plain_owner(server_site: Site) -> None:
    site = server_site
    own(site)
    people_and_homes(site)
    before = schema(site)
    plain = {"policy": None, "anonymize": False}
    run(waiting(site, **plain), **told(site))
    assert schema(site) == before
    assert [len(site.rows(site.dev, table)) for table in ("people", "homes")] == [50, 50]
    assert only_operation(site).status == "completed"


def test_a_cycle_that_our_user_can_neither_drop_nor_switch_off_arrives_in_one_statement(
    server_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the publication, and resumed: each row is there once, and the keys were on all the time."""
    site = server_site
    people_and_homes(site)
    server: Any = site.landing
    guest = f"{site.dev.database}_guest"
    for statement in (
        f"CREATE ROLE {guest} LOGIN PASSWORD '{site.dev.password}' CREATEDB",
        f"GRANT CREATE ON DATABASE {site.dev.database} TO {guest}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {guest}",
        f"GRANT USAGE ON SCHEMA public TO {guest}",
    ):
        server.execute(server.endpoint if "ROLE" in statement else site.dev, statement)
    site.environments({"DEV": {"user": guest}})
    before, console = schema(site), Console(record=True, width=250)
    with monkeypatch.context() as stopped:
        stopped.setattr(epoch.Epoch, "_clear", lambda *_: None)
        stopped.setattr("connectors.postgresql.target.Target.publish", refuse)
        with pytest.raises(RunFailed):
            run(str(site.operation(policy=None, anonymize=False)), **told(site))
    assert [site.rows(site.dev, table) for table in ("people", "homes")] == [[], []]
    run(str(site.operation(policy=None, anonymize=False)), **told(site, console))
    assert "foreign keys lead round in a circle" in console.export_text()
    assert [site.rows(site.dev, t) == site.rows(site.prod, t) for t in ("people", "homes")] == [True, True]
    assert schema(site) == before
    assert only_operation(site).status == "completed"


def refuse(*_: object) -> None:
    raise TerminalError("refused by the test", where="DEV")
