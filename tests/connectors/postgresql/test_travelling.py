"""A table as tasks get it: small, however many partitions, columns and types it has."""

from __future__ import annotations

import pickle

from connectors.contract import TableCopy
from connectors.postgresql.catalog import Detail
from connectors.postgresql.statements import Leaf
from connectors.postgresql.types import PgType, TypeDefinition
from connectors.schema import Column, Key, Kind, Table, TableName

MANY = 5_000


def table(leaves: int, columns: int) -> Table:
    """Each column of an enum that needs a statement of its own."""
    shaped = [
        Column(
            f"column_{number}",
            PgType(
                "public.colour", Kind.OTHER, base="colour", needs=(TypeDefinition("c", "public", f"-- {number}" * 99),)
            ),
        )
        for number in range(columns)
    ]
    parts = tuple(Leaf(number, TableName("public", f"events_{number}"), 1, 1, 1) for number in range(leaves))
    keys = tuple(Key((f"column_{number}", f"column_{number + 1}")) for number in range(columns - 1))
    notes = (f"partitioned: its {leaves} partitions are copied as one table",)
    return Table(TableName("public", "events"), tuple(shaped), uniques=keys, notes=notes, detail=Detail(1, True, parts))


def size(source: Table, target: Table) -> int:
    return len(pickle.dumps(TableCopy(0, source, target, target.name, None, None)))


def test_five_thousand_partitions_weigh_nothing() -> None:
    source, target = table(MANY, 4), table(MANY, 4)
    assert size(source, target) > 1 << 19
    assert size(source.for_tasks(), target.for_tasks()) < 1 << 12


def test_the_widest_table_stays_far_below_a_mebibyte() -> None:
    source, target = table(MANY, 1_600), table(MANY, 1_600)
    assert size(source.for_tasks(), target.for_tasks()) < 1 << 19


def test_names_types_and_what_is_computed_stay() -> None:
    full = table(3, 5)
    slim = full.for_tasks()
    assert slim.name == full.name
    assert [(c.name, c.type.native, c.generated) for c in slim.columns] == [
        (c.name, c.type.native, c.generated) for c in full.columns
    ]
