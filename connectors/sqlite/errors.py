"""What SQLite reports, in the project's own words: result code → class, sentence, advice. Never SQLite's own text.

Python 3.10 gives no result code with an error, so each row also names the fixed words SQLite starts that message with.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import AbstractContextManager

from connectors.errors import (
    Busy,
    ConnectionLost,
    ConnectorError,
    Locked,
    NotFound,
    PermissionMissing,
    SourceChanged,
    TargetFull,
    TerminalError,
    Unsupported,
    ValueRefused,
    translating,
)

Verdict = tuple[str, str, type[ConnectorError], str, str]

VERDICTS: tuple[Verdict, ...] = (
    ("SQLITE_BUSY", "database is locked", Locked, "the file is locked by another program", "end that program's transaction"),
    ("SQLITE_LOCKED", "database table is locked", Busy, "the table is locked by another program", "try again"),
    ("SQLITE_FULL", "database or disk is full", TargetFull, "there is no space left for the file", "make room on its disk"),
    ("SQLITE_IOERR_WRITE", "disk I/O error", TargetFull, "the file cannot be written: disk, quota or size limit",
     "make room on its disk"),
    ("SQLITE_IOERR", "disk I/O error", ConnectionLost, "the file cannot be read or written", "check the disk it is on"),
    ("SQLITE_READONLY_ROLLBACK", "", Unsupported, "a program died while it wrote this file, and it needs repair",
     "open it once with a program that may write to it"),
    ("SQLITE_READONLY_DIRECTORY", "", PermissionMissing, "the folder of the file cannot be written",
     "allow the user to: SQLite keeps a journal or a log (WAL) beside the file"),
    ("SQLITE_READONLY", "attempt to write a readonly", PermissionMissing, "the file or its folder cannot be written",
     "allow the user to write to both"),
    ("SQLITE_PERM", "access permission denied", PermissionMissing, "the file may not be opened", "allow the user to"),
    ("SQLITE_AUTH", "not authorized", PermissionMissing, "this is not allowed here", ""),
    ("SQLITE_CANTOPEN", "unable to open", PermissionMissing, "the file cannot be opened",
     "the user needs the file, and write access to its folder where a log of changes is kept there (WAL)"),
    ("SQLITE_NOTADB", "file is not a database", Unsupported, "this is not an SQLite database, or it is encrypted",
     "check the path"),
    ("SQLITE_CORRUPT", "database disk image", TerminalError, "the file is damaged", "see what PRAGMA integrity_check says"),
    ("SQLITE_TOOBIG", "string or blob too big", ValueRefused, "a value is larger than SQLite takes", ""),
    ("SQLITE_MISMATCH", "datatype mismatch", ValueRefused, "a value of another type than the key takes", ""),
    ("SQLITE_NOMEM", "out of memory", Busy, "there is no memory left", "try again with less running"),
    ("SQLITE_INTERRUPT", "interrupted", ConnectionLost, "the statement was interrupted", ""),
    ("SQLITE_SCHEMA", "database schema has changed", SourceChanged, "a table changed its form meanwhile", "run again"),
)  # fmt: skip

CONSTRAINTS = {
    "UNIQUE": "two rows have the same value in a unique column",
    "NOT NULL": "a row has no value in a NOT NULL column",
    "CHECK": "a row does not pass a CHECK",
    "FOREIGN KEY": "a row references a row that is not there",
    "cannot store": "a value has another type than the column of a STRICT table takes",
}

MISSING = re.compile(r"no such (table|column|index|view|trigger|function|collation sequence|module): (.*)")
TAKEN = re.compile(
    r"(?:(?:table|index|view|trigger) (.+) already exists|there is already an? \w+ named (.+)|duplicate column name: (.+))\Z"
)
NEEDED = re.compile(r"error in (\w+) (.+) after drop column")
ROWS = "cannot add a "
EVALUATED = ("malformed JSON", "integer overflow", "JSON path error", "bad JSON path")
"""What functions in an index, a CHECK or a generated column say of a row's value. What follows may be that value."""
IDENTIFIERS = re.compile(r"(?:UNIQUE|NOT NULL) constraint failed: (.*)")


def translate(error: sqlite3.Error, where: str = "") -> ConnectorError:
    """The connector error for an error of the driver."""
    name, text = str(getattr(error, "sqlite_errorname", "")), str(error)
    broken = name.startswith("SQLITE_CONSTRAINT") or isinstance(error, sqlite3.IntegrityError)
    if broken or text.startswith("CHECK constraint failed"):  # ALTER TABLE reports that one as a plain error
        words = next((said for word, said in CONSTRAINTS.items() if text.startswith(word)), "a row breaks a constraint")
        column = IDENTIFIERS.match(text)  # names of columns, never values
        todo = "see the target's constraints" + (f" on {column[1]}" if column else "")
        return ValueRefused(words, where=where, todo=todo, code=name)
    if text.startswith(EVALUATED):
        what = "an expression of the schema cannot be computed for a row"
        return ValueRefused(what, where=where, todo="see the table's indexes, CHECKs and generated columns", code=name)
    for code, start, kind, what, todo in VERDICTS:
        if name.startswith(code) or (not name and start and text.startswith(start)):
            return kind(what, where=where, todo=todo, code=name)
    missing = MISSING.match(text)
    if missing:
        kind = Unsupported if missing[1] in ("function", "collation sequence", "module") else NotFound
        return kind(
            f"there is no {missing[1]} {re.sub('^(main|source)[.]', '', missing[2])} here", where=where, code=name
        )
    return _definition(text, where, name) or TerminalError(
        "SQLite refuses a statement", where=where, todo="please report this", code=name or "SQLITE_ERROR"
    )


def _definition(text: str, where: str, code: str) -> ConnectorError | None:
    """What is said of definitions only."""
    if taken := TAKEN.match(text):
        name = next(filter(None, taken.groups()))
        return TerminalError(
            f"{name} is there already", where=where, todo="drop or rename what is in the way", code=code
        )
    if needed := NEEDED.match(text):
        return Unsupported(
            f"{needed[1]} {needed[2]} needs the column", where=where, todo=f"drop the {needed[1]} first", code=code
        )
    if text.lower().startswith(ROWS):
        return Unsupported("SQLite adds such a column to no table that has rows", where=where,
                           todo="give it a constant default, or allow NULL", code=code)  # fmt: skip
    return None


def translated(where: str = "") -> AbstractContextManager[None]:
    """Driver errors inside the block leave it as connector errors that name `where`."""
    return translating(sqlite3.Error, translate, where)
