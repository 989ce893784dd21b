"""Projection: what a table is called and made of in the target, what fills its columns, and what stops the plan."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import connector
from connectors.schema import Column, ForeignKey, Key, Schema, Table, TableName
from jobs.config.mappings import TableMapping
from jobs.planning.crossing import Projection, Projector, Side, places, unchanged, uncomputed

PG, LITE = connector("postgresql"), connector("sqlite")


def pg(name: str, type_: str, nullable: bool = True, **more: Any) -> Column:
    found = PG.types.named(type_)
    assert found is not None
    return Column(name, found, nullable, **more)


def lite(name: str, type_: str, nullable: bool = True) -> Column:
    found = LITE.types.named(type_)
    assert found is not None
    return Column(name, found, nullable)


USERS = Table(
    TableName("public", "users"),
    (
        pg("id", "bigint", nullable=False, counter="identity always"),
        pg("email", "varchar(50)", nullable=False),
        pg("seen", "timestamptz"),
        pg("amount", "numeric(30,10)"),
        pg("double", "bigint", generated=True),
    ),
    primary_key=("id",),
    uniques=(Key(("email",)),),
)


def projector(*there: Table, source: Any = PG, target: Any = LITE, mappings: dict[str, Any] | None = None,
              consents: tuple[str, ...] = ()) -> Projector:  # fmt: skip
    default = source.facts.default_schema
    given = {TableName(default, name): TableMapping.model_validate(value) for name, value in (mappings or {}).items()}
    sides = Side("PROD", source.facts, source.types), Side("DEV", target.facts, target.types)
    return Projector(*sides, Schema(there), given, places(consents, default))


def project(table: Table = USERS, *there: Table, **how: Any) -> tuple[Projection | None, list[str]]:
    found = projector(*there, **how)
    made = found.project(table)
    return made, [f"{f.severity}: {f}" for f in found.findings]


def sure(found: Projection | None) -> Projection:
    assert found is not None
    return found


def test_between_ends_of_one_engine_a_table_stays_what_it_is() -> None:
    made, findings = project(target=PG)
    assert made == unchanged(USERS)
    assert not sure(made).crosses
    assert findings == []


def test_a_missing_table_is_wanted_in_the_targets_own_types() -> None:
    made, findings = project()
    wanted = sure(made).wanted
    assert (wanted.name, wanted.primary_key) == (TableName(None, "users"), ("id",))
    assert [column.name for column in wanted.columns] == ["id", "email", "seen", "amount"]
    assert [column.nullable for column in wanted.columns] == [False, False, True, True]
    assert all(LITE.types.named(column.type.native) for column in wanted.columns)
    assert [str(judged.loss.kind.value) for judged in sure(made).judged][:2] == ["exact", "exact"]
    assert not [line for line in findings if line.startswith("error")]
    [told] = uncomputed("PROD", USERS)
    assert "users.double" in str(told)
    assert "computes" in str(told)


def test_a_table_of_another_schema_needs_a_name_where_there_are_no_schemas() -> None:
    made, [told] = project(Table(TableName("sales", "orders"), (pg("id", "bigint"),)))
    assert made is None
    assert "column_mappings: {sales.orders: {table: orders}}" in told


def test_a_type_without_room_needs_consent() -> None:
    there = Table(
        USERS.name, (pg("id", "integer"), pg("email", "varchar(50)"), pg("seen", "date"), pg("amount", "numeric"))
    )
    table = Table(USERS.name, USERS.columns[:4])
    _, findings = project(table, there, target=PG, mappings={"users": {"columns": {"email": {"name": "email"}}}})
    errors = [line for line in findings if line.startswith("error")]
    assert len(errors) == 2
    assert "users.id: bigint does not fit integer" in errors[0]
    assert "allow_lossy: [public.users.seen]" in errors[1]
    _, findings = project(table, there, target=PG, mappings={"users": {"columns": {"email": {"name": "email"}}}},
                          consents=("users.id", "users.seen", "users.email"))  # fmt: skip
    assert [line.split(":")[0] for line in findings] == ["warning"] * 3
    assert "nothing of it is lost" in findings[1]


def test_consent_for_numbers_of_any_digits_says_what_of_them_is_lost() -> None:
    there = Table(USERS.name, (pg("amount", "numeric(12,2)"),))
    mappings = {"users": {"columns": {"amount": {"name": "amount"}}}}
    given = Table(USERS.name, (pg("amount", "numeric"),))
    _, findings = project(given, there, target=PG, mappings=mappings, consents=("users.amount",))
    assert "loses what was consented to: rounded to 2 digits behind the point" in findings[0]


def test_what_no_type_holds_stops_the_plan() -> None:
    there = Table(TableName(None, "users"), (lite("id", "INTEGER"), lite("email", "BLOB")))
    _, findings = project(Table(USERS.name, USERS.columns[:2]), there)
    assert any("varchar(50)" in line or "character varying(50)" in line for line in findings if "error" in line)


def test_columns_are_renamed_dropped_typed_and_filled_as_a_mapping_says() -> None:
    mapping = {
        "table": "customers",
        "columns": {"email": {"name": "mail"}, "seen": {"drop": True}, "amount": {"type": "REAL"}},
        "constants": {"origin": {"value": "PROD", "type": "TEXT"}, "note": {"value": None}},
    }
    made, findings = project(mappings={"users": mapping}, consents=("users.amount",))
    found = sure(made)
    assert found.wanted.name == TableName(None, "customers")
    assert [(f.source, f.target) for f in found.fields] == [
        ("id", "id"), ("email", "mail"), ("amount", "amount"), (None, "origin"), (None, "note")
    ]  # fmt: skip
    assert found.fields[3].constant == "PROD"
    assert found.columns == {"id": "id", "email": "mail", "amount": "amount"}
    assert not [line for line in findings if line.startswith("error")]
    there = found.in_source_terms(Table(found.wanted.name, found.wanted.columns, ("id",), (Key(("mail",)),)))
    assert [column.name for column in there.columns] == ["id", "email", "amount", "origin", "note"]
    assert there.uniques == (Key(("email",)),)


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"columns": {"emial": {"drop": True}}}, "email"),
        ({"columns": {"email": {"type": "VARCHAR2(bogus"}}}, "has no type"),
    ],
)
def test_a_mapping_that_fits_nothing_is_told(mapping: dict[str, Any], told: str) -> None:
    _, findings = project(mappings={"users": mapping}, target=PG)
    assert any(told in line for line in findings if line.startswith("error"))


@pytest.mark.parametrize(
    "mapping",
    [
        {"constants": {"origin": {"value": "canary", "type": "integer"}}},
        {"constants": {"origin": {"value": "canary", "type": "varchar(3)"}}},
        {"columns": {"email": {"type": "date", "values": {"A": "2024-02-29", "B": "canary"}}}},
    ],
)
def test_what_a_person_gives_must_be_a_value_of_its_column_and_is_told_nowhere(mapping: dict[str, Any]) -> None:
    _, findings = project(mappings={"users": mapping}, target=PG)
    [told] = [line for line in findings if line.startswith("error")]
    assert "is no value of" in told
    assert "canary" not in told


def test_a_column_is_found_by_its_name_in_another_letter_case_alone() -> None:
    there = Table(TableName(None, "users"), (lite("ID", "INTEGER"), lite("Email", "TEXT")))
    made, findings = project(Table(USERS.name, USERS.columns[:2]), there)
    assert [field.target for field in sure(made).fields] == ["ID", "Email"]
    assert findings == []


def test_a_missing_or_computed_column_of_the_target_stops_the_plan() -> None:
    there = Table(TableName(None, "users"), (lite("id", "INTEGER"),))
    _, [told] = project(Table(USERS.name, USERS.columns[:2]), there)
    assert "column email is missing in users" in told


def test_foreign_keys_are_told_in_the_targets_terms() -> None:
    orders = Table(TableName("public", "orders"), (pg("id", "bigint"), pg("user_id", "bigint")))
    key = ForeignKey("fk", orders.name, ("user_id",), USERS.name, ("id",))
    found = projector(mappings={"users": {"table": "customers", "columns": {"id": {"name": "nr"}}}})
    projected = {table.name: sure(found.project(table)) for table in (USERS, orders)}
    assert found.key(key, projected) == ForeignKey(
        "fk", TableName(None, "orders"), ("user_id",), TableName(None, "customers"), ("nr",)
    )
    dropped = projector(mappings={"orders": {"columns": {"user_id": {"drop": True}}}})
    projected = {table.name: sure(dropped.project(table)) for table in (USERS, orders)}
    assert dropped.key(key, projected) is None


def test_where_one_task_reads_everything_one_mapping_makes_every_table_cross() -> None:
    table = Table(TableName(None, "plain"), (lite("a", "TEXT"),))
    made, _ = project(table, source=LITE, target=LITE, mappings={"other": {"table": "another"}})
    assert sure(made).crosses


def test_a_column_of_the_target_is_filled_once() -> None:
    """Two that letter case alone tells apart, a constant beside one of them, and a name that another column has."""
    there = Table(TableName(None, "users"), (lite("id", "INTEGER"), lite("email", "TEXT")))
    alike = Table(USERS.name, (pg("id", "bigint"), pg("email", "text"), pg("Email", "text")))
    twice = "2 columns would become email in the target"
    _, findings = project(alike, there)
    assert [line for line in findings if twice in line]
    table = Table(USERS.name, alike.columns[:2])
    _, findings = project(table, there, mappings={"users": {"constants": {'"EMAIL"': {"value": "x"}}}})
    assert [line for line in findings if twice in line]
    _, findings = project(table, mappings={"users": {"columns": {"id": {"name": "email"}}}})
    assert [line for line in findings if twice in line]
    _, findings = project(table, there)
    assert findings == []


def test_a_table_of_which_nothing_is_copied_stops_the_plan() -> None:
    columns = {column.name: {"drop": True} for column in USERS.copied}
    _, findings = project(mappings={"users": {"columns": columns}})
    assert "error: PROD: public.users: none of its columns is copied\n  → leave it out (`exclude`)" in findings
    _, findings = project(Table(TableName("public", "bare"), ()))
    assert [line.split(":")[0] for line in findings] == ["error"]
    _, findings = project(mappings={"users": {"columns": columns, "constants": {"origin": {"value": "A"}}}})
    assert not any("none of its columns" in line for line in findings)


def test_a_column_that_only_the_target_has_is_not_taken_for_the_sources_of_that_name() -> None:
    table = Table(USERS.name, (pg("x", "bigint"),))
    there = Table(USERS.name, (pg("y", "bigint"), pg("x", "smallint")), primary_key=("x",), uniques=(Key(("y",)),))
    made, _ = project(table, there, target=PG, mappings={"users": {"columns": {"x": {"name": "y"}}}})
    found = sure(made).in_source_terms(there)
    assert [(c.name, c.type.native) for c in found.columns] == [("x", "bigint"), ("x of the target", "smallint")]
    assert (found.primary_key, found.uniques) == (("x of the target",), (Key(("x",)),))


def test_a_type_asked_for_where_the_column_has_another_is_told() -> None:
    there = Table(USERS.name, (pg("id", "bigint"),))
    for asked, told in (("numeric(20,0)", 1), ("bigint", 0)):
        mapping = {"users": {"columns": {"id": {"type": asked}}}}
        _, findings = project(Table(USERS.name, USERS.columns[:1]), there, target=PG, mappings=mapping)
        assert len([line for line in findings if "already" in line]) == told
