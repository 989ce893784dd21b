"""What waits while rows come: found, suspended, brought back and proven.

Whatever state a crash left a step in, `restore` looks first at what is there: each of its transactions ends with the object
away, or there and not yet proven, or there. A flag of the catalog is no proof: rows that came while foreign keys were off
in their sessions leave it set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby
from time import monotonic
from typing import Any

import psycopg

from connectors.errors import TargetFull
from connectors.objects import ObjectId, ObjectKind, Restored, Step
from connectors.postgresql import suspending_sql as sql
from connectors.postgresql import violations
from connectors.postgresql.catalog import unqualified
from connectors.postgresql.definitions import comment
from connectors.postgresql.errors import translated
from connectors.postgresql.locks import behind_our_own, told
from connectors.postgresql.objects_keys import NOT_VALID, STATISTICS, dropped, foreign_key, index, validated
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.postgresql.stored import refreshes
from connectors.postgresql.violations import Violations
from connectors.schema import TableName, quoted

ORDER = {kind: number for number, kind in enumerate(ObjectKind)}
ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
BROKEN = (psycopg.errors.ForeignKeyViolation, psycopg.errors.CheckViolation)
GONE = (psycopg.errors.UndefinedObject, psycopg.errors.UndefinedTable)
TWINS = (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation)


def suspensions(connection: Connection, names: Sequence[TableName]) -> list[Step]:
    """Foreign keys go first, so that nothing is checked while the rest goes; then triggers, then indexes."""
    listed = [[name.schema or "public" for name in names], [name.name for name in names]]

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query.encode(), listed).fetchall()

    with unqualified(connection):
        found = [
            *(suspended_key(names[row[0] - 1], *row[1:]) for row in rows(sql.FOREIGN_KEYS)),
            *(suspended_trigger(names[row[0] - 1], *row[1:]) for row in rows(sql.TRIGGERS)),
            *(
                suspended_index(names[root - 1], list(members))
                for (root, _), members in groupby(rows(sql.INDEXES), lambda row: row[:2])
            ),
        ]
    return sorted(found, key=lambda step: names.index(step.table))


def suspended_key(
    root: TableName, schema: str, relation: str, name: str, definition: str, partitioned: bool, said: str | None
) -> Step:
    table = TableName(schema, relation)
    made = foreign_key(table, name, definition, table, partitioned=partitioned)
    remark = comment(f"CONSTRAINT {quoted(name)} ON {sql_name(table)}", said)
    return Step(made.id, root, made.drop, (*made.create, *([remark] if said else [])))


def suspended_trigger(root: TableName, schema: str, relation: str, name: str, enabled: str) -> Step:
    table = TableName(schema, relation)
    change = f"ALTER TABLE ONLY {sql_name(table)}"
    return Step(
        ObjectId(ObjectKind.TRIGGER, table, name),
        root,
        (f"{change} DISABLE TRIGGER {quoted(name)}",),
        (f"{change} {ENABLE[enabled]} TRIGGER {quoted(name)}",),
    )


def suspended_index(root: TableName, members: Sequence[tuple[Any, ...]]) -> Step:
    """An index with those of the partitions that belong to it."""
    restore: list[str] = []
    remarks: list[str] = []
    for _, _, top, schema, relation, name, body, said in members:
        made = index(TableName(schema, relation), name, body, unique=False, computed=False)
        restore += made.create
        if said:
            remarks.append(comment(f"INDEX {sql_name(TableName(schema, name))}", said))
        if top:
            whole = made
    return Step(whole.id, root, whole.drop, (*restore, *remarks))


def suspend(connection: Connection, where: str, steps: Sequence[Step], hold: Callable[[], None]) -> None:
    """All of them or none. `hold` keeps the tables' leases until they are away: who slept while others took over and
    brought everything back takes nothing away again."""
    statements = [statement for step in steps for statement in step.suspend]

    def away() -> None:
        with connection.transaction():
            hold()
            for step in steps:
                if step.suspend and present(connection, step.id) is not None:
                    execute(connection, step.suspend)

    with told(connection, where, statements):
        behind_our_own(connection, statements, away)


def restore(connection: Connection, environment: str, steps: Sequence[Step]) -> list[Restored]:
    with translated(environment):
        connection.execute(sql.MEMORY.encode())
    return [
        restored(connection, f"{environment}: restoring {step.id}", step)
        for step in sorted(steps, key=lambda step: ORDER[step.id.kind])
    ]


def restored(connection: Connection, where: str, step: Step) -> Restored:
    began = monotonic()
    try:
        with told(connection, where, step.restore):
            found = behind_our_own(connection, step.restore, lambda: back(connection, step))
    except TargetFull as error:
        todo = "the rows are there and stay: free space where the server keeps its data, then run dbagent repair"
        full = TargetFull(error.what, where=where, todo=todo, code=error.code)
    else:
        return Restored(step, monotonic() - began, found.count, found.query)
    raise full from None


def back(connection: Connection, step: Step) -> Violations:
    """Bring it back. Raises psycopg.Error."""
    kind = step.id.kind
    if kind in (ObjectKind.FOREIGN_KEY, ObjectKind.CHECK):
        return constraint_back(connection, step)
    if kind in (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE):
        return key_back(connection, step)
    if kind is ObjectKind.INDEX:
        return index_back(connection, step)
    if kind is ObjectKind.COMMENT:
        with suppress(*GONE), connection.transaction():  # rows may have kept away what it is on
            execute(connection, step.restore)
    elif kind is ObjectKind.TRIGGER or (present(connection, step.id) is None) is not refreshes(step):
        with connection.transaction():
            execute(connection, step.restore)
    return violations.NONE


def index_back(connection: Connection, step: Step) -> Violations:
    try:
        with connection.transaction():
            there = present(connection, step.id)
            if there is False:
                execute(connection, [f"DROP INDEX {index_name(step.id)}"])
            if not there:
                execute(connection, [*([sql.IN_PLACE] if step.suspend else []), *step.restore])
    except TWINS as refused:
        return twins(connection, step, refused)
    return violations.NONE


def key_back(connection: Connection, step: Step) -> Violations:
    """Its index is built in a transaction of its own: declaring the key needs the table alone, and whoever held on to the
    index's lock meanwhile would wait for others that do the same."""
    if present(connection, step.id) is not None:
        return violations.NONE
    *build, declare = step.restore
    try:
        if build:
            with connection.transaction():
                there = index_state(connection, index_name(step.id))
                if there is False:
                    execute(connection, [f"DROP INDEX {index_name(step.id)}"])
                if not there:
                    execute(connection, build)
        execute(connection, [declare])
    except TWINS as refused:
        return twins(connection, step, refused)
    return violations.NONE


def twins(connection: Connection, step: Step, refused: psycopg.Error) -> Violations:
    """The rows that keep a unique index from being built. Raises `refused` where they have gone meanwhile: the index is not
    there, and must be tried again."""
    found = violations.twins(connection, of(step), step.restore[0])
    if not found.count:
        raise refused
    return found


def constraint_back(connection: Connection, step: Step) -> Violations:
    """Declared, then proven. One that was never proven before comes back so."""
    table, name = of(step), step.id.name
    add, *rest = step.restore
    prove = validated(table, name)
    asks = violations.orphans if step.id.kind is ObjectKind.FOREIGN_KEY else violations.failing
    there, broken = present(connection, step.id), violations.NONE
    if there is None:
        try:
            execute(connection, [add])
        except BROKEN:  # a partitioned table's can only be declared whole
            broken = asks(connection, table, add)
            if not broken.count:
                raise
    elif there and (prove in rest or not add.endswith(NOT_VALID)):
        broken = asks(connection, table, add)
        if broken.count:
            disprove(connection, table, name, add)
    if prove in rest and not there:
        try:
            execute(connection, [prove])
        except BROKEN:
            broken = asks(connection, table, add)
            if not broken.count:
                raise
    if present(connection, step.id) is not None:
        execute(connection, [statement for statement in rest if statement != prove])
    return broken


def disprove(connection: Connection, table: TableName, name: str, add: str) -> None:
    """Rows break what the catalog calls proven: it is declared anew and not proven, where that can be, else away."""
    with connection.transaction():
        execute(connection, [dropped(table, name)])
        if add.endswith(NOT_VALID):
            execute(connection, [add])


def present(connection: Connection, id_: ObjectId) -> bool | None:
    """Whether it is there and whole (an index that was built to its end, a constraint that is proven, a trigger that is
    on); None where it is not there, or off."""
    if id_.kind is ObjectKind.TRIGGER:
        return state(connection, sql.TRIGGER_STATE, sql_name(owner(id_)), id_.name) or None
    if id_.kind in (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY):
        return state(connection, sql.CONSTRAINT_STATE, sql_name(owner(id_)), id_.name)
    if id_.kind is not ObjectKind.INDEX:
        return state(connection, sql.RELATION_STATE, id_.name)
    if id_.name.startswith(STATISTICS):
        found = connection.execute(sql.STATISTICS_STATE.encode(), [sql_name(owner(id_))]).fetchall()
        return any(STATISTICS + str(TableName(*row)) == id_.name for row in found) or None
    return index_state(connection, index_name(id_))


def index_state(connection: Connection, name: str) -> bool | None:
    return state(connection, sql.INDEX_STATE, name)


def state(connection: Connection, query: str, *values: str) -> bool | None:
    found = connection.execute(query.encode(), values).fetchall()
    return bool(found[0][0]) if found else None


def index_name(id_: ObjectId) -> str:
    """An index, or the index of a key, as SQL names it."""
    return sql_name(TableName(owner(id_).schema, id_.name))


def owner(id_: ObjectId) -> TableName:
    if id_.table is None:
        raise TypeError(f"{id_} belongs to no table")
    return id_.table


def of(step: Step) -> TableName:
    return owner(step.id)


def execute(connection: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement.encode())
