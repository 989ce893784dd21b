"""How one object becomes another definition of it, and back; and whether rows and programs could mind."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.mysql.canonical import labels, numbers
from connectors.mysql.definitions import ColumnWords, column, options_of
from connectors.mysql.types import BITS, identifier
from connectors.objects import Alteration, ObjectKind, SchemaObject

UNALTERABLE = Alteration((), (), additive=False)
APART = (ObjectKind.FOREIGN_KEY, ObjectKind.CHECK)
"""The server does not drop and add one of the same name in one statement."""
SAID_ONLY = ("COMMENT=", "DEFAULT CHARSET=", "COLLATE=")
"""Options that say something about a table and change none of its rows."""
SAID = (SAID_ONLY, "COMMENT=")
RISING = (("tinytext", "text", "mediumtext", "longtext"), ("tinyblob", "blob", "mediumblob", "longblob"))
TYPE = re.compile(r"^(?P<base>\w+)(?:\([\d,]+\))?(?P<sign> unsigned)?$")


def altered(there: SchemaObject, wanted: SchemaObject) -> Alteration:
    kind = wanted.id.kind
    if kind is ObjectKind.TABLE:
        return _table(there, wanted)
    if kind is ObjectKind.COLUMN:
        before, after = column(there.definition, {}), column(wanted.definition, {})
        holds = _holds(before, after)
        return Alteration((_modify(wanted),), (_modify(there),), holds, holds or _refuses(before, after))
    if kind is ObjectKind.SEQUENCE:
        name = identifier(wanted.id.name)
        up, down = (f"ALTER SEQUENCE {name} {one.definition}" for one in (wanted, there))
        return Alteration((up,), (down,), additive=False)
    if kind is ObjectKind.VIEW:
        return Alteration(_replaced(wanted), _replaced(there), additive=False)
    if kind in APART:
        return Alteration((*there.drop, *wanted.create), (*wanted.drop, *there.create), additive=False)
    return Alteration((_exchange(there, wanted),), (_exchange(wanted, there),), additive=kind is ObjectKind.INDEX)


def _modify(one: SchemaObject) -> str:
    assert one.id.table is not None
    return f"ALTER TABLE {identifier(one.id.table.name)} MODIFY COLUMN {one.definition}"


def _replaced(view: SchemaObject) -> tuple[str, ...]:
    *settings, create = view.create
    return (*settings, f"CREATE OR REPLACE {create.removeprefix('CREATE ')}")


def _exchange(going: SchemaObject, coming: SchemaObject) -> str:
    """One key for another in one statement: the table is never without."""
    assert coming.id.table is not None
    [drop], [create] = going.drop, coming.create
    start = f"ALTER TABLE {identifier(coming.id.table.name)} "
    return f"{drop}, {create.removeprefix(start)}"


def _table(there: SchemaObject, wanted: SchemaObject) -> Alteration:
    """What is only said of a table can be said anew; how it is stored cannot be altered."""
    (before, form), (after, wanted_form) = options_of(there.definition), options_of(wanted.definition)
    stored, texts = ([[one for one in each if not one.startswith(start)] for each in (before, after)] for start in SAID)
    if form != wanted_form or stored[0] != stored[1]:
        return UNALTERABLE
    name = identifier(wanted.id.name)
    up, down = (f"ALTER TABLE {name} {_said(options)}" for options in (after, before))
    return Alteration((up,), (down,), additive=texts[0] == texts[1])


def _said(options: Sequence[str]) -> str:
    said = [option for option in options if option.startswith(SAID_ONLY)]
    return " ".join(said if any(option.startswith("COMMENT=") for option in said) else [*said, "COMMENT=''"])


def _holds(before: ColumnWords, after: ColumnWords) -> bool:
    """Whether every value of the one fits the other as it is, and nothing that a program may do is refused now."""
    free = ("DEFAULT", "NULL", "COMMENT", "INVISIBLE")
    rest = [
        [clause for clause in words.clauses if clause != "NOT NULL" and clause.split(" ", 1)[0] not in free]
        for words in (before, after)
    ]
    defaulted = bool(after.clause("DEFAULT")) or after.nullable or after.counts or not before.clause("DEFAULT")
    shown = "INVISIBLE" in before.clauses or "INVISIBLE" not in after.clauses
    return (
        rest[0] == rest[1]
        and (after.nullable or not before.nullable)
        and defaulted
        and shown
        and not (before.computed and before.type != after.type)
        and (before.type == after.type or _wider(before.type, after.type))
    )


def _refuses(old: ColumnWords, new: ColumnWords) -> bool:
    """Whether the server, which is strict with us, refuses what a column has no place for. It rounds what is of another
    type, puts the time where a timestamp may not be NULL any more, and a number where a counter may not."""
    before, after = old.type, new.type
    one, other = TYPE.match(before), TYPE.match(after)
    if (new.counts and not old.counts) or (before.startswith("timestamp") and old.nullable and not new.nullable):
        return False
    if before == after or (before.startswith("enum(") and after.startswith("enum(")):
        return True
    if one is None or other is None:
        return False
    base, wanted = one["base"], other["base"]
    if base == wanted == "decimal":
        return (numbers(before)[1] or 0) <= (numbers(after)[1] or 0)
    texts, bytes_ = ({"varchar", *RISING[0]}, {"varbinary", *RISING[1]})
    return any({base, wanted} <= family for family in (BITS.keys(), texts, bytes_))


def _wider(before: str, after: str) -> bool:
    """Whether a type takes every value of another without changing it. The character set is the same."""
    if before.startswith("enum(") and after.startswith("enum("):
        return labels(after)[: len(labels(before))] == labels(before)
    one, other = TYPE.match(before), TYPE.match(after)
    if one is None or other is None:
        return False
    base, wide, signs = one["base"], other["base"], (one["sign"], other["sign"])
    if base in BITS and wide in BITS:
        return BITS[wide] > BITS[base] and (signs[0] == signs[1] or bool(signs[0]))
    if any(base in row and wide in row and row.index(base) < row.index(wide) for row in RISING):
        return True
    first, second = numbers(before), numbers(after)
    if base == wide == "decimal":
        return signs[0] == signs[1] and (first[0] or 0) < (second[0] or 0) and first[1] == second[1]
    return base == wide and base in ("varchar", "varbinary") and (first[0] or 0) < (second[0] or 0)
