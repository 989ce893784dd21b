"""Schema objects of no engine, for tests of what is the same for all."""

from __future__ import annotations

from typing import Any

from connectors.objects import Alteration, ObjectId, ObjectKind, SchemaObject
from connectors.schema import TableName


def thing(kind: ObjectKind, name: str, of: TableName | None = None, **more: Any) -> SchemaObject:
    given: dict[str, Any] = {
        "definition": f"{kind.value} {name}",
        "create": (f"make {kind.value} {name}",),
        "drop": (f"drop {kind.value} {name}",),
        **more,
    }
    return SchemaObject(ObjectId(kind, of, name), **given)


def table(name: TableName, *parents: TableName) -> SchemaObject:
    needs = tuple(ObjectId(ObjectKind.TABLE, parent, str(parent)) for parent in parents)
    return thing(ObjectKind.TABLE, str(name), name, needs=needs)


def column(of: TableName, name: str, **more: Any) -> SchemaObject:
    return thing(ObjectKind.COLUMN, name, of, inline=True, **more)


def index(of: TableName, name: str, **more: Any) -> SchemaObject:
    return thing(ObjectKind.INDEX, name, of, **more)


def key(of: TableName, name: str, to: TableName) -> SchemaObject:
    return thing(ObjectKind.FOREIGN_KEY, name, of, needs=(ObjectId(ObjectKind.TABLE, to, str(to)),))


def view(name: str, *over: TableName) -> SchemaObject:
    return thing(ObjectKind.VIEW, name, needs=tuple(ObjectId(ObjectKind.TABLE, one, str(one)) for one in over))


def altered(there: SchemaObject, wanted: SchemaObject) -> Alteration:
    """What begins with `wide` takes anything; a table cannot be altered."""
    if there.id.kind is ObjectKind.TABLE:
        return Alteration((), (), False)
    up, down = (f"alter {there.id} to {wanted.definition}",), (f"alter {there.id} to {there.definition}",)
    return Alteration(up, down, wanted.definition.startswith("wide"))
