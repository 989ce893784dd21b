"""Expressions in another engine's words: both servers are asked about the same rows, and must say the same of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import permutations, product
from typing import Any

import psycopg
import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Endpoint, connector
from connectors.expressions import Term, Terms, Untranslatable, check, condition, default, expression
from connectors.grammar import Grammar
from connectors.schema import Table, TableName
from connectors.types import Canonical, Family
from tests.crossing import clients

ENGINES = ("mysql", "postgresql", "sqlite")
EXACT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "postgresql": {"a": "integer", "b": "integer", "s": "smallint", "p": "numeric(12,2)", "v": "varchar(20)", "t": "text",
                   "c": "char(5)", "d": "date", "e": "date", "m": "timestamp", "f": "double precision", "k": "boolean"},
    "mysql": {"a": "int", "b": "int", "s": "smallint", "p": "decimal(12,2)", "v": f"varchar(20) {EXACT}",
              "t": f"longtext {EXACT}", "c": f"char(5) {EXACT}", "d": "date", "e": "date", "m": "datetime(6)", "f": "double",
              "k": "tinyint(1)"},
    "sqlite": {"a": "INTEGER", "b": "INTEGER", "s": "INTEGER", "p": "DECIMAL(12,2)", "v": "VARCHAR(20)", "t": "TEXT",
               "c": "CHAR(5)", "d": "DATE", "e": "DATE", "m": "TIMESTAMP", "f": "REAL", "k": "BOOLEAN"},
}  # fmt: skip
WHOLE = (0, 1, -1, 5, 100, 2**31 - 1, -(2**31), None)
TEXTS = ("", "a", "A", "a ", " a", "é", "👩", "x'y\\z\"", "%", "ab", None)
DATES = ("2000-01-01", "1970-06-30", "9999-12-31", "0001-01-01", None)


def _rows() -> list[tuple[Any, ...]]:
    """Every two whole numbers meet, and everything else in turn."""
    found = []
    for number, (a, b) in enumerate(product(WHOLE, WHOLE)):
        small = (0, 3, -32768, 32767, None)[number % 5]
        decimal = ("0", "0.01", "-3.50", "9999999999.99", None, "10.10")[number % 6]
        text, other = TEXTS[number % 11], TEXTS[(number * 3 + number // 11) % 11]
        fixed = None if other is None else other.strip()[:5]
        date, end = DATES[number % 5], DATES[(number // 3) % 5]
        moment = ("2000-01-01 00:00:00", "2024-05-17 09:30:00.5", "1999-12-31 23:59:59.999999", None)[number % 4]
        ratio = (0.5, -0.25, 1e300, 0.1, None)[number % 5]
        found.append(
            (number, a, b, small, decimal, text, other, fixed, date, end, moment, ratio, (1, 0, None)[number % 3])
        )
    return found


ROWS = _rows()
SOURCE_ONLY = "w"
"""A column of MySQL's whose texts are equal where they differ in blanks at their end, beside the same in other engines."""


def grammar(engine: str) -> Grammar:
    found = connector(engine).facts.grammar
    assert found is not None
    return found


@dataclass
class Side:
    """The same rows in one engine, and a plain client to ask it with."""

    engine: str
    table: Table = field(repr=False)
    run: Callable[[str], Sequence[Sequence[Any]]] = field(repr=False)
    known: dict[str, Mapping[int, int | None]] = field(default_factory=dict, repr=False)

    @property
    def grammar(self) -> Grammar:
        return grammar(self.engine)

    def told(self, text: str) -> Mapping[int, int | None]:
        """What a condition says of every row: 1, 0 or nothing; what the server refuses to tell is 0, as a CHECK has it."""
        if text not in self.known:
            query = f"SELECT id, CASE WHEN ({text}) THEN 1 WHEN NOT ({text}) THEN 0 END FROM t"
            try:
                rows = self.run(query)
            except (psycopg.Error, pymysql.Error):
                rows = [self._one(query, row[0]) for row in ROWS]
            self.known[text] = {int(number): None if said is None else int(said) for number, said in rows}
        return self.known[text]

    def refuses(self, text: str) -> set[int]:
        """The rows that a CHECK would not let in."""
        return {row for row, said in self.told(text).items() if said == 0}

    def _one(self, query: str, number: int) -> Sequence[Any]:
        try:
            return self.run(f"{query} WHERE id = {number}")[0]
        except (psycopg.Error, pymysql.Error):
            return (number, 0)


def _client(end: Endpoint) -> tuple[Any, Callable[[str], Sequence[Sequence[Any]]]]:
    opened: Any = {"postgresql": clients.postgresql, "mysql": clients.mysql, "sqlite": clients.sqlite}[end.engine](end)
    if end.engine == "postgresql":
        opened.autocommit = True
        opened.prepare_threshold = None

    def run(statement: str) -> Sequence[Sequence[Any]]:
        cursor = opened.cursor()
        cursor.execute(statement.encode() if end.engine == "postgresql" else statement)
        return list(cursor.fetchall()) if cursor.description else []

    return opened, run


def _filled(end: Endpoint) -> None:
    opened: Any = {"postgresql": clients.postgresql, "mysql": clients.mysql, "sqlite": clients.sqlite}[end.engine](end)
    padded = "varchar(20) COLLATE utf8mb4_bin" if end.engine == "mysql" else "varchar(20)"
    columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS[end.engine].items())
    mark = "?" if end.engine == "sqlite" else "%s"
    marks = ", ".join([mark] * (len(ROWS[0]) + 1))
    rows = [(*row, row[5]) for row in ROWS]
    if end.engine == "postgresql":
        rows = [(*row[:-2], None if row[-2] is None else bool(row[-2]), row[-1]) for row in rows]
    with closing(opened):
        cursor = opened.cursor()
        cursor.execute(f"CREATE TABLE t (id integer PRIMARY KEY, {columns}, {SOURCE_ONLY} {padded})")
        cursor.executemany(f"INSERT INTO t VALUES ({marks})", rows)
        opened.commit()


@pytest.fixture(scope="module")
def sides(servers: Any) -> Any:
    found, opened = {}, []
    for engine in ENGINES:
        end = servers[engine].database("expressions")
        _filled(end)
        with closing(connector(engine).source(end)) as session:
            schema = session.schema()
        table = schema.get(TableName(connector(engine).facts.default_schema, "t"))
        assert table is not None
        connection, run = _client(end)
        opened.append(connection)
        found[engine] = Side(engine, table, run)
    yield found
    for connection in opened:
        with suppress(Exception):
            connection.close()


def terms(source: Side, target: Side) -> Terms:
    ours, theirs = connector(source.engine).types, connector(target.engine).types
    found = {}
    for column in source.table.columns:
        there = target.table.column(column.name)
        found[column.name] = Term(
            column.name,
            ours.canonical(column.type),
            theirs.canonical(there.type),
            "other" if column.ignores_case else ours.equality(column.type),
            "other" if there.ignores_case else theirs.equality(there.type),
        )
    return found


def said(text: str, source: Side, target: Side) -> str:
    return check(text, terms(source, target), source.grammar, target.grammar)


def quoted(text: str, engine: str) -> str:
    """A literal in the engine's own words."""
    text = text.replace("\\", "\\\\") if engine == "mysql" else text
    return "'" + text.replace("'", "''") + "'"


class Words:
    """Random conditions in one engine's words."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        texts = st.sampled_from([text for text in TEXTS if text is not None] + ["ax", "é ", "x"])
        self.literal = texts.map(lambda text: quoted(text, engine))
        self.length = "char_length" if engine == "mysql" else "length"
        self.yes, self.no = ("1", "0") if engine == "mysql" else ("true", "false")

    def number(self) -> st.SearchStrategy[str]:
        atoms = st.sampled_from(
            ["a", "b", "s", "0", "1", "-1", "7", "100", "2147483647", f"{self.length}(v)", "coalesce(a, 3)"]
        )
        sums = st.tuples(atoms, st.sampled_from("+-*"), atoms).map(lambda parts: f"({' '.join(parts)})")
        return st.one_of(
            atoms, sums, st.tuples(sums, st.sampled_from("+-*"), atoms).map(lambda parts: f"({' '.join(parts)})")
        )

    def decimal(self) -> st.SearchStrategy[str]:
        return st.sampled_from(["p", "0.01", "-3.5", "10", "(p + 1)", "(p * a)", "(p - 0.01)"])

    def text(self) -> st.SearchStrategy[str]:
        joined = (lambda a, b: f"concat({a}, {b})") if self.engine == "mysql" else (lambda a, b: f"({a} || {b})")
        plain = st.sampled_from(["v", "t", "c", SOURCE_ONLY])
        return st.one_of(plain, self.literal, st.builds(joined, plain, self.literal),
                         self.literal.map(lambda literal: f"coalesce(v, {literal})"))  # fmt: skip

    def compared(self) -> st.SearchStrategy[str]:
        operator, equal = st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), st.sampled_from(["=", "<>"])
        day = st.sampled_from(["d", "e", "'2000-01-01'", "'1970-06-30'"])
        moment = st.sampled_from(["m", "'2000-01-01 00:00:00'", "'2024-05-17 09:30:00.5'"])
        truth = st.sampled_from(
            [f"k = {self.yes}", f"k <> {self.no}", *([] if self.engine == "mysql" else ["k", "NOT k"])]
        )

        def both(one: st.SearchStrategy[str], word: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
            return st.tuples(one, word, one).map(" ".join)

        several = st.lists(self.literal, min_size=1, max_size=3).map(", ".join)
        return st.one_of(
            both(self.number(), operator), both(self.decimal(), operator), both(self.text(), equal), both(day, operator),
            both(moment, operator), truth, st.sampled_from(["f > 0.5", "f <= 0.1", "-0.25 = f", "f <> f"]),
            st.tuples(st.sampled_from("vtcw"), several).map(lambda two: f"{two[0]} IN ({two[1]})"),
            st.tuples(st.sampled_from("ab"), st.sampled_from(["1, 5", "0", "-1, 100"])).map(
                lambda two: f"{two[0]} NOT IN ({two[1]})"),
            st.tuples(self.number(), self.number(), self.number()).map(
                lambda three: f"{three[0]} BETWEEN {three[1]} AND {three[2]}"),
            st.sampled_from("abspvtcdemfk").map(lambda name: f"{name} IS NULL"),
            st.sampled_from("abspvtcdemfk").map(lambda name: f"{name} IS NOT NULL"),
        )  # fmt: skip

    def conditions(self) -> st.SearchStrategy[str]:
        simple = self.compared()
        one = st.one_of(simple, simple.map(lambda text: f"NOT ({text})"))
        joined = st.sampled_from(["{} AND {}", "{} OR {}", "NOT ({} AND {})", "NOT ({} OR {})"])
        two = st.tuples(joined, one, one).map(lambda parts: f"({parts[0].format(*parts[1:])})")
        return st.one_of(one, two, st.tuples(joined, two, one).map(lambda parts: parts[0].format(*parts[1:])))


CONDITIONS = {engine: Words(engine).conditions() for engine in ENGINES}


@st.composite
def conditions(draw: Callable[[Any], str]) -> Mapping[str, str]:
    """One in each engine's words. What hypothesis itself would print of all these strategies is too long."""
    return {engine: draw(found) for engine, found in CONDITIONS.items()}


@pytest.mark.parametrize(("one", "other"), list(product(ENGINES, ENGINES)))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(texts=conditions())
def test_what_is_translated_says_the_same_of_every_row(
    one: str, other: str, sides: Any, texts: Mapping[str, str]
) -> None:
    source, target = sides[one], sides[other]
    text = texts[one]
    known = terms(source, target), source.grammar, target.grammar
    with suppress(Untranslatable):
        there = condition(text, *known)
        assert target.told(there) == source.told(text), f"{text} → {there}"
    with suppress(Untranslatable):
        there = check(text, *known)
        assert target.refuses(there) == source.refuses(text), f"{text} → {there}"


@pytest.mark.parametrize(("one", "other"), list(permutations(ENGINES, 2)))
def test_what_the_target_says_of_it_again_is_the_same(one: str, other: str, sides: Any) -> None:
    for text in (
        "a > 1 AND b IS NULL",
        "a + s > 0" if one != "sqlite" else "a > 0",
        "v IN ('x', 'y')",
        "NOT (a = 1 OR b = 2)",
    ):
        there = said(text, sides[one], sides[other])
        again = said(there, sides[other], sides[other])
        assert said(again, sides[other], sides[other]) == again


@pytest.mark.parametrize(
    ("one", "text", "reason"),
    [
        ("postgresql", "a / 2 > 1", "it divides"),
        ("postgresql", "v LIKE 'x%'", "it uses LIKE"),
        ("postgresql", "lower(v) = v", "it calls lower"),
        ("postgresql", "v > 'a'", "it orders texts"),
        ("postgresql", "concat(v, t) = 'x'", "leaves NULL out"),
        ("postgresql", "octet_length(v) > 1", "it calls octet_length"),
        ("postgresql", "a IN (SELECT 1)", "another table"),
        ("postgresql", "a = 1) OR (SELECT true", "it uses SUBQUERY"),
        ("postgresql", "a = 1); DROP TABLE t; --", "cannot be read"),
        ("postgresql", "zz = 1", "no column of its table"),
        ("postgresql", "a = 0 OR a * b > 0", "too large"),
        ("postgresql", "random() > 0.5", "it calls random"),
        ("mysql", "length(v) > 1", "it counts bytes"),
        ("mysql", "a DIV 2 > 1", "it uses INTDIV"),
        ("mysql", "a <=> 1", "it uses NULLSAFEEQ"),
        ("sqlite", "a + b > 0", "too large"),
        ("sqlite", "typeof(a) = 'integer'", "it calls typeof"),
        ("sqlite", "d > '2000-01-01'", "letter by letter"),
    ],
)
def test_what_could_differ_is_not_translated_and_says_why(one: str, text: str, reason: str, sides: Any) -> None:
    for other in ENGINES:
        if other != one:
            with pytest.raises(Untranslatable, match=reason):
                said(text, sides[one], sides[other])


@pytest.mark.parametrize(
    ("one", "other", "text", "there"),
    [
        ("postgresql", "mysql", "((v)::text = ANY ((ARRAY['x'::character varying, 'y\\'::character varying])::text[]))",
         "`v` IN ('x', 'y\\\\')"),
        ("postgresql", "sqlite", "(p >= (0)::numeric)", '"p" >= 0'),
        ("postgresql", "mysql", "(d >= '2000-01-01'::date)", "`d` >= '2000-01-01'"),
        ("postgresql", "sqlite", "k", '"k" = TRUE'),
        ("postgresql", "mysql", "k", "`k` = 1"),
        ("postgresql", "mysql", "a + b > 0",
         "(`a` + `b`) >= -2147483648 AND (`a` + `b`) <= 2147483647 AND (`a` + `b`) > 0"),
        ("mysql", "postgresql", "`a` + `b` > 0", '(CAST("a" AS BIGINT) + CAST("b" AS BIGINT)) > 0'),
        ("mysql", "postgresql", "w in ('x ')", "TRIM(TRAILING ' ' FROM \"w\") = 'x'"),
        ("mysql", "sqlite", "`p` between 1 and 5", '"p" >= 1 AND "p" <= 5'),
        ("sqlite", "mysql", "k IN (0, 1)", "`k` IN (0, 1)"),
        ("sqlite", "postgresql", "[a] == 1", '"a" = 1'),
    ],
)  # fmt: skip
def test_how_it_is_said(one: str, other: str, text: str, there: str, sides: Any) -> None:
    assert said(text, sides[one], sides[other]) == there


def test_a_column_is_named_as_it_is_called_there_and_its_mapped_values_are_those_there(sides: Any) -> None:
    text = Canonical(Family.TEXT, length=10)
    known: Terms = {
        "status": Term("state", text, text, values={"A": "active", "I": "inactive"}),
        "gone": "it reads gone",
    }
    words = sides["postgresql"].grammar, sides["mysql"].grammar
    assert condition("status IN ('A', 'I')", known, *words) == "`state` IN ('active', 'inactive')"
    for unknown in ("status = 'Z'", "length(status) > 1", "status = gone"):
        with pytest.raises(Untranslatable):
            condition(unknown, known, *words)
    many: Terms = {"status": Term("state", text, text, values={"A": "x", "B": "x"})}
    with pytest.raises(Untranslatable, match="mapped"):
        condition("status = 'A'", many, *words)


DEFAULTS = [
    ("postgresql", "v", "'a''b\\'::character varying"),
    ("postgresql", "t", "''::text"),
    ("postgresql", "a", "'-1'::integer"),
    ("postgresql", "p", "1.50"),
    ("postgresql", "k", "true"),
    ("postgresql", "d", "'2000-01-01'::date"),
    ("postgresql", "m", "'2000-01-01 09:30:00.5'::timestamp without time zone"),
    ("postgresql", "f", "0.5"),
    ("mysql", "v", "'a''b\\\\'"),
    ("mysql", "a", "5"),
    ("mysql", "p", "-0.10"),
    ("mysql", "d", "'2000-01-01'"),
    ("sqlite", "v", "'it''s'"),
    ("sqlite", "t", "5"),
    ("sqlite", "a", "'5'"),
    ("sqlite", "k", "TRUE"),
    ("sqlite", "p", "+1.5"),
]


@pytest.mark.parametrize(("one", "column", "text"), DEFAULTS)
def test_a_default_fills_what_the_same_value_would_have_become(one: str, column: str, text: str, sides: Any) -> None:
    for other in ENGINES:
        source, target = sides[one], sides[other]
        term = terms(source, target)[column]
        assert isinstance(term, Term)
        there = default(text, term, source.grammar, target.grammar)
        values = [
            _plain(_fills(side, COLUMNS[side.engine][column], words))
            for side, words in ((source, text), (target, there))
        ]
        assert values[0] == values[1]


def _fills(side: Side, type_: str, words: str | None) -> str:
    """What a default fills a column of this type with."""
    side.run("DROP TABLE IF EXISTS filled")
    side.run(f"CREATE TEMPORARY TABLE filled (id integer, x {type_} DEFAULT {words})")
    side.run("INSERT INTO filled (id) VALUES (1)")
    return str(side.run("SELECT x FROM filled")[0][0])


def _plain(value: str) -> str:
    """Without what only drivers add: 1.50 is 1.5, and True is 1."""
    value = {"True": "1", "False": "0"}.get(value, value)
    return value.rstrip("0").rstrip(".") if "." in value else value


@pytest.mark.parametrize(
    ("one", "other", "family", "wanted", "text", "there"),
    [
        ("postgresql", "mysql", Family.INSTANT, Family.TIMESTAMP, "now()", "UTC_TIMESTAMP(6)"),
        ("postgresql", "mysql", Family.TIMESTAMP, Family.TIMESTAMP, "CURRENT_TIMESTAMP(3)", "CURRENT_TIMESTAMP(3)"),
        ("postgresql", "sqlite", Family.INSTANT, Family.INSTANT, "now()", "CURRENT_TIMESTAMP"),
        ("postgresql", "sqlite", Family.TIMESTAMP, Family.TIMESTAMP, "timezone('utc'::text, now())", "CURRENT_TIMESTAMP"),
        ("postgresql", "mysql", Family.DATE, Family.DATE, "CURRENT_DATE", "CURRENT_DATE"),
        ("mysql", "postgresql", Family.INSTANT, Family.INSTANT, "current_timestamp()", "CURRENT_TIMESTAMP(0)"),
        ("mysql", "postgresql", Family.TIMESTAMP, Family.TIMESTAMP, "current_timestamp(6)", "LOCALTIMESTAMP"),
        ("sqlite", "postgresql", Family.TIMESTAMP, Family.TIMESTAMP, "CURRENT_TIMESTAMP",
         "timezone('UTC', CURRENT_TIMESTAMP(0))"),
        ("sqlite", "mysql", Family.TIMESTAMP, Family.TIMESTAMP, "datetime('now')", "UTC_TIMESTAMP"),
    ],
)  # fmt: skip
def test_a_clock_stays_the_clock_it_was(
    one: str, other: str, family: Family, wanted: Family, text: str, there: str
) -> None:
    words = grammar(one), grammar(other)
    assert default(text, Term("x", Canonical(family), Canonical(wanted)), *words) == there


@pytest.mark.parametrize(
    ("one", "other", "family", "text"),
    [
        ("postgresql", "sqlite", Family.TIMESTAMP, "now()"),
        ("mysql", "sqlite", Family.DATE, "curdate()"),
        ("sqlite", "postgresql", Family.DATE, "CURRENT_DATE"),
        ("postgresql", "mysql", Family.UUID, "gen_random_uuid()"),
        ("postgresql", "mysql", Family.INTEGER, "nextval('s'::regclass)"),
        ("postgresql", "mysql", Family.INTEGER, "'x'::text"),
        ("postgresql", "mysql", Family.TEXT, "CURRENT_USER"),
        ("postgresql", "sqlite", Family.INTERVAL, "'1 day'::interval"),
    ],
)
def test_what_fills_otherwise_there_fills_nothing(one: str, other: str, family: Family, text: str) -> None:
    words = grammar(one), grammar(other)
    with pytest.raises(Untranslatable):
        default(text, Term("x", Canonical(family), Canonical(family)), *words)


def test_an_index_may_be_over_letters_that_engines_fold_differently(sides: Any) -> None:
    words, text = (grammar("postgresql"), grammar("sqlite")), Canonical(Family.TEXT)
    assert expression("lower((v)::text)", {"v": Term("w", text, text)}, *words) == 'LOWER("w")'
    with pytest.raises(Untranslatable, match="it calls random"):
        expression("random()", terms(sides["postgresql"], sides["sqlite"]), *words)
