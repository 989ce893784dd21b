"""The schema across engines: each table in the target's terms, with all that the target can say of it, and what it cannot.

Projector gives the columns and their types; defaults, comments, indexes, keys and checks are added here, each named as the
target allows. What is left out or changed is a finding; the same source gives the same tables every night, whatever the
target holds already. Pure but for the target's engine, which renders its own statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from connectors import identifiers
from connectors.errors import TerminalError
from connectors.expressions import Term, Untranslatable, default
from connectors.facts import Facts
from connectors.grammar import Grammar
from connectors.identifiers import Named
from connectors.loss import Class
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import Column, Index, IndexPart, Kind, Schema, Table, TableName
from connectors.types import Equality, Family, Types
from jobs.config.operation import Operation
from jobs.planning.agreement import agreeing
from jobs.planning.build import project
from jobs.planning.crossing import Projection, Projector, through, unchanged
from jobs.planning.desired_columns import computed
from jobs.planning.desired_keys import Crossing, checks, foreign_keys, indexes
from jobs.planning.ends import End, TargetChecks
from jobs.planning.findings import Finding, error, warning
from jobs.planning.objects import Agree, Same, arranged
from jobs.planning.schema_build import Masked, crossed, own_words


def desired(operation: Operation, source: End, target: End, tables: Sequence[Table], checks: TargetChecks, masked: Masked
            ) -> tuple[tuple[SchemaObject, ...], Agree, list[Finding]]:  # fmt: skip
    """The objects that tables which cross need in the target, how they are compared with those there, and what is lost."""
    assert checks.definer is not None
    projector, ways, found = project(operation, tables, source, replace(target, schema=Schema(())))
    carried = crossed([table for table in tables if table.name in ways], ways, own_words(source, target))
    ways |= {table.name: through(ways[table.name], table, source.types) for table in carried}
    wanted, findings = in_target_terms(operation, source, target, carried, projector, ways, masked)
    problems = [finding for finding in found if finding.severity == "error"]
    problems += [finding for table in carried for finding in ways[table.name].lost]
    objects: dict[ObjectId, SchemaObject] = {}
    for table in wanted:
        try:
            objects |= {one.id: one for one in checks.definer.rendered(table)}
        except TerminalError as problem:  # what a table of this shape cannot be is told by `creatable` too, better
            problems.append(error(f"{target.environment}: {table.name}", problem.what, problem.todo or TYPES_FIRST))
    problems += _left(source, target, carried)
    if operation.wanted is None and not operation.exclude:
        problems += _unused(source, tables)

    def agree(there: Schema) -> Same:
        return agreeing(wanted, there, target.types, grammar_of(target.facts))

    return arranged(objects.values()), agree, [*problems, *findings]


def _left(source: End, target: End, tables: Sequence[Table]) -> Iterable[Finding]:
    """What hangs on the tables and has no words in every engine's schema."""
    named = {(table.name, name) for table in tables for name, _ in _parts(table)}
    by_name = {table.name: table for table in tables}
    what = "it is not made in the target: it has no words that every engine knows"
    for found in source.objects.made if source.objects is not None else ():
        reads = found.id.kind is ObjectKind.VIEW and any(need.table in by_name for need in found.needs)
        table = None if found.id.table is None else by_name.get(found.id.table)
        odd = table is not None and found.id.kind in HANGING and not found.inline
        if reads or (odd and (found.id.table, found.id.name) not in named):
            yield warning(f"{source.environment}: {found.id}", what)
        if table is None or found.id.kind is not ObjectKind.COLUMN or source.facts.engine == target.facts.engine:
            continue
        own = [need.name for need in found.needs if need.kind is ObjectKind.TYPE]
        if own and not source.types.canonical(table.column(found.id.name).type).labels:
            yield warning(f"{source.environment}: {found.id}", f"what its type {own[0]} refuses, the target does not")


def _unused(source: End, tables: Sequence[Table]) -> Iterable[Finding]:
    """Sequences that number no table: those that do have their findings."""
    names = {table.name for table in tables}
    made = source.objects.made if source.objects is not None else ()
    used = {need for found in made if found.id.table in names for need in found.needs}
    for found in made:
        if found.id.kind is ObjectKind.SEQUENCE and found.id not in used:
            what = "it is not made in the target: no column of a table that is carried takes its numbers from it"
            yield warning(f"{source.environment}: {found.id}", what)


HANGING = (ObjectKind.UNIQUE, ObjectKind.INDEX, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY)


TYPES_FIRST = "make what its columns need in the target first, their types for example"


def grammar_of(facts: Facts) -> Grammar:
    assert facts.grammar is not None, "it knows no SQL"
    return facts.grammar


def in_target_terms(operation: Operation, source: End, target: End, tables: Sequence[Table], projector: Projector,
                    ways: Mapping[TableName, Projection], masked: Masked
                    ) -> tuple[list[Table], list[Finding]]:  # fmt: skip
    """The tables with all that hangs on them, under the names that it has in the target."""
    words = grammar_of(source.facts), grammar_of(target.facts)
    kept = [_kept(table, operation) for table in tables]
    crossings = [
        begun(f"{source.environment}: {table.name}", table, ways[table.name], source, target,
              masked.get(table.name, frozenset())) for table in kept
    ]  # fmt: skip
    shaped = [_shaped(crossing, operation.include_constraints) for crossing in crossings]
    everywhere = {**_standing(kept, ways, projector, target.schema), **ways}
    made = {table.name: table for table in shaped}
    there = {table.name: table for table in target.schema.tables} | {
        way.wanted.name: way.wanted for way in ways.values() if not way.crosses
    }
    keyed = []
    for crossing, table in zip(crossings, shaped, strict=True):
        table = replace(table, foreign_keys=tuple(foreign_keys(crossing, everywhere, made, there)))
        keyed.append(_with_key_indexes(table, words[1]))
    named = _named(crossings, keyed, source.facts, target.facts)
    findings = [finding for crossing in crossings for finding in crossing.findings]
    return named, findings + [finding for table in named for finding in _reserved(target, table, words[1])]


def _kept(table: Table, operation: Operation) -> Table:
    """The table with what the operation includes."""
    kept = tuple(
        index
        for index in table.indexes
        if (operation.include_constraints if index.constraint else operation.include_indexes)
    )
    if operation.include_constraints:
        return replace(table, indexes=kept)
    return replace(table, indexes=kept, checks=(), foreign_keys=())


def terms(table: Table, way: Projection, source: Types, target: Types, grammar: Grammar, masked: Set[str]
          ) -> dict[str, Term | str]:  # fmt: skip
    """What conditions may say of the table's columns."""
    found: dict[str, Term | str] = {}
    fields = {one.source: one for one in way.fields if one.source is not None}
    altered = {
        one.field.source for one in way.judged if one.loss.kind is Class.LOSSY and one.field.given.family in ROUNDED
    }
    for column in table.columns:
        one = fields.get(column.name)
        if one is None:
            what = "which is computed itself" if column.generated else "which is not copied"
            found[column.name] = f"it reads {column.name}, {what}"
            continue
        made = way.wanted.column(one.target)
        if column.name in altered:
            found[column.name] = f"it reads {column.name}, whose values lose something on their way"
        elif column.name in masked:
            found[column.name] = f"it reads {column.name}, whose values are replaced"
        elif made.counter and not grammar.counters_checked:
            found[column.name] = f"it reads {column.name}, which the target numbers"
        else:
            found[column.name] = Term(
                one.target, one.given, one.wanted, _equality(column, source), target.equality(made.type), one.values
            )
    return found


ROUNDED = (Family.DECIMAL, Family.FLOAT, Family.TIME, Family.TIMESTAMP, Family.INSTANT)
"""Of which a consent lets something go; a value of any other that does not fit stops its chunk."""


def _equality(column: Column, types: Types) -> Equality:
    return "other" if column.ignores_case else types.equality(column.type)


def begun(where: str, table: Table, way: Projection, source: End, target: End, masked: Set[str]) -> Crossing:
    """A table on its way, with its generated columns."""
    words = grammar_of(source.facts), grammar_of(target.facts)
    known = terms(table, way, source.types, target.types, words[1], frozenset())
    made, findings = computed(where, table, way, source, target, words, known, masked)
    own = terms(table, way, source.types, target.types, words[1], masked)
    for column in table.columns:
        if column.generated:
            lost = f"it reads {column.name}, which the target does not compute"
            own[column.name] = made[column.name].condition if column.name in made else lost
    return Crossing(where, table, way, own, *words, findings=findings, computed=made)


def _shaped(crossing: Crossing, constraints: bool) -> Table:
    """The table with everything but its foreign keys."""
    table, way = crossing.table, crossing.way
    made = {column.name: column for column in way.wanted.columns}
    columns = []
    for column in table.columns:
        if column.name in way.columns and not column.generated:
            columns.append(_filled(crossing, made[way.columns[column.name]], column))
        elif column.name in crossing.computed:
            columns.append(crossing.computed[column.name].column)
    columns += [made[one.target] for one in way.fields if one.source is None]
    comment = table.comment
    comments = [table.comment, *(column.comment for column in table.copied)]
    if not crossing.target.comments and any(comments):
        what = f"its comments are not carried: the target keeps none ({sum(map(bool, comments))})"
        crossing.findings.append(warning(crossing.where, what))
        columns, comment = [replace(column, comment=None) for column in columns], None
    wanted = Table(way.wanted.name, tuple(columns), way.wanted.primary_key, comment=comment)
    return replace(wanted, indexes=indexes(crossing), checks=checks(crossing) if constraints else ())


def _filled(crossing: Crossing, made: Column, column: Column) -> Column:
    """A column with what fills it."""
    renewed = column.renewed and crossing.target.renews and made.type.kind is Kind.TIMESTAMP
    made = replace(made, default=None, comment=column.comment, ignores_case=None, renewed=renewed)
    if column.renewed and not renewed:
        crossing.lost(
            column.name, "it is not set to the time when its row changes: let programs, or a trigger, do that"
        )
    if column.default is None or made.counter:
        return made
    try:
        term = crossing.column(column.name)
        return replace(made, default=default(column.default, term, crossing.source, crossing.target))
    except Untranslatable as problem:
        crossing.lost(column.name, f"its default is not made in the target: {problem}")
        return made


def _standing(tables: Sequence[Table], ways: Mapping[TableName, Projection], projector: Projector, there: Schema
              ) -> dict[TableName, Projection]:  # fmt: skip
    """Tables that are not copied and that keys lead to, as they stand in the target."""
    found = {}
    for referenced in {key.referenced for table in tables for key in table.foreign_keys} - set(ways):
        name = projector.name(referenced)
        table = None if name is None else there.get(name)
        if table is not None:
            found[referenced] = unchanged(table)
    return found


def _with_key_indexes(table: Table, grammar: Grammar) -> Table:
    """With the indexes that the engine would make for its foreign keys by itself."""
    if not grammar.keys_need_indexes:
        return table
    starts = [table.primary_key, *(tuple(part.column for part in index.parts) for index in table.indexes)]
    added = []
    for key in table.foreign_keys:
        if not any(start[: len(key.columns)] == key.columns for start in starts):
            starts.append(key.columns)
            added.append(Index(key.name, tuple(IndexPart(column) for column in key.columns)))
    return replace(table, indexes=(*table.indexes, *added))


def _named(crossings: Sequence[Crossing], tables: Sequence[Table], source: Facts, target: Facts) -> list[Table]:
    """The tables with their indexes and constraints under names that the target takes, each once."""
    pairs = list(zip(crossings, tables, strict=True))
    every = [one for crossing, table in pairs for one in _names(crossing, table)]
    called = identifiers.names(every, [table.name for table in tables], source, target)
    found = []
    for crossing, table in pairs:
        new = {(one.index, one.name): called[one] for one in _names(crossing, table)}
        for (index, old), name in sorted(new.items()):
            if old != name:
                what = f"it is called {name} in the target, whose names are shorter or must differ in more places"
                crossing.lost(f"{'index' if index else 'constraint'} {old}", what)
        found.append(
            replace(
                table,
                indexes=tuple(replace(one, name=new[True, one.name]) for one in table.indexes),
                checks=tuple(replace(one, name=new[False, one.name]) for one in table.checks),
                foreign_keys=tuple(replace(one, name=new[False, one.name]) for one in table.foreign_keys),
            )
        )
    return found


def _names(crossing: Crossing, table: Table) -> list[Named]:
    return [Named(crossing.table.name, table.name, name, index) for name, index in _parts(table)]


def _parts(table: Table) -> list[tuple[str, bool]]:
    """What of a table has a name of its own, and whether it is an index."""
    constraints = [one.name for one in table.checks] + [one.name for one in table.foreign_keys]
    return [(one.name, True) for one in table.indexes] + [(name, False) for name in constraints]


def _reserved(target: End, table: Table, grammar: Grammar) -> Iterable[Finding]:
    """Names that programs must quote."""
    what = f"is a reserved word of {target.facts.title}: programs must write it in quotes"
    if identifiers.reserved(table.name.name, grammar):
        yield warning(f"{target.environment}: {table.name}", what)
    for column in table.columns:
        if identifiers.reserved(column.name, grammar):
            yield warning(f"{target.environment}: {table.name}.{column.name}", what)
