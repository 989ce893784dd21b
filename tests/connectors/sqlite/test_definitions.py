"""Definitions taken apart: whatever SQLite takes for a table, what we read of it is what its PRAGMAs tell."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Unsupported
from connectors.schema import quoted
from connectors.sqlite.definition import index_words, table_words
from connectors.sqlite.tokens import KEYWORDS, normal, tokens

NAMES = ("a", "B c", "select", "größe", 'q"q', "x]", "key")
NOISE = st.sampled_from((" ", "\n\t", " /* ), ' */ ", ' -- ), " \n'))
EXPRESSIONS = ("1 > 0", "(a) <> ')'", "a IN ('x', \"a\")", "CASE WHEN a THEN ',' END IS NOT NULL", "a || x'00' <> '--'")
DEFAULTS = {
    "5": "5",
    "-1.5e3": "-1.5e3",
    "+ 7": "+ 7",
    "'it''s, )'": "'it''s, )'",
    "x'0f'": "x'0f'",
    "NULL": "NULL",
    "word": "'word'",
    '"a word"': "'a word'",
    "true": "true",
    "CURRENT_TIMESTAMP": "CURRENT_TIMESTAMP",
    "(1 + (2))": "1 + (2)",
    "('x' || ',')": "'x' || ','",
}
TYPES = ("", "INT", "varchar ( 10 )", "DECIMAL(10, 2)", "UNSIGNED BIG INT", '"my type"', "generated", "TEXT")
ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
DEFERRALS = {
    "": "",
    "DEFERRABLE": "immediate",
    "NOT DEFERRABLE INITIALLY DEFERRED": "",
    "DEFERRABLE INITIALLY DEFERRED": "deferred",
}


@dataclass(frozen=True)
class Made:
    """A statement, and what went into it."""

    sql: str
    checks: list[str]
    defaults: list[str | None]
    deferrals: list[str]
    uniques: int


@st.composite
def written(draw: st.DrawFn, name: str) -> str:
    """An identifier in one of SQLite's quotes."""
    marks = [quoted(name), "`" + name.replace("`", "``") + "`"] + ([f"[{name}]"] if "]" not in name else [])
    return draw(st.sampled_from(marks + ([name, name.upper()] if name == "a" else [])))


@st.composite
def tables(draw: st.DrawFn) -> Made:
    names = draw(st.lists(st.sampled_from(NAMES[1:]), unique=True, max_size=4))
    made = Made("", [], [], [], 0)
    uniques, lines = 0, []
    for name in ("a", *names):
        words = [draw(written(name)), draw(st.sampled_from(TYPES))]
        default: str | None = None
        for clause in draw(st.lists(st.sampled_from(("n", "d", "c", "k", "u", "r", "l")), unique=True)):
            if draw(st.booleans()):
                words.append("constraint " + draw(written("key")))
            if clause == "n":
                words.append(draw(st.sampled_from(("not null", "NOT NULL ON CONFLICT FAIL"))))
            elif clause == "d":
                spelt = draw(st.sampled_from(sorted(DEFAULTS)))
                default = DEFAULTS[spelt]
                words.append(f"DEFAULT {spelt}")
            elif clause == "c":
                made.checks.append(draw(st.sampled_from(EXPRESSIONS)))
                words.append(f"check ({made.checks[-1]})")
            elif clause == "k":
                words.append("COLLATE " + draw(st.sampled_from(("nocase", '"RTRIM"'))))
            elif clause == "u":
                uniques += 1
                words.append(draw(st.sampled_from(("UNIQUE", "unique on conflict abort"))))
            elif clause == "r":
                words.append(_reference(draw, made))
            else:
                words.append("NULL")
        made.defaults.append(default)
        lines.append(words)
    if draw(st.booleans()):
        made.checks.append(draw(st.sampled_from(EXPRESSIONS)))
        lines.append(["CHECK", f"({made.checks[-1]})", "ON CONFLICT ROLLBACK"])
    if draw(st.booleans()):
        lines[-1] += [draw(st.sampled_from((",", ","))), "FOREIGN KEY (A)", _reference(draw, made)]
    sql = ",".join("".join(word + draw(NOISE) for word in words if word) for words in lines)
    return Made(f"CREATE TABLE t ({sql})", made.checks, made.defaults, made.deferrals, uniques)


def _reference(draw: st.DrawFn, made: Made) -> str:
    deferral = draw(st.sampled_from(sorted(DEFERRALS)))
    made.deferrals.append(DEFERRALS[deferral])
    words = ["REFERENCES p", draw(st.sampled_from(("", "(id)"))), draw(st.sampled_from(("", "MATCH full")))]
    words += [f"ON {event} {draw(st.sampled_from(ACTIONS))}" for event in ("DELETE", "UPDATE") if draw(st.booleans())]
    return " ".join([*words, deferral])


@given(tables())
def test_what_is_read_is_what_sqlite_says(made: Made) -> None:
    with closing(sqlite3.connect(":memory:")) as file:
        file.execute(made.sql)
        [(sql,)] = file.execute("SELECT sql FROM sqlite_schema WHERE name = 't'")
        columns = file.execute("SELECT name, type, \"notnull\" FROM pragma_table_info('t')").fetchall()
        keys = file.execute(
            'SELECT "from", "table", "to", on_update, on_delete FROM pragma_foreign_key_list(\'t\') ORDER BY id DESC'
        ).fetchall()
    words = table_words(sql)
    assert [(c.name, bool(c.not_null)) for c in words.columns] == [(name, bool(null)) for name, _, null in columns]
    assert [c.type.replace(" ", "") for c in words.columns] == [
        f'"{kind}"'.upper().replace(" ", "") if kind == "my type" else kind.upper().replace(" ", "")
        for _, kind, _ in columns
    ]
    assert [c.default.sql if c.default else None for c in words.columns] == made.defaults
    assert [check.expression for check in words.checks] == made.checks
    assert [
        (*k.columns, k.parent, *(k.parent_columns or (None,)), k.on_update, k.on_delete) for k in words.references
    ] == keys
    assert [key.deferrable for key in words.references] == made.deferrals
    assert len(words.keys) == made.uniques


@given(made=tables(), noise=NOISE)
def test_whitespace_comments_and_letter_case_of_keywords_make_no_difference(made: Made, noise: str) -> None:
    respelt = "".join(
        (token.text.swapcase() if token.kind == "word" and token.keyword in KEYWORDS else token.text) + noise
        for token in tokens(made.sql)
    )
    assert normal(respelt) == normal(made.sql)
    assert normal(normal(made.sql)) == normal(made.sql)


@given(st.text(max_size=40) | st.lists(st.sampled_from("'\"`[]()-/*., \na1x"), max_size=30).map("".join))
def test_tokens_leave_nothing_out(text: str) -> None:
    found = list(tokens(text))
    assert all(text[token.start : token.end] == token.text for token in found)
    between = [
        text[a:b] for a, b in zip([0, *(t.end for t in found)], [*(t.start for t in found), len(text)], strict=True)
    ]
    assert all(part == "" or part[0] in " \t\n\f\r-/" for part in between)


def test_constraints_need_no_comma_between_them() -> None:
    words = table_words(
        "CREATE TABLE t (a, b, CONSTRAINT k PRIMARY KEY (a COLLATE nocase DESC, b) CHECK (a) UNIQUE ((b)) ON CONFLICT IGNORE"
        " FOREIGN KEY (a) REFERENCES t CHECK (b), CHECK (1)) WITHOUT ROWID"
    )
    assert [key.kind for key in words.keys] == ["PRIMARY KEY", "UNIQUE"]
    assert [(check.name, check.expression) for check in words.checks] == [("k", "a"), ("k", "b"), (None, "1")]
    assert len(words.references) == 1


def test_a_constraint_is_called_by_the_name_before_it_as_sqlite_does() -> None:
    sql = "CREATE TABLE t (a CONSTRAINT n NOT NULL CHECK (a > 0), CHECK (a < 9))"
    assert [check.name for check in table_words(sql).checks] == ["n", None]
    with closing(sqlite3.connect(":memory:")) as file:
        file.execute(sql)
        with pytest.raises(sqlite3.IntegrityError, match=r"failed: n\Z"):
            file.execute("INSERT INTO t VALUES (-1)")


def test_indexes_are_taken_apart() -> None:
    found = index_words(
        "CREATE UNIQUE INDEX \"i\" ON [t] (a, 'b' COLLATE nocase DESC, lower(a) ASC, (a || ',)'), a + b DESC)"
        " WHERE a > ')' -- x"
    )
    assert [(part.name, part.expression, part.descending) for part in found.parts] == [
        ("a", "", False),
        ("b", "", True),
        (None, "lower(a)", False),
        (None, "(a || ',)')", False),
        (None, "a + b", True),
    ]
    assert found.where == "a > ')'"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a INT",
        "CREATE TABLE t (a INT) PLEASE",
        "CREATE TABLE t (a INT b) ; DROP TABLE t",
        "CREATE TABLE t (a INT CHECK a > 5)",
        "CREATE TABLE t (a, UNIQUE)",
        "DROP TABLE t",
    ],
)
def test_what_is_no_definition_is_refused_by_its_name(statement: str) -> None:
    with pytest.raises(Unsupported) as refusal:
        table_words(statement)
    assert refusal.value.where == " ".join(statement.split()[:3])
