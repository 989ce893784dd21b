"""Columns that ignore case: what joined before the copy joins after it, and what was unique stays so."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.jobs.running.site import Site
from tests.jobs.running.test_run import go

pytestmark = pytest.mark.usefixtures("no_spark")

TYPES = {"mysql": "varchar(200)", "postgresql": "citext", "sqlite": "TEXT COLLATE NOCASE"}
JOINED = "SELECT a.id, l.id FROM accounts a JOIN letters l ON a.{0} = l.{0} ORDER BY 1, 2"
RULES = {
    "email": {"strategy": "faker", "domain": "email"},
    "token": {"strategy": "tokenize", "domain": "token"},
    "digest": {"strategy": "hash", "domain": "digest"},
    "code": {"strategy": "scramble", "domain": "code"},
}


def test_spellings_of_one_value_find_each_other_in_the_copy(site: Site) -> None:
    kind, server = TYPES[site.prod.engine], cast(Any, site.server)
    columns = ", ".join(f"{name} {kind}" for name in RULES)
    for end in (site.prod, site.dev) if kind == "citext" else ():
        site.server.execute(end, "CREATE EXTENSION citext")
    site.server.execute(site.prod, f"CREATE TABLE accounts (id integer PRIMARY KEY, {columns}, UNIQUE (email))")
    site.server.execute(site.prod, f"CREATE TABLE letters (id integer PRIMARY KEY, {columns})")
    values = [f"Someone{number}@corp.test" for number in range(50)]
    site.server.insert(site.prod, "accounts", [(n, *[v] * len(RULES)) for n, v in enumerate(values)])
    others = [value.upper() if number % 2 else value.lower() for number, value in enumerate(values)]
    site.server.insert(site.prod, "letters", [(n, *[v] * len(RULES)) for n, v in enumerate(others)])
    rules = {
        f"{table}.{name}": rule.copy()  # the same one twice would be an alias in the file
        for table in ("accounts", "letters")
        for name, rule in RULES.items()
    }
    kept = {"accounts.id": "keep", "letters.id": "keep"}
    go(site, policy={"key": {"secret": f"file:{site.folder / 'master.key'}"}, "columns": {**kept, **rules}})
    for name in RULES:
        before, after = (server.rows(end, JOINED.format(name)) for end in (site.prod, site.dev))
        assert len(before) == len(values)
        assert after == before, name
