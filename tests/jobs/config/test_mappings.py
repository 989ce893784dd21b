"""Column mappings: what is written stays as it was written, and every contradiction is told at load, all of them at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from jobs.config.mappings import ColumnMapping, Constant, TableMapping
from jobs.config.operation import Operation, load_operation
from jobs.errors import ConfigError

BASE = "{operation_type: copy_full, source_env: PROD, target_env: DEV, tables: ['*'], anonymize: false"

EVERYTHING = """
  users:
    table: customers
    columns:
      email: {name: mail}
      notes: {drop: true}
      amount: {type: "numeric(12,2)"}
      status: {values: {A: active, 3: inactive, "": null}}
    constants:
      origin: {value: PROD, type: varchar(10)}
  public."Odd.Table":
    columns: {'"Odd.Name"': {name: '"n""m"'}}
    constants: {'"two words"': {value: null}}
"""


def load(folder: Path, mappings: str, allow_lossy: str = "[]") -> Operation:
    file = folder / "op.yaml"
    head = BASE.strip("{").replace(", ", "\n")
    file.write_text(f"{head}\nallow_lossy: {allow_lossy}\ncolumn_mappings: {mappings}\n")
    return load_operation(file)


def problems(folder: Path, mappings: str, allow_lossy: str = "[]") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, mappings, allow_lossy)
    return [problem.removeprefix(f"{folder}/op.yaml: ") for problem in caught.value.problems]


def test_every_key_is_understood(tmp_path: Path) -> None:
    users, odd = load(tmp_path, EVERYTHING).column_mappings.values()
    assert users.target == (None, "customers")
    assert users.by_column == {
        "email": ColumnMapping(name="mail"),
        "notes": ColumnMapping(drop=True),
        "amount": ColumnMapping(type="numeric(12,2)"),
        "status": ColumnMapping(values={"A": "active", "3": "inactive", "": None}),
    }
    assert users.by_constant == {"origin": Constant(value="PROD", type="varchar(10)")}
    assert (odd.target, odd.by_column["Odd.Name"].target) == (None, 'n"m')
    assert odd.by_constant == {"two words": Constant(value=None)}


def test_a_stored_operation_comes_back(tmp_path: Path) -> None:
    found = load(tmp_path, EVERYTHING, "[users.created_at, public.orders.total]")
    assert found.allow_lossy == ["users.created_at", "public.orders.total"]
    assert Operation.model_validate(json.loads(json.dumps(found.model_dump(mode="json")))) == found


def test_an_operation_without_mappings_has_none() -> None:
    found = Operation.model_validate(
        {"operation_type": "copy_full", "source_env": "A", "target_env": "B", "tables": ["*"]}
    )
    assert (found.column_mappings, found.allow_lossy) == ({}, [])


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("PROD", "PROD"),
        ("7", "7"),
        ("-7", "-7"),
        ('"007"', "007"),
        ("'1.50'", "1.50"),
        ("2024-01-01", "2024-01-01"),
        ("2024-05-17 09:30:00", "2024-05-17 09:30:00"),
        ("1e3", "1e3"),
        ("null", None),
        ("'null'", "null"),
        ("'yes'", "yes"),
        ("''", ""),
        ("9" * 40, "9" * 40),
    ],
)
def test_a_value_is_kept_as_it_was_written(tmp_path: Path, written: str, text: str | None) -> None:
    found = load(tmp_path, f"{{t: {{constants: {{c: {{value: {written}}}}}}}}}").column_mappings["t"]
    assert found.by_constant["c"].value == text


@pytest.mark.parametrize("written", ["yes", "no", "on", "true", "False"])
def test_a_word_that_yaml_takes_for_a_truth_value_is_refused(tmp_path: Path, written: str) -> None:
    [said] = problems(tmp_path, f"{{t: {{constants: {{c: {{value: {written}}}}}}}}}")
    assert said.startswith("column_mappings.t.constants.c.value: true, false, yes, no …: write 1 or 0 for a boolean")
    [said] = problems(tmp_path, f"{{t: {{columns: {{c: {{values: {{{written}: x}}}}}}}}}}")
    assert said.startswith("column_mappings.t.columns.c.values: entry 1: true, false, yes, no")


@pytest.mark.parametrize("written", ["1.50", "1.0", ".5", "1.0e+3", ".inf"])
def test_a_number_that_would_be_rounded_is_refused(tmp_path: Path, written: str) -> None:
    for mapping in (f"constants: {{c: {{value: {written}}}}}", f"columns: {{c: {{values: {{a: b, x: {written}}}}}}}"):
        [said] = problems(tmp_path, f"{{t: {{{mapping}}}}}")
        assert "write it in quotes: a number with a fraction would be rounded before it is read" in said


@pytest.mark.parametrize("written", ["010", "0x1F", "1_000", "+5", "1:30", "0b1"])
def test_a_number_that_yaml_would_turn_into_another_is_refused(tmp_path: Path, written: str) -> None:
    [said] = problems(tmp_path, f"{{t: {{constants: {{c: {{value: {written}}}}}}}}}")
    assert "write this number with its digits alone, or a text in quotes" in said


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
  a: {}
  b:
  c: {table: "x y", colums: {}}
  d:
    columns:
      a.b: {name: c}
      dropped: {drop: true, name: y, values: {A: B}}
      unsure: {drop: 1}
      idle: {drop: false}
      nothing:
      void: {values: {}}
      named: {name: ""}
      typed: {type: ""}
      listed: {values: [A, B]}
      empty: {values: {null: x}}
      deep: {values: {"secret": [x]}}
    constants: {x: {type: int}, y: PROD}
  e: {constants: {}}
  f: {columns: {}}
""",
        "[orders, users.a]",
    )
    assert found == [
        "column_mappings.a: says nothing: give it table, columns or constants, or remove it",
        "column_mappings.b: must be a mapping (key: value)",
        "column_mappings.c.table: 'x y' is not a name: write [schema.]table, with double quotes around a part that is not"
        " a plain word",
        "column_mappings.c.colums: there is no such key; did you mean columns? (valid: columns, constants, table)",
        "column_mappings.d.columns.a.b: 'a.b' has 2 parts: here a column is written alone, without its table",
        "column_mappings.d.columns.dropped: a dropped column is not copied: remove name, values",
        "column_mappings.d.columns.unsure.drop: must be true or false",
        "column_mappings.d.columns.idle: says nothing: give it name, drop, type or values, or remove it",
        "column_mappings.d.columns.nothing: must be a mapping (key: value)",
        "column_mappings.d.columns.void.values: must not be empty",
        "column_mappings.d.columns.named.name: '' is not a name: write a column, with double quotes around a part that"
        " is not a plain word",
        "column_mappings.d.columns.typed.type: must not be empty",
        "column_mappings.d.columns.listed.values: must be a mapping (key: value)",
        'column_mappings.d.columns.empty.values: entry 1: NULL stays NULL: remove it (or write "null" in quotes'
        " where the text is meant)",
        "column_mappings.d.columns.deep.values: entry 1: must be one value: a text, a whole number or null",
        "column_mappings.d.constants.x.value: is missing",
        "column_mappings.d.constants.y: must be a mapping (key: value)",
        "column_mappings.e.constants: must not be empty",
        "column_mappings.f.columns: must not be empty",
        "allow_lossy.0: 'orders' has one part: a column is written [schema.]table.column",
    ]


@pytest.mark.parametrize(
    ("mappings", "said"),
    [
        ("{users: {table: a}, '\"users\"': {table: b}}", 'users and "users" are the same table'),
        ("{a: {table: x}, b: {table: '\"x\"'}}", "two tables would become x in the target"),
        ("{a: {table: b}, b: {columns: {c: {drop: true}}}}", "two tables would become b in the target"),
        ("{a: {columns: {x: {name: y}, '\"x\"': {drop: true}}}}", 'x and "x" are the same column'),
        ("{a: {constants: {x: {value: 1}, '\"x\"': {value: 2}}}}", 'x and "x" are the same column'),
        ("{a: {columns: {x: {name: z}, y: {name: '\"z\"'}}}}", "two columns would become z in the target"),
        ("{a: {columns: {x: {name: y}, y: {type: int}}}}", "two columns would become y in the target"),
        ("{a: {columns: {x: {name: y}}, constants: {y: {value: 1}}}}", "two columns would become y in the target"),
        ("{a: {columns: {y: {type: int}}, constants: {y: {value: 1}}}}", "two columns would become y in the target"),
    ],
)
def test_two_into_one_is_refused(tmp_path: Path, mappings: str, said: str) -> None:
    [problem] = problems(tmp_path, mappings)
    assert said in problem


def test_names_may_be_exchanged(tmp_path: Path) -> None:
    load(tmp_path, "{a: {table: b, columns: {x: {name: y}, y: {name: x}}}, b: {table: a}}")
    load(tmp_path, "{a: {columns: {x: {drop: true}, y: {name: x}}}, s.a: {table: t.a}, u.a: {table: v.a}}")
    load(tmp_path, "{a: {columns: {x: {drop: true}}, constants: {x: {value: 1}}}}")


def test_a_column_is_allowed_once(tmp_path: Path) -> None:
    [said] = problems(tmp_path, "{}", "[users.a, '\"users\".a']")
    assert said == 'allow_lossy: users.a and "users".a are the same column: keep one of them'


def test_nothing_is_changed_after_it_was_loaded(tmp_path: Path) -> None:
    found = load(tmp_path, EVERYTHING).column_mappings["users"]
    for model, name in ((found, "table"), (found.by_column["email"], "name"), (found.by_constant["origin"], "value")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(model, name, "x")


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(texts, st.none() | texts, min_size=1))
def test_any_texts_come_back_as_they_were(values: dict[str, Any]) -> None:
    given = {"columns": {"c": {"values": values}}, "constants": {"k": {"value": next(iter(values))}}}
    found: TableMapping = TypeAdapter(TableMapping).validate_python(given)
    stored = json.loads(json.dumps(found.model_dump(mode="json")))
    again: TableMapping = TypeAdapter(TableMapping).validate_python(stored)
    assert again == found
    assert again.by_column["c"].values == values
