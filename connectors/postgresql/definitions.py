"""Definitions: how columns and sequences are written as text, and read back from it. Pure.

A column's definition is its clauses in the order of SQL, then what only an ALTER TABLE can say of it:

    integer DEFAULT nextval('public.t_id_seq'::regclass) NOT NULL; OWNS public.t_id_seq
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from connectors.postgresql.statements import sql_name
from connectors.postgresql.types import literal
from connectors.schema import Counting, TableName, quoted

NAME_BYTES = 63
WORD = r"""(?:"(?:[^"]|"")+"|[^\s,()".;']+)"""
"""An identifier as the server or we write it."""
QUALIFIED = rf"{WORD}\.{WORD}"
SETTING = rf"(?:OWNS {QUALIFIED}|STORAGE [A-Z]+|COMPRESSION \w+|STATISTICS \d+|\([^()']*\))"
COLUMN = re.compile(
    rf"(?P<type>.+?)(?: COLLATE (?P<collation>{QUALIFIED}))?(?: (?P<fill>(?:DEFAULT|GENERATED) .+?))?"
    rf"(?P<not_null> NOT NULL)?(?P<settings>(?:; {SETTING})*)",
    re.DOTALL,
)
"""What the server writes of an expression ends in no clause of ours: texts in it are quoted, conditions in parentheses."""
INTEGERS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
VALUE = re.compile(r"'|(?<!\w)\d")


@dataclass(frozen=True)
class ColumnText:
    """A column's definition in its parts."""

    type: str
    collation: str | None = None
    fill: str | None = None
    """`DEFAULT …` or `GENERATED …`."""
    not_null: bool = False
    settings: tuple[str, ...] = ()
    """`STORAGE EXTERNAL`, `STATISTICS 200`, `(n_distinct=5)`, `OWNS` the sequence that goes when the column goes."""

    @property
    def clause(self) -> str:
        """What CREATE TABLE and ADD COLUMN say behind its name."""
        words = [self.type]
        if self.collation:
            words.append(f"COLLATE {self.collation}")
        if self.fill:
            words.append(self.fill)
        return " ".join([*words, "NOT NULL"] if self.not_null else words)

    @property
    def definition(self) -> str:
        return "; ".join((self.clause, *self.settings))

    @property
    def literals(self) -> tuple[str, ...]:
        shown = self.fill and not self.fill.startswith("DEFAULT nextval(") and " AS IDENTITY" not in self.fill
        return (self.fill,) if self.fill and shown and holds_values(self.fill) else ()

    def after(self, table: TableName, name: str) -> Iterator[str]:
        """What has to follow once the column is there."""
        for setting in self.settings:
            yield set_up(table, name, setting)


def column_text(definition: str) -> ColumnText:
    """The parts of a column's definition."""
    match = COLUMN.fullmatch(definition)
    if match is None:
        raise ValueError("not a column's definition")
    settings = re.findall(f"; ({SETTING})", match["settings"])
    return ColumnText(match["type"], match["collation"], match["fill"], bool(match["not_null"]), tuple(settings))


def set_up(table: TableName, column: str, setting: str) -> str:
    if setting.startswith("OWNS "):
        return f"ALTER SEQUENCE {setting.removeprefix('OWNS ')} OWNED BY {sql_name(table)}.{quoted(column)}"
    return f"ALTER TABLE {sql_name(table)} ALTER COLUMN {quoted(column)} SET {setting}"


def reset(table: TableName, column: str, setting: str) -> str:
    """Takes a setting back to what a new column has."""
    word, _, rest = setting.partition(" ")
    if word == "OWNS":
        return f"ALTER SEQUENCE {rest} OWNED BY NONE"
    change = f"ALTER TABLE {sql_name(table)} ALTER COLUMN {quoted(column)}"
    if setting.startswith("("):
        keys = ", ".join(pair.partition("=")[0].strip() for pair in setting.strip("()").split(","))
        return f"{change} RESET ({keys})"
    usual = {"STORAGE": "EXTENDED", "COMPRESSION": "default", "STATISTICS": "-1"}[word]
    return f"{change} SET {word} {usual}"


@dataclass(frozen=True)
class Numbering:
    """What a sequence is asked to do."""

    type: str
    start: int = 1
    increment: int = 1
    low: int = 1
    high: int = 0
    cache: int = 1
    cycle: bool = False

    @classmethod
    def usual(cls, type_: str, step: int = 1) -> Numbering:
        """What the server takes where nothing else is said."""
        most = INTEGERS.get(type_, INTEGERS["bigint"])
        if step > 0:
            return cls(type_, increment=step, high=most)
        return cls(type_, start=-1, increment=step, low=-most - 1, high=-1)

    @classmethod
    def of(cls, type_: str, counting: Counting) -> Numbering:
        usual = cls.usual(type_, counting.step)
        low = usual.low if counting.least is None else counting.least
        high = usual.high if counting.most is None else counting.most
        return replace(usual, start=counting.start, low=low, high=high, cycle=counting.cycle)

    @property
    def options(self) -> str:
        return (
            f"START WITH {self.start} INCREMENT BY {self.increment} MINVALUE {self.low} MAXVALUE {self.high}"
            f" CACHE {self.cache} {'CYCLE' if self.cycle else 'NO CYCLE'}"
        )

    @property
    def definition(self) -> str:
        return f"AS {self.type} {self.options}"


def identity(word: str, numbering: Numbering, sequence: str | None = None) -> str:
    """The clause of an identity column; `sequence` where its name is not the one the server would give."""
    options = [f"SEQUENCE NAME {sequence}"] if sequence else []
    if numbering != Numbering.usual(numbering.type):
        options.append(numbering.options)
    return f"GENERATED {word} AS IDENTITY{f' ({chr(32).join(options)})' if options else ''}"


def implied(table: str, column: str, label: str) -> str:
    """How the server calls what belongs to a table or its column and was given no name: the longer of both is cut short."""
    parts = [part.encode() for part in (table, column) if part]
    room = NAME_BYTES - len(label.encode()) - len(parts)
    while sum(map(len, parts)) > room:
        longest = 0 if len(parts) == 1 or len(parts[0]) > len(parts[1]) else 1
        parts[longest] = parts[longest][:-1]
    return "_".join([*(part.decode(errors="ignore") for part in parts), label])


def holds_values(text: str) -> bool:
    """Whether a text of SQL may hold somebody's values, and not names alone."""
    return bool(VALUE.search(text))


def literals(*clauses: str) -> tuple[str, ...]:
    return tuple(clause for clause in clauses if holds_values(clause))


def comment(what: str, text: str | None) -> str:
    """`what` is the object as SQL names it: `TABLE "public"."t"`."""
    return f"COMMENT ON {what} IS {'NULL' if text is None else literal(text)}"


def split_names(names: str) -> Sequence[str]:
    """The identifiers of a list as it is written, quotes kept."""
    return re.findall(WORD, names)


TEXT = r"'(?:[^']|'')*'"
CAST = r"::[a-z][a-z ]*(?:\(\d+(?:,\d+)?\))?"
CAST_ARRAY = re.compile(rf"\(ARRAY\[({TEXT}{CAST}(?:, {TEXT}{CAST})*)\]\)(::[a-z][a-z ]*?)\[\]")
"""`status IN ('a', 'b')` on a varchar, as the server writes it."""


def as_read_back(definition: str) -> str:
    """The definition as the server writes it when it has read it once: it takes a cast of a whole array as one of each of
    its elements."""

    def cast(found: re.Match[str]) -> str:
        elements = (one[0] for one in re.finditer(f"{TEXT}{CAST}", found[1]))
        return f"ARRAY[{', '.join(f'({element}){found[2]}' for element in elements)}]"

    return CAST_ARRAY.sub(cast, definition)
