"""What the target's user may not do to its schema stops the plan, all at once, and the statements that are told then help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from connectors.contract import Endpoint
from jobs.errors import PlanRefused
from jobs.planning.findings import Finding
from jobs.running.rollback import roll_back
from tests.jobs.running.schemas import COPY, SHOP, bring, execute, operations, shop, told
from tests.jobs.running.site import Site
from tests.jobs.running.test_schema import WIDER

pytestmark = [
    pytest.mark.usefixtures("no_spark"),
    pytest.mark.parametrize("site", ["mysql", "postgresql"], indirect=True),
]

MORE = (
    "ALTER TABLE customers ADD nick varchar(20)",
    "CREATE INDEX by_nick ON customers (nick)",
    "CREATE TABLE gifts (id integer PRIMARY KEY, customer_id integer,"
    " CONSTRAINT given_to FOREIGN KEY (customer_id) REFERENCES customers (id))",
    "CREATE VIEW givers AS SELECT c.nick, g.id FROM customers c JOIN gifts g ON g.customer_id = c.id",
)
COPIES = COPY | {"mode": "update", "if_target_not_empty": "truncate"}
WANTED = {
    "mysql": (
        "customers: column email, column nick, index by_nick: our user lacks ALTER on customers: GRANT ALTER ON ",
        "gifts: index given_to, foreign key given_to: our user lacks ALTER on gifts",
        "view givers: our user lacks CREATE VIEW on givers",
        "view spenders: it is there, and our user may not see its definition: GRANT SHOW VIEW ON ",
    ),
    "postgresql": (
        "customers: column email, column nick, index by_nick: must be owner of table public.customers: ALTER TABLE ",
        "customers: index by_nick: our user may not create anything in its schema: GRANT CREATE ON SCHEMA ",
        "gifts: our user may not create anything in its schema",
        "view public.givers: our user may not create anything in its schema",
    ),
}
"""Of `update`."""
DROPPED = {
    "mysql": (
        "words: our user lacks DROP on words: GRANT DROP ON ",
        "index follows: our user lacks ALTER on purchases: GRANT ALTER",
    ),
    "postgresql": (
        "words: must be owner of table public.words: ALTER TABLE ",
        "view public.spenders: must be owner of view ",
    ),
}
UNDONE = {"mysql": "our user lacks ALTER on customers", "postgresql": "must be owner of table public.customers"}
NEEDED = "SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX"
"""What a ledger takes where it is no schema of its own, and no more."""


@dataclass
class Guest:
    """A user of DEV who owns nothing there."""

    site: Site
    owner: Endpoint
    login: Endpoint

    @contextmanager
    def asks(self) -> Iterator[None]:
        """Whoever runs something meanwhile is the guest."""
        self.site.dev = self.login
        try:
            yield
        finally:
            self.site.dev = self.owner

    def begins(self) -> None:
        """May get in and load rows, but define nothing of what is there."""
        name, database = self.login.user, self.owner.database
        statements = [
            f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{name}'@'127.0.0.1'",
            f"GRANT {NEEDED} ON `{database}`.* TO '{name}'@'127.0.0.1'",
        ]
        if self.owner.engine == "postgresql":
            tables = ("customers", "purchases", "words", "spenders", "big_spenders")
            statements = [f"ALTER TABLE {table} OWNER TO {self.owner.user}" for table in tables]
            statements += [
                f"GRANT CREATE ON DATABASE {database} TO {name}",
                f"GRANT ALL ON customers, purchases, words TO {name}",
            ]
        execute(self.site, self.owner, *statements)

    def refused(self, **changes: Any) -> list[Finding]:
        with self.asks(), pytest.raises(PlanRefused) as refused:
            bring(self.site, **changes)
        return list(refused.value.findings)

    def gets(self, findings: list[Finding]) -> None:
        """What the findings say would help."""
        statements = {one.what.rpartition(": ")[2] for one in findings if one.severity == "error"}
        execute(self.site, self.owner, *sorted(statements))


@pytest.fixture
def guest(site: Site) -> Guest:
    shop(site)
    owner = site.dev
    execute(site, owner, *SHOP)
    execute(site, site.prod, *MORE, *WIDER[owner.engine])
    name = f"g{owner.database[-10:]}"
    login = replace(owner, user=name, password="guest")
    made = f"CREATE ROLE {name} LOGIN PASSWORD 'guest'"
    if owner.engine == "mysql":
        made = f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'guest'"
    execute(site, owner, made)
    found = Guest(site, owner, login)
    found.begins()
    return found


def errors(findings: list[Finding]) -> str:
    return (
        "\n".join(str(one) for one in findings if one.severity == "error").replace('"', "").replace("DEV: public.", "")
    )


@pytest.mark.parametrize("changes", [{"mode": "update"}, COPIES], ids=["alone", "before rows"])
def test_everything_that_is_missing_is_told_at_once_and_nothing_is_changed(
    guest: Guest, changes: dict[str, Any]
) -> None:
    site = guest.site
    before = told(site)
    said = errors(guest.refused(**changes))
    for words in WANTED[guest.owner.engine]:
        assert words in said
    assert told(site) == before
    guest.gets(guest.refused(**changes))
    with guest.asks():
        bring(site, **changes)
    assert told(site) == []


def test_what_is_recreated_is_dropped_only_by_who_may(guest: Guest) -> None:
    said = errors(guest.refused(mode="recreate", confirm="DEV"))
    for words in DROPPED[guest.owner.engine]:
        assert words in said
    assert ("missing", "table words") not in told(guest.site)


def test_undoing_stops_too_before_anything_is_undone(guest: Guest) -> None:
    site = guest.site
    guest.gets(guest.refused(mode="update"))
    with guest.asks():
        bring(site, mode="update")
    [operation] = operations(site)
    guest.begins()
    before = told(site)

    def undo() -> None:
        with guest.asks():
            environments = site.environments({})
            roll_back(operation.id, confirm=None, environments_path=environments, control_url=site.control)

    with pytest.raises(PlanRefused) as refused:
        undo()
    said = errors(refused.value.findings)
    assert f"index by_nick, column nick, column email: {UNDONE[guest.owner.engine]}" in said
    assert told(site) == before == []
    guest.gets(refused.value.findings)
    undo()
    assert ("missing", "index by_nick of customers") in told(site)
