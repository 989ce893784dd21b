"""Which path each table takes and why; what stands against one is told with the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlglot

from connectors.contract import Endpoint, Tls, connector
from connectors.facts import Facts
from connectors.schema import Table
from jobs.config.operation import Operation
from jobs.planning.crossing import unchanged
from jobs.planning.findings import Finding
from jobs.planning.paths import chosen, told
from jobs.planning.plan import TablePlan
from jobs.planning.render import _paths as lines
from tests.jobs.planning.sample import ORDERS, USERS


@dataclass(frozen=True)
class End:
    environment: str
    endpoint: Endpoint
    facts: Facts


def end(environment: str, engine: str, **changes: Any) -> End:
    given = Endpoint(environment, engine, "shop", "db1", None, "me", None, Tls("disable"))
    return End(environment, replace(given, **changes), connector(engine).facts)


def plan(number: int, table: Table) -> TablePlan:
    return TablePlan(number, table, None, unchanged(table), None, None, ())


def choose(source: End | None = None, target: End | None = None, **given: Any) -> tuple[list[TablePlan], list[Finding]]:
    operation = Operation.model_validate(
        {"operation_type": "copy_full", "source_env": "PROD", "target_env": "DEV", "tables": ["*"], "anonymize": False}
        | given
    )
    source, target = source or end("PROD", "postgresql"), target or end("DEV", "postgresql")
    return chosen(operation, source, target, [plan(0, USERS), plan(1, ORDERS)])


def errors(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.severity == "error"]


def test_without_a_word_every_table_goes_directly_and_nothing_is_said_against_it() -> None:
    found, findings = choose()
    assert [each.paths for each in found] == [("native", "bulk")] * 2
    assert findings == []
    [line] = lines(told(found))
    assert line.startswith("paths: read native (auto: ")


def test_a_table_takes_the_path_that_is_named_for_it_and_others_the_usual_one() -> None:
    found, findings = choose(read={"users": "jdbc"}, write={"public.orders": "jdbc", "users": "bulk"})
    assert [each.paths for each in found] == [("jdbc", "bulk"), ("native", "jdbc")]
    assert errors(findings) == []
    users, orders = lines(told(found))
    assert users == "paths: read jdbc (as asked); write bulk (as asked): public.users"
    assert orders.startswith("paths: read native (auto: ")
    assert orders.endswith("; write jdbc (as asked): public.orders")


def test_a_path_for_a_table_that_is_not_copied_is_an_error() -> None:
    _, findings = choose(read={"user": "jdbc"})
    [problem] = errors(findings)
    assert problem.startswith("read: user: this table is not copied")
    assert "users" in problem


def test_tables_that_are_written_twice_are_told_with_their_size() -> None:
    _, findings = choose(write="jdbc")
    [finding] = findings
    assert (finding.severity, finding.where) == ("warning", "DEV")
    assert "2 tables" in finding.what
    assert "twice the disk" in finding.what
    assert "twice the log" in finding.what


@pytest.mark.parametrize(
    ("ends", "asked", "expected"),
    [
        ({"source": end("PROD", "sqlite")}, {"read": "jdbc"}, "PROD: SQLite has no JDBC path"),
        ({"target": end("DEV", "sqlite")}, {"write": "jdbc"}, "DEV: SQLite has no JDBC path"),
        ({"source": end("PROD", "postgresql", host="/run")}, {"read": "jdbc"}, "no sockets"),
        ({"target": end("DEV", "mysql", host="/run/s.sock")}, {"write": "jdbc"}, "no sockets"),
        ({"source": end("PROD", "mysql", tls=Tls("verify-ca", "/ca.pem"))}, {"read": "jdbc"}, "no PEM files"),
        ({"source": end("PROD", "sqlite")}, {"write": "jdbc"}, "read by one task that loads what it reads"),
    ],
)
def test_a_path_that_an_end_does_not_have_is_an_error_that_names_it(
    ends: dict[str, End], asked: dict[str, str], expected: str
) -> None:
    _, findings = choose(**ends, **asked)
    [problem] = errors(findings)
    assert expected in problem
    assert "auto" in problem
    _, findings = choose(**ends)
    assert findings == []


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        ("CAST(note AS integer) > 5", True),
        ("length(note) = 3 AND id > 5", True),
        ("note = 'a' AND id > 5 OR note IS NULL", False),
    ],
)
def test_a_filter_whose_error_would_quote_a_value_in_sparks_log_is_refused(condition: str, refused: bool) -> None:
    where = sqlglot.condition(condition, dialect="postgres")
    operation = Operation.model_validate(
        {"operation_type": "copy_full", "source_env": "PROD", "target_env": "DEV", "tables": ["*"], "read": "jdbc"}
    )
    filtered = replace(plan(0, ORDERS), where=where)
    for asked, expected in ((operation, refused), (operation.model_copy(update={"read": "auto"}), False)):
        _, findings = chosen(asked, end("PROD", "postgresql"), end("DEV", "postgresql"), [filtered])
        assert any("converts or computes" in told for told in errors(findings)) == expected
