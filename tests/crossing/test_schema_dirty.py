"""Rows that break what their own source declares, because nobody checked when they came: a copy with its schema counts them,
says how to see them, and leaves the key unproved or away until they are mended."""

from __future__ import annotations

import re

import pytest

from tests.crossing.test_schema_crossing import Night, night

__all__ = ["night"]

ORPHANS = (
    "CREATE TABLE p (id int PRIMARY KEY)",
    "CREATE TABLE c (id int PRIMARY KEY, p_id int, CONSTRAINT of_p FOREIGN KEY (p_id) REFERENCES p (id))",
    "INSERT INTO p VALUES (1)",
    "SET STATEMENT foreign_key_checks = 0 FOR INSERT INTO c VALUES (1, 1), (2, 77), (3, 78)",
)
SEEN = re.compile(r"\b2 rows (?:of \S+ |break |reference no row).*; see them with: (SELECT .*)")


@pytest.mark.parametrize(("target", "on_violation", "code"), [
    ("postgresql", "fail", 8), ("postgresql", "report", 0), ("mysql", "fail", 8), ("sqlite", "report", 0)
])  # fmt: skip
def test_orphans_of_a_source_that_did_not_check(target: str, on_violation: str, code: int, night: Night) -> None:
    site = night.site("mysql", target, *ORPHANS)
    said = night.run(site, on_violation=on_violation, code=code)
    queries = SEEN.findall(said)
    assert queries, said
    for query in queries:
        assert sorted(row[0] for row in site.landing.rows(site.dev, query)) == [2, 3]
    assert len(site.landing.rows(site.dev, "SELECT * FROM c")) == 3
    proved = "SELECT convalidated FROM pg_constraint WHERE conname = 'of_p'"
    if target == "postgresql":
        assert site.landing.rows(site.dev, proved) == [(False,)]
    if on_violation == "report":
        night.execute(site.prod, "DELETE FROM c WHERE id > 1")
        assert not SEEN.search(night.run(site, on_violation=on_violation))
        if target == "postgresql":
            assert site.landing.rows(site.dev, proved) == [(True,)]


def test_rows_that_a_check_of_their_source_forbids_stop_their_chunk(night: Night) -> None:
    site = night.site(
        "mysql",
        "postgresql",
        "CREATE TABLE t (id int PRIMARY KEY, n int, CONSTRAINT few CHECK (n < 10))",
        "SET STATEMENT check_constraint_checks = 0 FOR INSERT INTO t VALUES (1, 1), (2, 4711)",
    )
    said = night.run(site, code=5)
    assert "few" in said
    assert "4711" not in said
