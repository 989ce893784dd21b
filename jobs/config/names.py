"""Names as people write them: `[schema.]table[.column]`, a part in double quotes where it is not a plain word.

users        public.users        "Odd.Name"."col""umn"
"""

from __future__ import annotations

import re
from typing import TypeAlias

ColumnName: TypeAlias = "tuple[str | None, str, str]"
"""(schema or None, table, column)"""

_PART = re.compile(r'"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^\W\d][\w$]*)')


class BadName(ValueError):
    """A name that cannot be read; the message says what to write."""


def parse_table(text: str) -> tuple[str | None, str]:
    """`[schema.]table` → (schema or None, table). Raises BadName."""
    parts = _parts(text, "[schema.]table")
    if len(parts) > 2:
        raise BadName(f"{text!r} has {len(parts)} parts: a table is written [schema.]table")
    return (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def parse_column(text: str) -> ColumnName:
    """`[schema.]table.column` → (schema or None, table, column). Raises BadName."""
    parts = _parts(text, "[schema.]table.column")
    if len(parts) not in (2, 3):
        count = "one part" if len(parts) == 1 else f"{len(parts)} parts"
        raise BadName(f"{text!r} has {count}: a column is written [schema.]table.column")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else (None, parts[0], parts[1])


def _parts(text: str, form: str) -> list[str]:
    parts, at = [], 0
    while found := _PART.match(text, at):
        quoted, plain = found.group("quoted", "plain")
        parts.append(plain if quoted is None else quoted.replace('""', '"'))
        at = found.end()
        if at == len(text):
            return parts
        if text[at] != ".":
            break
        at += 1
    raise BadName(f"{text!r} is not a name: write {form}, with double quotes around a part that is not a plain word")
