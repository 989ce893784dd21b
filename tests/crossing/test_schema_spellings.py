"""Two files of which one spells its names otherwise, and keys that lead nowhere."""

from __future__ import annotations

from typing import Any

from tests.crossing.test_schema_crossing import Night, night, no_spark, rows

__all__ = ["night", "no_spark"]

SHOP = (
    "CREATE TABLE users (ID INTEGER PRIMARY KEY, Email TEXT NOT NULL CHECK (Email <> ''))",
    "CREATE TABLE orders (ID INTEGER PRIMARY KEY, User_ID INTEGER REFERENCES users, code TEXT)",
    "CREATE INDEX by_user ON orders (User_ID)",
    "INSERT INTO users VALUES (1, 'a@x.test')",
    "INSERT INTO orders VALUES (1, 1, 'x')",
)


def test_names_in_another_letter_case_are_the_same(night: Night) -> None:
    site = night.site("sqlite", "sqlite", *SHOP)
    for statement in SHOP[:3]:
        night.execute(site.dev, statement.lower())
    plan = night.plan(site)
    assert plan["how"]["schema"]["changes"] == []
    assert not [one for one in plan["findings"] if "only the target has it" in one["what"]]
    night.run(site)
    assert night.plan(site)["sha256"] == plan["sha256"]
    assert rows(site.dev, "SELECT * FROM users") == [("1", "a@x.test")]
    crossing = night.site("postgresql", "sqlite", 'CREATE TABLE users ("Id" bigint PRIMARY KEY, "Email" text NOT NULL)')
    night.execute(crossing.dev, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL)")
    assert night.plan(crossing)["how"]["schema"]["changes"] == []


def test_a_key_that_leads_nowhere_is_told(night: Night) -> None:
    site = night.site("sqlite", "sqlite", *SHOP)

    def told(**operation: Any) -> list[str]:
        found = night.plan(site, **operation)["findings"]
        return [one["what"] for one in found if "orders_User_ID_fkey" in one["where"]]

    [what] = told(tables=["orders"])
    assert what.startswith(
        "it leads to users, which is neither wanted nor in the target: it comes in its table's own words"
    )
    assert told() == []
    night.execute(site.dev, "CREATE TABLE USERS (id INTEGER PRIMARY KEY)")
    assert told(tables=["orders"]) == []
