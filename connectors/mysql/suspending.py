"""What can wait while rows come: secondary indexes that nothing else needs, and triggers.

Foreign keys wait by themselves, for our sessions turn them off; unique keys stay, and so do FULLTEXT and SPATIAL indexes, of
which the server builds one at a time and by copying the table. Every definition commits by itself, so each call looks first
at what is there: it may come after a crash at any moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from connectors.errors import NotFound, TerminalError
from connectors.mysql import triggers
from connectors.mysql.definitions import Definition, KeyWords
from connectors.mysql.objects import collated, described, key_object
from connectors.mysql.privileges import grants
from connectors.mysql.session import Session
from connectors.mysql.statements import joined, run
from connectors.mysql.types import identifier
from connectors.objects import ObjectKind, Step
from connectors.schema import TableName

REFERENCED = """
SELECT referenced_table_name, constraint_schema, constraint_name, referenced_column_name
FROM information_schema.key_column_usage WHERE referenced_table_schema = DATABASE()
ORDER BY constraint_schema, constraint_name, ordinal_position
"""
TRIGGERS = """
SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND event_object_table = %s
"""
NEEDED = "1553"
"""A foreign key needs the index: of another database, of which our user may see nothing."""
LOOKS = 3
"""How often we look again when somebody else was quicker."""

Wanted = Collection[tuple[str, ...]]
"""Columns that some foreign key needs an index of."""


def suspensions(session: Session, names: Sequence[TableName]) -> list[Step]:
    database, granted = str(session.value("SELECT DATABASE()")), grants(session)
    tables = [name.name for name in names]
    referenced = _referenced(session)
    found = []
    for name in tables:
        if granted.may("ALTER", name):
            for table in described(session, name, database, {}):
                wanted = {*referenced.get(name, ()), *(key.columns for key in table.foreign)}
                found += [_step(name, key) for key in free(table, wanted)]
    return [*found, *triggers.steps(session, tables)]


def _referenced(session: Session) -> Mapping[str, set[tuple[str, ...]]]:
    keys: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for table, database, key, column in session.rows(REFERENCED):
        keys[table, database, key].append(column)
    found: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for (table, *_), columns in keys.items():
        found[table].add(tuple(columns))
    return found


def free(table: Definition, wanted: Wanted) -> Iterator[KeyWords]:
    """Secondary indexes that neither a foreign key nor the counter needs. Of several that one would do for, none goes, unless
    a key that stays anyway does."""
    counting = table.counting()
    staying = [key for key in table.keys if key.kind in ("PRIMARY", "UNIQUE")]
    open_ = [columns for columns in wanted if not any(_serves(key, columns) for key in staying)]
    for key in table.keys:
        if key.kind == "" and key != counting and not any(_serves(key, columns) for columns in open_):
            yield key


def _serves(key: KeyWords, columns: tuple[str, ...]) -> bool:
    """Whether a foreign key over these columns, in any order, could use the index."""
    first = {name.lower() for name in key.columns[: len(columns)]}
    return first == {name.lower() for name in columns}


def _step(table: str, key: KeyWords) -> Step:
    made = key_object(table, key)
    return Step(made.id, TableName(None, table), made.drop, made.create)


def suspend(session: Session, steps: Sequence[Step], where: str) -> None:
    """Steps of one table. Its last trigger goes first: whenever we stop, those left are the first ones, and the others come
    back behind them."""
    indexes = [step for step in steps if step.id.kind is ObjectKind.INDEX and step.suspend]
    for name in dict.fromkeys(step.table.name for step in indexes):
        _drop(session, name, indexes, f"{where}: indexes of {name}")
    going = triggers.ordered([step for step in steps if step.id.kind is ObjectKind.TRIGGER and step.suspend])
    for step in reversed(going):
        if step.id.name in trigger_names(session, step.table.name):
            run(session, step.suspend, f"{where}: {step.id}")


def _drop(session: Session, table: str, steps: Sequence[Step], where: str) -> None:
    """With foreign keys on: the server would else drop what one of another database needs. That stays."""
    for last in (*[False] * (LOOKS - 1), True):
        there = {key.name for key in definition_of(session, table).keys if key.kind == ""}
        going = [step for step in steps if step.id.name in there]
        alter = joined((drop for step in going for drop in step.suspend), identifier(table))
        try:
            run(session, ["SET SESSION foreign_key_checks = 1", *alter] if alter else [], where)
        except NotFound:
            if last:
                raise
        except TerminalError as error:
            if error.code != NEEDED:
                raise
            for step in going if len(going) > 1 else []:
                _drop(session, table, [step], where)
            return
        else:
            return


def definition_of(session: Session, table: str) -> Definition:
    """As it is now. Raises NotFound."""
    database = str(session.value("SELECT DATABASE()"))
    for found in described(session, table, database, collated(session, table)):
        return found
    raise NotFound("the table is not there any more", where=table, todo="make it, or cancel the run")


def trigger_names(session: Session, table: str) -> set[str]:
    return {name for (name,) in session.rows(TRIGGERS, (table,))}
