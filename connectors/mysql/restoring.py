"""What waited comes back, or is made now that the rows are there; what the rows break is counted.

A key or check that rows break is away, for the server takes none that is broken. A foreign key it takes unproved, as the
source may hold one too: it stays, and its orphans are counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from connectors.errors import ConnectorError, TerminalError, ValueRefused
from connectors.mysql import triggers
from connectors.mysql.definitions import Definition
from connectors.mysql.session import Session
from connectors.mysql.statements import joined, run
from connectors.mysql.suspending import LOOKS, definition_of, trigger_names
from connectors.mysql.types import identifier
from connectors.mysql.words import bracketed, parts, pieces
from connectors.objects import ObjectId, ObjectKind, Restored, Step
from connectors.schema import ForeignKey, TableName

BUILT = (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.INDEX, ObjectKind.CHECK)
"""One ALTER makes all of them."""
TWICE = ("1061", "1826", "121", "1068")
"""Somebody else has made it meanwhile."""
NO_PREDECESSOR = {"MariaDB": "4031", "MySQL": "3011"}
"""What 4031 means elsewhere is something else."""
VIEW = "SELECT 1 FROM information_schema.views WHERE table_schema = DATABASE() AND table_name = %s"


def restore(session: Session, steps: Sequence[Step], where: str) -> list[Restored]:
    """Steps of one table."""
    kinds = list(ObjectKind)
    ready = [step for step in steps if step.id.kind in BUILT]
    found: list[Restored] = []
    for name in dict.fromkeys(step.table.name for step in ready):
        found += _built(session, name, [step for step in ready if step.table.name == name], where)
    others = sorted((step for step in steps if step not in ready), key=lambda step: kinds.index(step.id.kind))
    plain = [step for step in others if step.id.kind is not ObjectKind.TRIGGER]
    for step in (*plain, *triggers.ordered([step for step in others if step not in plain])):
        found.append(_one(session, step, f"{where}: {step.id}"))
    return found


def _built(session: Session, table: str, steps: Sequence[Step], where: str) -> list[Restored]:
    """All that are missing at once; where rows break one of them, indexes at once and each key and check by itself."""
    begun = time.monotonic()
    there = present(definition_of(session, table))
    missing = [step for step in steps if _called(step.id) not in there]
    refused: list[Step] = []
    try:
        _add(session, table, missing, f"{where}: indexes and keys of {table}")
    except ValueRefused:
        refused = _singly(session, table, missing, where)
    each = (time.monotonic() - begun) / len(steps)
    return [_broken(session, step, each) if step in refused else Restored(step, each) for step in steps]


def _singly(session: Session, table: str, missing: Sequence[Step], where: str) -> list[Step]:
    """Those that rows break."""
    _add(session, table, [step for step in missing if step.id.kind is ObjectKind.INDEX], f"{where}: indexes of {table}")
    refused = []
    for step in missing:
        if step.id.kind is not ObjectKind.INDEX:
            try:
                _add(session, table, [step], f"{where}: {step.id}")
            except ValueRefused:
                refused.append(step)
    return refused


def _add(session: Session, table: str, steps: Sequence[Step], where: str) -> None:
    for last in (*[False] * (LOOKS - 1), True):
        there = present(definition_of(session, table))
        missing = [add for step in steps if _called(step.id) not in there for add in step.restore]
        try:
            run(session, joined(missing, identifier(table)), where)
        except ConnectorError as error:
            if last or error.code not in TWICE:
                raise
        else:
            return


def present(table: Definition) -> set[tuple[bool, str]]:
    """What is there: whether it is a check, and its name in small letters."""
    return {*((False, key.name.lower()) for key in table.keys), *((True, check.name.lower()) for check in table.checks)}


def _called(id_: ObjectId) -> tuple[bool, str]:
    return id_.kind is ObjectKind.CHECK, id_.name.lower()


def _broken(session: Session, step: Step, seconds: float) -> Restored:
    table, [statement] = identifier(step.table.name), step.restore
    if step.id.kind is ObjectKind.CHECK:
        query = f"SELECT * FROM {table} WHERE NOT ({bracketed(statement)[1]})"
        count = f"SELECT count(*) FROM {table} WHERE NOT ({bracketed(statement)[1]})"
    else:
        values = ", ".join(_value(part) for part in parts(bracketed(statement)[1], ","))
        given = " AND ".join(f"{_value(part)} IS NOT NULL" for part in parts(bracketed(statement)[1], ","))
        behind = f"FROM {table} WHERE {given} GROUP BY {values} HAVING count(*) > 1"
        query = f"SELECT {values}, count(*) {behind}"
        count = f"SELECT coalesce(sum(found.n - 1), 0) FROM (SELECT count(*) AS n {behind}) AS found"
    return Restored(step, seconds, max(1, int(session.value(count))), query)


def _value(part: str) -> str:
    """What a part of a key is made of: a column, the first characters of one, an expression."""
    text = " ".join(piece for piece in pieces(part) if piece not in ("DESC", "ASC"))
    before, length, _ = bracketed(text)
    return f"LEFT({before}, {length})" if before.startswith("`") and length else text


def _one(session: Session, step: Step, where: str) -> Restored:
    begun = time.monotonic()
    if step.id.kind is ObjectKind.FOREIGN_KEY:
        violations, query = _referencing(session, step, where)
        return Restored(step, time.monotonic() - begun, violations, query)
    if step.id.kind is ObjectKind.TRIGGER:
        if step.id.name not in trigger_names(session, step.table.name):
            _trigger(session, step, where)
    elif step.id.kind is not ObjectKind.VIEW or not session.rows(VIEW, (step.id.name,)):
        run(session, step.restore, where)
    return Restored(step, time.monotonic() - begun)


def _trigger(session: Session, step: Step, where: str) -> None:
    """Behind the one it came behind, unless that one is gone for good."""
    try:
        run(session, step.restore, where)
    except ConnectorError as error:
        if error.code != NO_PREDECESSOR[session.flavour] or not triggers.predecessor(step):
            raise
        *settings, text = step.restore
        run(session, [*settings, text.replace(triggers.predecessor(step), "", 1)], where)


def _referencing(session: Session, step: Step, where: str) -> tuple[int, str]:
    for last in (*[False] * (LOOKS - 1), True):
        found = {key.name.lower(): key for key in definition_of(session, step.table.name).foreign}
        key = found.get(step.id.name.lower())
        if key is not None:
            parent = TableName(key.database, key.referenced)
            behind = orphaned(ForeignKey(key.name, step.table, key.columns, parent, key.referenced_columns))
            count = int(session.value(f"SELECT count(*) {behind}"))
            return count, f"SELECT c.* {behind}" if count else ""
        try:
            run(session, ["SET SESSION foreign_key_checks = 0", *step.restore], where)
        except ConnectorError as error:
            if last or error.code not in TWICE:
                raise
    raise TerminalError("the foreign key was made and is not there", where=where, todo="see who drops it")


def orphaned(key: ForeignKey) -> str:
    """The rows that reference one that is not there, as `c`. NULLs are no reference."""
    pairs = list(zip(key.columns, key.referenced_columns, strict=True))
    given = " AND ".join(f"c.{identifier(ours)} IS NOT NULL" for ours, _ in pairs)
    match = " AND ".join(f"p.{identifier(theirs)} = c.{identifier(ours)}" for ours, theirs in pairs)
    parent = ".".join(identifier(part) for part in (key.referenced.schema, key.referenced.name) if part)
    return f"FROM {identifier(key.table.name)} c WHERE {given} AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {match})"
