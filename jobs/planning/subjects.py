"""Whose values a row holds: for strategies that ask for a subject, the columns that name it and the domain they share.

The subject is the row's own key, or the column that the rule's option `subject` names. Without a domain of its own such a
rule takes the column that its subject leads to by foreign keys: the dates of one user then move alike in `users`, whose
key names them, and in `orders`, whose `user_id` references it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from anonymizers.contract import SUBJECT_KINDS, ColumnShape, Rule, Subject, check, strategies
from connectors.schema import Column, Schema, Table, TableName
from jobs.planning.findings import Finding, error, nearest

OPTION = "subject"
KINDS = ", ".join(sorted(SUBJECT_KINDS))

Place = tuple[TableName, str]
Found = tuple[Rule | None, str]
"""A rule and where it came from."""


def with_subjects(
    tables: Sequence[Table], source: Schema, rules: Mapping[Place, Found], named: set[Place]
) -> tuple[dict[Place, Found], list[Finding]]:
    """The rules, with a subject where their strategy needs one. `named`: the columns whose rule names its domain."""
    resolved = dict(rules)
    findings: list[Finding] = []
    for table, column, rule, origin in _asking(tables, rules):
        place = (table.name, column.name)
        subject = _referenced(source, place, rule) or subject_of(table, column, rule)
        if isinstance(subject, Finding):
            findings.append(subject)
            continue
        domain = rule.domain if place in named else _home(source, table, subject.columns)
        resolved[place] = (replace(rule, subject=subject, domain=domain), origin)
    return resolved, findings


def _asking(tables: Sequence[Table], rules: Mapping[Place, Found]) -> Iterator[tuple[Table, Column, Rule, str]]:
    """The columns whose rule needs a subject. Rules that do not fit are told with the column's other problems."""
    known = strategies()
    for table in tables:
        for column in table.copied:
            rule, origin = rules.get((table.name, column.name), (None, ""))
            if rule is None or rule.strategy not in known or not known[rule.strategy].needs_subject:
                continue
            if not check(rule, ColumnShape(column.type.kind.value)):
                yield table, column, rule, origin


def _referenced(source: Schema, place: Place, rule: Rule) -> Finding | None:
    """A reference is by value, and equal values of two subjects get different replacements."""
    ends = {
        end
        for table in source.tables
        for key in table.foreign_keys
        for here, there in zip(key.columns, key.referenced_columns, strict=True)
        for end in ((table.name, here), (key.referenced, there))
    }
    if place not in ends:
        return None
    what = f"{rule.strategy} would tear a foreign key apart that this column is part of"
    return error(f"{place[0]}.{place[1]}", what, "keep both columns")


def subject_of(table: Table, column: Column, rule: Rule) -> Subject | Finding:
    """The columns that say whose values these are."""
    where = f"{table.name}.{column.name}"
    option = rule.options.get(OPTION)
    if option is None:
        key = _row_key(table)
        if isinstance(key, str):
            todo = f"name a column that says whose values these are: `{OPTION}: COLUMN`"
            return error(where, f"{rule.strategy} goes by the row's key, and {key}", todo)
        return Subject(key)
    named = next((c for c in table.columns if c.name == option), None)
    if named is None:
        todo = nearest(option, (c.name for c in table.columns))
        return error(where, f"{OPTION}: {table.name} has no such column", todo or "correct the option's column")
    unfit = _unfit(named)
    if unfit:
        return error(where, f"{OPTION}: {unfit}", f"name another column ({KINDS})")
    if not named.nullable:
        return Subject((named.name,))
    key = _row_key(table)
    if isinstance(key, str):
        what = f"{OPTION}: {named.name} may be NULL; the row's key would take its place, but {key}"
        return error(where, what, "name a column that is NOT NULL")
    return Subject((named.name,), key)


def _row_key(table: Table) -> tuple[str, ...] | str:
    """The primary key, else a unique NOT NULL key whose columns can name a subject; or why there is none."""
    uniques = [key.columns for key in table.uniques if key.plain]
    keys = [columns for columns in uniques if not any(table.column(name).nullable for name in columns)]
    keys = [table.primary_key, *keys] if table.primary_key else keys
    problems = []
    for key in keys:
        unfit = [reason for name in key if (reason := _unfit(table.column(name)))]
        if not unfit:
            return key
        problems += unfit
    return problems[0] if problems else f"{table.name} has neither a primary key nor a unique NOT NULL key"


def _unfit(column: Column) -> str:
    """Why a column cannot name a subject; empty where it can."""
    if column.generated:
        return f"{column.name} is computed by the database and does not travel"
    if column.type.kind.value not in SUBJECT_KINDS:
        return f"{column.name} is a {column.type.kind.value} column, it must be one of {KINDS}"
    return ""


def _home(source: Schema, table: Table, columns: Sequence[str]) -> str:
    """The domain of a subject: the column that it leads to by foreign keys, itself where it leads nowhere."""
    place = (table.name, ",".join(columns))
    seen = {place}
    while True:
        here = source.get(place[0])
        up = [
            (key.referenced, there)
            for key in (here.foreign_keys if here else ())
            for own, there in zip(key.columns, key.referenced_columns, strict=True)
            if own == place[1]
        ]
        if not up or min(up) in seen:
            return f"{place[0]}.{place[1]}"
        place = min(up)
        seen.add(place)
