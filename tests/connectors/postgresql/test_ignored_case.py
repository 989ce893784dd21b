"""Which columns ignore case, as the server itself compares: citext by the database's locale, collations by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from connectors.contract import connector
from connectors.schema import IgnoredCase

TABLE = """
CREATE EXTENSION citext;
CREATE DOMAIN address AS citext;
CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION exact (provider = icu, locale = 'und', deterministic = false);
CREATE TABLE people (plain text, email citext, second address, name text COLLATE anycase, code text COLLATE exact);
"""


@pytest.mark.parametrize(("locale", "expected"), [("C", "ascii"), ("C.UTF-8", "unicode")])
def test_the_server_says_which_letters_it_takes_for_one(servers: Mapping[str, Any], locale: str, expected: str) -> None:
    server = servers["postgresql"]
    end = server.database("case")
    name = f"{end.database}_locale"
    server.execute(
        server.endpoint, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE '{locale}'"
    )
    end = replace(end, database=name)
    server.execute(end, TABLE)
    with closing(connector("postgresql").source(end)) as source:
        [people] = source.schema().tables
    found: dict[str, IgnoredCase] = {column.name: column.ignores_case for column in people.columns}
    assert found == {"plain": None, "email": expected, "second": expected, "name": "unicode", "code": None}
    same = server.rows(end, "SELECT 'É'::citext = 'é'::citext")
    assert same == [(expected == "unicode",)]
