"""Names as people write them: `[schema.]table[.column]`, a part in double quotes where it is not a plain word.

users        public.users        "Odd.Name"."col""umn"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

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


def parse_name(text: str) -> str:
    """A column alone → its plain name. Raises BadName."""
    parts = _parts(text, "a column")
    if len(parts) > 1:
        raise BadName(f"{text!r} has {len(parts)} parts: here a column is written alone, without its table")
    return parts[0]


def _written(parse: Callable[[str], Any]) -> AfterValidator:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


TableText: TypeAlias = Annotated[str, _written(parse_table)]
ColumnText: TypeAlias = Annotated[str, _written(parse_column)]
NameText: TypeAlias = Annotated[str, _written(parse_name)]
"""Names in settings: kept as they were written, and known to be readable."""


def once(texts: Iterable[str], parse: Callable[[str], object], what: str) -> None:
    """Raises ValueError where two texts are one name."""
    seen: dict[object, str] = {}
    for text in texts:
        name = parse(text)
        if name in seen:
            raise ValueError(f"{seen[name]} and {text} are the same {what}: keep one of them")
        seen[name] = text


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
