"""How one definition of an object becomes another, and back. Pure.

A column changes in the order in which nothing is in the way of the next step: its default goes, it may be NULL, its type
changes, and then the rest comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.objects import Alteration, ObjectKind, SchemaObject
from connectors.postgresql.definitions import ColumnText, column_text, implied, reset, set_up
from connectors.postgresql.objects_keys import NOT_VALID, validated
from connectors.postgresql.objects_tables import View
from connectors.postgresql.statements import sql_name
from connectors.postgresql.types import literal
from connectors.schema import TableName, quoted

NEVER = Alteration((), (), additive=False)
"""It cannot become the other."""
RECOMPUTES = 170_000
"""The first version that lets a generated column be computed otherwise."""
INTEGERS = ("smallint", "integer", "bigint")
LIMITED = re.compile(r"(character varying|bit varying|numeric|timestamp|time)\((\d+)(?:,(\d+))?\)(.*)")
LABELS = re.compile(r"E?'(?:[^']|'')*'")
OPTION = re.compile(r"(START WITH|INCREMENT BY|MINVALUE|MAXVALUE|CACHE) -?\d+|(?:NO )?(CYCLE)")
USUAL = {
    "START WITH": "START WITH 1",
    "INCREMENT BY": "INCREMENT BY 1",
    "MINVALUE": "NO MINVALUE",
    "MAXVALUE": "NO MAXVALUE",
    "CACHE": "CACHE 1",
    "CYCLE": "NO CYCLE",
}
NAMED = re.compile(r'\(SEQUENCE NAME (?:"(?:[^"]|"")*"\.)?("(?:[^"]|"")*")')


def altered(there: SchemaObject, wanted: SchemaObject, version: int) -> Alteration:
    """For a server of that version."""
    kind, table = there.id.kind, there.id.table
    if kind is ObjectKind.COLUMN and table is not None:
        return column_altered(
            Place(table, there.id.name, version), column_text(there.definition), column_text(wanted.definition)
        )
    if kind is ObjectKind.SEQUENCE:
        change = there.drop[0].replace("DROP SEQUENCE IF EXISTS", "ALTER SEQUENCE", 1)
        return Alteration((f"{change} {wanted.definition}",), (f"{change} {there.definition}",), additive=False)
    if kind is ObjectKind.COMMENT:
        return Alteration(wanted.create, there.create, additive=True)
    if kind is ObjectKind.TYPE:
        return type_altered(there, wanted)
    if kind in (ObjectKind.TABLE, ObjectKind.SCHEMA):
        return NEVER
    if isinstance(there, View) and isinstance(wanted, View):
        up = replaced(there, wanted) or (*there.drop, *wanted.create)
        return Alteration(up, replaced(wanted, there) or (*wanted.drop, *there.create), additive=False)
    if table is not None and there.definition == wanted.definition + NOT_VALID:
        return Alteration((validated(table, there.id.name),), (*there.drop, *there.create), additive=False)
    plain = kind is ObjectKind.INDEX and not any(one.definition.startswith("UNIQUE") for one in (there, wanted))
    return Alteration((*there.drop, *wanted.create), (*wanted.drop, *there.create), additive=plain)


def replaced(there: View, wanted: View) -> tuple[str, ...]:
    """A view that takes another's place keeps its grants, what is said of it and what is made of it. It must have all its
    columns; others follow them."""
    if there.stored or wanted.stored or wanted.columns[: len(there.columns)] != there.columns:
        return ()
    return tuple(statement.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1) for statement in wanted.create)


def type_altered(there: SchemaObject, wanted: SchemaObject) -> Alteration:
    """An enum gets labels, and keeps them: there is no way back. Other types cannot be altered as a whole."""
    if " AS ENUM " not in there.definition or " AS ENUM " not in wanted.definition:
        return NEVER
    old, new = (LABELS.findall(one.definition.partition(" AS ENUM ")[2]) for one in (there, wanted))
    if [label for label in new if label in old] != old:
        return NEVER
    change = there.drop[0].replace("DROP", "ALTER", 1)
    first = f" BEFORE {old[0]}" if old else ""
    return Alteration(
        up=tuple(
            f"{change} ADD VALUE {label}{f' AFTER {new[place - 1]}' if place else first}"
            for place, label in enumerate(new)
            if label not in old
        ),
        down=(),
        additive=True,
    )


class Place:
    """A column, on a server of a version."""

    def __init__(self, table: TableName, column: str, version: int) -> None:
        self.table, self.column, self.version = table, column, version
        self.change = f"ALTER TABLE {sql_name(table)} ALTER COLUMN {quoted(column)}"

    def sequence(self, fill: str) -> str:
        """What an identity's sequence is called."""
        named = NAMED.search(fill)
        return named[1] if named else quoted(implied(self.table.name, self.column, "seq"))


def column_altered(place: Place, there: ColumnText, wanted: ColumnText) -> Alteration:
    if not (can_become(place, there, wanted) and can_become(place, wanted, there)):
        return NEVER
    wider = there.collation == wanted.collation and widens(there.type, wanted.type)
    filled = there.fill == wanted.fill or (there.fill is None and is_default(wanted.fill))
    return Alteration(
        up=tuple(steps(place, there, wanted)),
        down=tuple(steps(place, wanted, there)),
        additive=wider and filled and (there.not_null or not wanted.not_null),
    )


def is_default(fill: str | None) -> bool:
    return fill is not None and fill.startswith("DEFAULT ")


def is_identity(fill: str | None) -> bool:
    return fill is not None and re.match(r"GENERATED (ALWAYS|BY DEFAULT) AS IDENTITY", fill) is not None


def is_computed(fill: str | None) -> bool:
    return fill is not None and not is_default(fill) and not is_identity(fill)


def can_become(place: Place, old: ColumnText, new: ColumnText) -> bool:
    """A computed column stays one, and is computed otherwise where the server can."""
    if is_computed(old.fill) != is_computed(new.fill):
        return False
    return not is_computed(old.fill) or old.fill == new.fill or place.version >= RECOMPUTES


def unchanged(place: Place, old: str, new: str) -> str:
    """Fails, in the transaction that alters it, where a value would not be the same in the new type: a cast cuts and rounds
    without a word."""
    table, column = sql_name(place.table), quoted(place.column)
    changed = f"{column}::{new}::text::{old}::text IS DISTINCT FROM {column}::text"
    fails = f"IF EXISTS (SELECT FROM {table} WHERE {changed}) THEN RAISE data_exception; END IF"
    return f"DO {literal(f'BEGIN LOCK TABLE {table}; {fails}; END')}"


def steps(place: Place, old: ColumnText, new: ColumnText) -> Iterator[str]:
    retyped = (old.type, old.collation) != (new.type, new.collation)
    refilled = retyped or old.fill != new.fill
    if is_default(old.fill) and refilled:
        yield f"{place.change} DROP DEFAULT"
    if is_identity(old.fill) and not is_identity(new.fill):
        yield f"{place.change} DROP IDENTITY"
    if old.not_null and not new.not_null:
        yield f"{place.change} DROP NOT NULL"
    if retyped:
        if not (widens(old.type, new.type) or is_computed(new.fill)):
            yield unchanged(place, old.type, new.type)
        collation = f" COLLATE {new.collation}" if new.collation else ""
        using = "" if is_computed(new.fill) else f" USING {quoted(place.column)}::{new.type}"
        yield f"{place.change} TYPE {new.type}{collation}{using}"
    if is_computed(new.fill) and old.fill != new.fill:
        expression = (new.fill or "").removeprefix("GENERATED ALWAYS AS ").rpartition(" ")[0]
        yield f"{place.change} SET EXPRESSION AS {expression}"
    if is_default(new.fill) and refilled:
        yield f"{place.change} SET {new.fill}"
    if new.not_null and not old.not_null:
        yield f"{place.change} SET NOT NULL"
    yield from numbered(place, old.fill, new.fill)
    for setting in old.settings:
        if setting not in new.settings:
            yield reset(place.table, place.column, setting)
    for setting in new.settings:
        if setting not in old.settings:
            yield set_up(place.table, place.column, setting)


def numbered(place: Place, old: str | None, new: str | None) -> Iterator[str]:
    """An identity comes, or numbers otherwise."""
    if new is None or not is_identity(new) or old == new:
        return
    if old is None or not is_identity(old):
        yield f"{place.change} ADD {new}"
        return
    if place.sequence(old) != place.sequence(new):
        schema = f"{quoted(place.table.schema)}." if place.table.schema else ""
        yield f"ALTER SEQUENCE {schema}{place.sequence(old)} RENAME TO {place.sequence(new)}"
    said = {match[1] or match[2]: match[0] for match in OPTION.finditer(new.partition(" AS IDENTITY")[2])}
    options = " ".join(f"SET {option}" for option in (USUAL | said).values())
    word = "ALWAYS" if new.startswith("GENERATED ALWAYS") else "BY DEFAULT"
    yield f"{place.change} SET GENERATED {word} {options}"


def widens(old: str, new: str) -> bool:
    """Whether every value of the one type is one of the other, as it is."""
    if old == new:
        return True
    if old in INTEGERS and new in INTEGERS:
        return INTEGERS.index(old) < INTEGERS.index(new)
    if (old, new) in (("real", "double precision"), ("character varying", "text")):
        return True
    match = LIMITED.fullmatch(old)
    if match is None:
        return False
    word, limit, scale, tail = match.groups()
    if new == word + tail or (word == "character varying" and new == "text"):
        return True
    wider = LIMITED.fullmatch(new)
    return wider is not None and wider.group(1, 3, 4) == (word, scale, tail) and int(wider[2]) >= int(limit)
