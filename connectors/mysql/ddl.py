"""CREATE TABLE for a table of the source, why it would fail, and why rows do not fit a table that is there.

Texts whose collation is not the source's own get one that tells all of them apart, blanks at their end included.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.errors import ConnectorError
from connectors.mysql.catalog import TRANSACTIONAL, detail
from connectors.mysql.forbidden import creates
from connectors.mysql.limits import exceeded
from connectors.mysql.privileges import grants
from connectors.mysql.session import Session
from connectors.mysql.types import UNICODE, identifier, type_of
from connectors.schema import Column, Table

YOUNG = {"uuid": "MariaDB 10.7", "inet4": "MariaDB 10.10", "inet6": "MariaDB 10.5"}
"""Types that not every server has, and who has them."""

TELLING = ("utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin")
"""Collations by which texts are equal only where their bytes are, the best first: the last one leaves blanks at the end out."""


def telling(session: Session) -> str:
    """The best of TELLING that the server has."""
    known = _collations(session)
    return next((name for name in TELLING if name in known), TELLING[-1])


def statement(table: Table, collation: str) -> str:
    """Columns, types, NOT NULL, primary key and counters; `collation` is for texts of another engine's."""
    about = detail(table)
    expressions, prefixes = dict(about.expressions), dict(about.prefixes)
    parts = [
        _column(
            column,
            collation,
            expressions.get(column.name),
            column.name in about.hidden,
            column.name in table.primary_key,
        )
        for column in table.columns
    ]
    if table.primary_key:
        keys = (identifier(name) + (f"({prefixes[name]})" if name in prefixes else "") for name in table.primary_key)
        parts.append(f"PRIMARY KEY ({', '.join(keys)})")
    counters = [
        column.name for column in table.columns if column.counter and column.name != (*table.primary_key, "")[0]
    ]
    parts += [f"KEY ({identifier(name)})" for name in counters]  # no counter without an index that begins with it
    behind = f"ENGINE = {TRANSACTIONAL}{counting(table)}"
    return f"CREATE TABLE IF NOT EXISTS {identifier(table.name.name)} ({', '.join(parts)}) {behind}"


def counting(table: Table) -> str:
    """Where its counter begins or goes on, if not at 1."""
    starts = [
        max(column.counting.start if column.counting else 1, (column.reached or 0) + 1)
        for column in table.columns
        if column.counter
    ]
    return "".join(f" AUTO_INCREMENT={start}" for start in starts if start > 1)


def staging(table: Table, name: str) -> str:
    """The same columns and types, but nothing that refuses or computes."""
    parts = [f"{typed(column, '')} NULL" for column in table.copied]
    return f"CREATE TABLE {identifier(name)} ({', '.join(parts)}) ENGINE = {TRANSACTIONAL}"


def _column(column: Column, collation: str, expression: str | None, hidden: bool, keyed: bool) -> str:
    words = [typed(column, collation)]
    if expression is not None:
        words.append(f"GENERATED ALWAYS AS {expression}")
    else:
        words.append("NULL" if column.nullable and not (column.counter or keyed) else "NOT NULL")
        words.append("AUTO_INCREMENT" * bool(column.counter))
    return " ".join(word for word in [*words, "INVISIBLE" * hidden] if word)


def typed(column: Column, collation: str) -> str:
    type_ = type_of(column)
    charset = ""
    if type_.charset and type_.base != "json":
        named = type_.collation or (collation if collation.startswith(type_.charset) else "")
        charset = f" CHARACTER SET {type_.charset}" + (f" COLLATE {named}" if named else "")
    return f"{identifier(column.name)} {type_.native}{charset}"


def obstacles(session: Session, table: Table) -> Iterator[str]:
    """Why `create` would not succeed for this table: a sentence each."""
    granted = grants(session)
    if not granted.may("CREATE", table.name.name):
        yield creates(granted)
    if table.detail is None:
        yield from exceeded(table, dict(session.rows(WIDTHS)), hashes=hashes(session))
    known = _collations(session)
    for column in table.columns:
        type_ = type_of(column)
        if type_.collation and type_.collation not in known:
            yield f"column {column.name}: the server has no collation {type_.collation}"
        if type_.base in YOUNG and not _casts(session, type_.base):
            yield f"column {column.name}: the server has no type {type_.native} ({YOUNG[type_.base]} has)"
    if any("ROW " in text and column.generated for column, text in _clauses(table)):
        yield "it names the columns of its versions itself: make it by hand"


def hashes(session: Session) -> bool:
    """Whether the server makes unique keys of texts without end."""
    return session.flavour == "MariaDB" and session.version >= (10, 4)


WIDTHS = "SELECT character_set_name, maxlen FROM information_schema.character_sets"


def _collations(session: Session) -> set[str]:
    found = {name for (name,) in session.rows("SELECT collation_name FROM information_schema.collations")}
    return found | {full for (full,) in _full_names(session)}


def _full_names(session: Session) -> list[tuple[str]]:
    """Newer MariaDB lists collations without their character set, and with it elsewhere."""
    try:
        return [
            (name,)
            for (name,) in session.rows(
                "SELECT full_collation_name FROM information_schema.collation_character_set_applicability"
            )
        ]
    except ConnectorError as error:
        if error.retryable:
            raise
        return []


def _casts(session: Session, base: str) -> bool:
    try:
        session.rows(f"SELECT CAST(NULL AS {base})")
    except ConnectorError as error:
        if error.retryable:
            raise
        return False
    return True


def _clauses(table: Table) -> Iterator[tuple[Column, str]]:
    expressions = dict(detail(table).expressions)
    return ((column, expressions[column.name]) for column in table.columns if column.name in expressions)


def differences(source: Table, target: Table) -> Iterator[str]:
    """Why rows of `source` cannot go into `target` unchanged."""
    theirs = {column.name.lower(): column for column in target.columns}
    wanted = {column.name.lower() for column in source.columns}
    about = detail(target)
    if about.engine != TRANSACTIONAL:
        yield f"its engine is {about.engine}, which knows no transactions: ALTER TABLE … ENGINE = {TRANSACTIONAL}"
    for column in source.columns:
        other = theirs.get(column.name.lower())
        if other is not None:
            yield from _column_differences(column, other, source.may_be_null(column))
        elif not column.generated:
            yield f"column {column.name} is missing"
    for column in target.columns:
        needed = not column.nullable and not column.generated and column.name not in about.defaults
        if needed and column.name.lower() not in wanted:
            yield f"column {column.name} is NOT NULL without a default and the source has no such column"
    ours = {column.name.lower(): text for column, text in _clauses(source)}
    for column, text in _clauses(target):
        if ours.get(column.name.lower(), text) != text:
            yield f"column {column.name} is computed differently"


def _column_differences(source: Column, target: Column, null: bool) -> Iterator[str]:
    if source.generated != target.generated:
        generated, plain = ("source", "target") if source.generated else ("target", "source")
        yield f"column {source.name} is computed by the {generated} but not by the {plain}"
        return
    ours, theirs = type_of(source), type_of(target)
    if _plain(ours.native) != _plain(theirs.native):
        yield f"column {source.name} is {theirs.native} here but {ours.native} in the source"
    elif ours.charset != theirs.charset and theirs.charset not in (UNICODE - {"utf8mb3", "utf8", "ucs2"}):
        yield f"column {source.name} has texts in {theirs.charset} here but in {ours.charset} in the source"
    if null and not target.nullable and not source.generated:
        yield f"column {source.name} is NOT NULL here but may be NULL in the source"


def _plain(native: str) -> str:
    """A type without what is for show only."""
    return native.replace("tinyint(1)", "tinyint")
