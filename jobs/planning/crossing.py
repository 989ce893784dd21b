"""Projection: a source's table in the target's terms, what fills each of its columns, and what values may lose on the way.

Between two ends of one engine a table stays what it is unless a mapping says otherwise. Everywhere else, and under a
mapping, every column is judged by its canonical types: an exact or equivalent one passes, a lossy one needs consent
(`allow_lossy`), an impossible one stops the plan. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.crossing import Field
from connectors.facts import Facts
from connectors.guards import fits
from connectors.loss import Class, Loss, loss
from connectors.schema import Column, ColumnType, ForeignKey, Key, Schema, Table, TableName
from connectors.types import Canonical, Family, Types
from jobs.config.mappings import ColumnMapping, Constant, TableMapping
from jobs.config.names import parse_column
from jobs.planning.counters import counted
from jobs.planning.findings import Finding, error, nearest, warning

Place = tuple[TableName, str]


@dataclass(frozen=True)
class Side:
    """What projecting needs to know of one end."""

    environment: str
    facts: Facts
    types: Types


@dataclass(frozen=True)
class Judged:
    """One column of the target and how the source's values arrive in it."""

    field: Field
    native: str
    """The target column's type."""
    loss: Loss


@dataclass(frozen=True)
class Projection:
    """A table's way from the source's terms to the target's."""

    wanted: Table
    """In the target's terms: as it will be made, or as it has to be there."""
    columns: Mapping[str, str]
    """Source column → target column, of those that are copied."""
    judged: tuple[Judged, ...] = ()
    """Empty where the rows do not cross."""
    sees: Mapping[str, Canonical] = field(default_factory=dict)
    """What the source's columns are."""
    without: frozenset[str] = frozenset()
    """Generated columns of the source that are not wanted."""
    lost: tuple[Finding, ...] = ()
    """What the target cannot say of it where it is to be made."""

    @property
    def crosses(self) -> bool:
        return bool(self.judged)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(judged.field for judged in self.judged)

    def in_source_terms(self, table: Table) -> Table:
        """A table of the target under the source's names, for who judges columns by them."""
        back = {theirs: ours for ours, theirs in self.columns.items()}

        def told(name: str) -> str:
            """The target's own column of a name that one of the source's has is another one."""
            return back.get(name) or (f"{name} of the target" if name in self.columns else name)

        def named(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(told(name) for name in names)

        return replace(
            table,
            columns=tuple(replace(column, name=told(column.name)) for column in table.columns),
            primary_key=named(table.primary_key),
            uniques=tuple(Key(named(key.columns), key.plain) for key in table.uniques),
        )


def unchanged(table: Table) -> Projection:
    return Projection(table, {column.name: column.name for column in table.copied})


def through(way: Projection, table: Table, types: Types) -> Projection:
    """The same way, column by column, where Spark reads or writes: two ends of one engine pass canonical types too."""
    if way.crosses:
        return way
    sees = {column.name: types.canonical(column.type) for column in table.copied}
    judged = (
        Judged(Field(name, name, type_, type_), table.column(name).type.native, Loss(Class.EXACT))
        for name, type_ in sees.items()
    )
    return replace(way, judged=tuple(judged), sees=sees)


class Projector:
    """Projects the tables of one operation. `findings` grows with every question."""

    def __init__(self, source: Side, target: Side, there: Schema, mappings: Mapping[TableName, TableMapping],
                 consents: frozenset[Place]) -> None:  # fmt: skip
        self._source, self._target, self._there = source, target, there
        self._mappings, self._consents = mappings, consents
        self._foreign = source.facts.engine != target.facts.engine
        # Where one task reads everything, one way serves all.
        self._together = bool(mappings) and source.facts.snapshot_holder == "task"
        self.findings: list[Finding] = []

    def name(self, table: TableName) -> TableName | None:
        """What a table is called in the target; None where its schema has no place there."""
        mapping = self._mappings.get(table)
        default = self._target.facts.default_schema
        if mapping is not None and mapping.target is not None:
            schema, name = mapping.target
            return TableName(schema or default, name)
        if not self._foreign:
            return table
        if table.schema in (None, self._source.facts.default_schema):
            return TableName(default, table.name)
        return None if default is None else table

    def key(self, key: ForeignKey, projected: Mapping[TableName, Projection]) -> ForeignKey | None:
        """A foreign key of the source in the target's terms; None where one of its columns or tables does not travel."""
        ends = (key.table, key.columns), (key.referenced, key.referenced_columns)
        found: list[tuple[TableName, tuple[str, ...]]] = []
        for table, columns in ends:
            projection = projected.get(table)
            name = projection.wanted.name if projection else self.name(table)
            names = projection.columns if projection else {column: column for column in columns}
            if name is None or any(column not in names for column in columns):
                return None
            found.append((name, tuple(names[column] for column in columns)))
        (table, columns), (referenced, referenced_columns) = found
        return ForeignKey(key.name, table, columns, referenced, referenced_columns)

    def project(self, table: Table) -> Projection | None:
        """The table's way; None where there is none, which a finding tells."""
        mapping = self._mappings.get(table.name)
        if not (self._foreign or mapping or self._together):
            return unchanged(table)
        name = self.name(table.name)
        where = f"{self._source.environment}: {table.name}"
        if name is None:
            what = f"{self._target.facts.title} has no schemas, so {table.name} has no name there"
            todo = f"give it one: column_mappings: {{{table.name}: {{table: {table.name.name}}}}}"
            self.findings.append(error(where, what, todo))
            return None
        there = self._there.get(name)
        self.findings += _unknown(table, mapping, where)
        columns, judged = [], []
        for column, given in self._travelling(table, mapping):
            found = self._column(table, column, given, there, name)
            if found is not None:
                made, one = found
                columns.append(made)
                judged.append(one)
        for target, constant in (mapping.by_constant if mapping else {}).items():
            found = self._constant(target, constant, there, name)
            if found is not None:
                columns.append(found[0])
                judged.append(found[1])
        self.findings += _filled_twice(judged, where)
        if not any(self._travelling(table, mapping)) and not (mapping and mapping.by_constant):
            self.findings.append(error(where, "none of its columns is copied", "leave it out (`exclude`)"))
        names = {one.field.source: one.field.target for one in judged if one.field.source is not None}
        key = tuple(names[column] for column in table.primary_key if column in names)
        if there is None and len(key) < len(table.primary_key):
            self.findings.append(warning(where, "one of its primary key's columns is dropped: it is made without one"))
        wanted = Table(
            name,
            tuple(columns),
            primary_key=key if len(key) == len(table.primary_key) else (),
            rows=table.rows,
            bytes=table.bytes,
        )
        sees = {column.name: self._source.types.canonical(column.type) for column in table.copied}
        lost: list[Finding] = []
        if there is None and self._target.facts.grammar is not None:
            wanted, lost = counted(where, table, wanted, names, self._target.facts.grammar)
        dropped = (
            frozenset(name for name, given in mapping.by_column.items() if given.drop) if mapping else frozenset[str]()
        )
        return Projection(wanted, names, tuple(judged), sees, dropped & _generated(table), tuple(lost))

    def _travelling(self, table: Table, mapping: TableMapping | None) -> Iterator[tuple[Column, ColumnMapping | None]]:
        given_ones = mapping.by_column if mapping else {}
        for column in table.copied:
            given = given_ones.get(column.name)
            if given is None or not given.drop:
                yield column, given

    def _column(self, table: Table, column: Column, mapping: ColumnMapping | None, there: Table | None, into: TableName
                ) -> tuple[Column, Judged] | None:  # fmt: skip
        source, where = (
            self._source.types.canonical(column.type),
            f"{self._source.environment}: {table.name}.{column.name}",
        )
        name = (mapping.target if mapping else None) or column.name
        found = self._type(name, there, into, where, mapping.type if mapping else None,
                           lambda: self._target.types.native(source) if self._foreign else column.type)  # fmt: skip
        if found is None:
            return None
        name, type_ = found
        target, consent = self._target.types.canonical(type_), (table.name, column.name) in self._consents
        values = mapping.values if mapping else None
        judged = Loss(Class.EQUIVALENT, "each value as it is mapped", ("another value",))
        judged = judged if values is not None else loss(source, target)
        self.findings += _judgement(where, judged, consent, f"{table.name}.{column.name}", column.type, type_, into)
        self.findings += _misgiven(where, "what one of its values becomes", (values or {}).values(), target, type_)
        counts = column.counter or (column.counting if self._foreign else None)
        counter = self._target.types.counter if self._foreign and counts else column.counter
        if source.family is not Family.INTEGER or target.family not in (Family.INTEGER, Family.DECIMAL):
            counter = None
        made = Column(name, type_, column.nullable, counter=counter, counting=column.counting if counts else None,
                      reached=column.reached if counts else None, ignores_case=column.ignores_case)  # fmt: skip
        return made, Judged(Field(name, column.name, source, target, consent, values=values), type_.native, judged)

    def _constant(self, name: str, constant: Constant, there: Table | None, into: TableName
                  ) -> tuple[Column, Judged] | None:  # fmt: skip
        text = Canonical(Family.TEXT)
        where = f"{self._target.environment}: {into}.{name}"
        found = self._type(name, there, into, where, constant.type, lambda: self._target.types.native(text))
        if found is None:
            return None
        name, type_ = found
        target = self._target.types.canonical(type_)
        column = Column(name, type_, nullable=constant.value is None)
        self.findings += _misgiven(where, "its constant", [constant.value], target, type_)
        one = Field(name, None, target, target, constant=constant.value)
        return column, Judged(one, type_.native, Loss(Class.EXACT, "a constant"))

    def _type(self, name: str, there: Table | None, into: TableName, where: str, asked: str | None,
              closest: Callable[[], ColumnType | None]) -> tuple[str, ColumnType] | None:  # fmt: skip
        """A target column's name and type: as it is there, as a person asked, or the closest there is."""
        if there is not None:
            column = column_of(there, name)
            if column is None or column.generated:
                what = (
                    f"column {name} is missing in {into}" if column is None else f"{into} computes column {name} itself"
                )
                todo = "name another one (column_mappings: name), leave this one out (drop: true), or mend the target"
                self.findings.append(error(where, what, todo))
                return None
            wished = self._target.types.named(asked) if asked else None
            if asked and (wished is None or wished.native != column.type.native):
                what = f"the type {asked} is not made of column {name}: it is {column.type.native} in {into} already"
                self.findings.append(warning(where, what))
            return column.name, column.type
        type_ = closest() if asked is None else self._target.types.named(asked)
        if type_ is None:
            title = self._target.facts.title
            what = f"{title} has no type {asked}" if asked else f"{title} has no type for its values"
            todo = "choose a type (column_mappings: type), or leave the column out (drop: true)"
            self.findings.append(error(where, what, todo))
            return None
        return name, type_


def _generated(table: Table) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if column.generated)


def uncomputed(environment: str, table: Table, without: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Columns that a copy of rows does not make."""
    what = "the database computes this column: it is not made in the target"
    for column in table.columns:
        if column.generated and column.name not in without:
            yield warning(
                f"{environment}: {table.name}.{column.name}", what, "`sync_schema: true` carries what both can say"
            )


def column_of(table: Table, name: str) -> Column | None:
    """The column of that name, else the only one whose name differs in letter case alone."""
    same = [column for column in table.columns if column.name == name]
    alike = [column for column in table.columns if column.name.lower() == name.lower()]
    return same[0] if same else alike[0] if len(alike) == 1 else None


def _unknown(table: Table, mapping: TableMapping | None, where: str) -> Iterator[Finding]:
    """Columns that a mapping names and that are not copied."""
    known = [column.name for column in table.copied]
    for name, given in mapping.by_column.items() if mapping else ():
        if name not in known and not (given.drop and name in _generated(table)):
            yield error(f"column_mappings: {where}", f"there is no column {name} to copy", nearest(name, known))


def _misgiven(where: str, what: str, values: Iterable[str | None], target: Canonical, type_: ColumnType
              ) -> Iterator[Finding]:  # fmt: skip
    """What a person gives is tried before anything moves."""
    if not fits(values, target):
        yield error(
            where, f"{what} is no value of {type_.native}", "mend it in column_mappings, or choose another type there"
        )


def _filled_twice(judged: Sequence[Judged], where: str) -> Iterator[Finding]:
    """Columns of the target that several would fill: a database may take one of them and forget the others."""
    for name, count in Counter(one.field.target for one in judged).items():
        if count > 1:
            what = f"{count} columns would become {name} in the target"
            yield error(
                where, what, "give the others another name (column_mappings: name), or leave them out (drop: true)"
            )


def _judgement(where: str, judged: Loss, consent: bool, name: str, source: ColumnType, target: ColumnType, into: TableName
               ) -> Iterator[Finding]:  # fmt: skip
    types = f"{source.native} does not fit {target.native} in {into}"
    if judged.kind is Class.IMPOSSIBLE:
        yield error(where, f"{types}: {judged.rule}", "choose another type (column_mappings: type), or drop: true")
    elif judged.kind is Class.LOSSY and not consent:
        todo = f"a wider type (column_mappings: type), or consent: allow_lossy: [{name}]"
        yield error(where, f"{types} without loss: {judged.rule}", todo)
    elif consent and judged.may_lose:
        yield warning(where, f"{source.native} → {target.native} loses what was consented to: {judged.may_lose}")
    elif consent:
        yield warning(where, f"allow_lossy names this column, and nothing of it is lost ({judged.kind.value})")


def places(names: Sequence[str], default_schema: str | None) -> frozenset[Place]:
    """Columns as people write them, `[schema.]table.column`."""
    found = (parse_column(text) for text in names)
    return frozenset((TableName(schema or default_schema, table), column) for schema, table, column in found)
