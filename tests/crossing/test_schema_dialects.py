"""Two servers of one engine that speak different dialects of it: rows travel as ever, definitions are said anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.facts import Server
from connectors.mysql import probe
from tests.crossing.test_schema_crossing import Night, night, no_spark, rows

__all__ = ["night", "no_spark"]

SHOP = (
    "CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20) COLLATE utf8mb4_general_ci NOT NULL DEFAULT 'x'"
    " COMMENT 'called', doc json, at datetime(3) DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),"
    " twice bigint AS (id_in_words + 1) VIRTUAL, id_in_words int, UNIQUE KEY once (name), CHECK (id_in_words > 0))"
    " ENGINE=InnoDB PAGE_CHECKSUM=1",
    "CREATE TABLE orders (id int PRIMARY KEY, user_id int, KEY by_user (user_id),"
    " CONSTRAINT bought_by FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)",
    "CREATE VIEW seen AS SELECT id FROM users",
    "INSERT INTO users (name, doc, id_in_words) VALUES ('Ann', '{}', 4)",
    "INSERT INTO orders VALUES (1, 1)",
)


def test_definitions_are_said_anew_where_one_server_may_not_take_the_others_words(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = probe.server

    def another(session: Any, *, source: bool) -> Server:
        found = real(session, source=source)
        return replace(found, dialect="another", version="Another 1.0") if source else found

    monkeypatch.setattr(probe, "server", another)
    site = night.site("mysql", "mysql", *SHOP)
    before = night.plan(site)
    told = {one["where"]: one["what"] for one in before["findings"]}
    assert told["PROD, DEV"].startswith("Another 1.0 and MariaDB")
    assert "it has no words that every engine knows" in told["PROD: view seen"]
    assert "LOAD DATA" in before["how"]["way"]
    night.run(site)
    after = night.plan(site)
    assert (after["how"]["schema"]["changes"], after["sha256"]) == ([], before["sha256"])
    assert rows(site.dev, "SELECT * FROM users") == rows(site.prod, "SELECT * FROM users")
    [(_, text)] = rows(site.dev, "SHOW CREATE TABLE users")
    assert "PAGE_CHECKSUM" not in str(text)
    for kept in (
        "DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3)",
        "AUTO_INCREMENT",
        "UNIQUE KEY `once` (`name`)",
        "COLLATE utf8mb4_general_ci",
        "GENERATED ALWAYS AS (`id_in_words` + 1) VIRTUAL",
        "COMMENT 'called'",
    ):
        assert kept in str(text)
    [(_, text)] = rows(site.dev, "SHOW CREATE TABLE orders")
    assert "REFERENCES `users` (`id`) ON DELETE CASCADE" in str(text)
    monkeypatch.setattr(probe, "server", real)
    assert "PAGE_CHECKSUM=1 wanted" in night.run(site, "plan", code=3)
