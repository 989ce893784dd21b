"""A CREATE TABLE or CREATE INDEX taken apart by SQLite's own grammar: what no PRAGMA tells stands only there.

Expressions are passed on word for word. What does not follow the grammar is refused, never guessed: SQLite itself would not
open a file with such a statement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from connectors.schema import Action
from connectors.sqlite.tokens import folded, normal, tokens
from connectors.sqlite.words import Part, Words

ACTIONS: tuple[Action, ...] = ("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")
CONFLICTS = ("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE")
CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
CLAUSES = frozenset(
    {"CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "AS", "DEFERRABLE"}
)
"""Reserved words that end a column's type."""
CONSTANTS = frozenset({"NULL", "TRUE", "FALSE"})
TERMS = CONSTANTS | {"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"}
"""Words that are values; any other word behind DEFAULT is taken for a text."""


@dataclass(frozen=True)
class Default:
    sql: str
    constant: bool
    """SQLite can put it into rows that are there."""


@dataclass(frozen=True)
class ColumnWords:
    name: str
    type: str
    not_null: str = ""
    """The clause, with what happens on a conflict."""
    collation: str | None = None
    default: Default | None = None
    generated: str | None = None
    """The expression, without its parentheses."""
    stored: bool = False
    added: str = ""
    """What stands behind its name, word for word, but for PRIMARY KEY and UNIQUE, which SQLite adds to no table."""


@dataclass(frozen=True)
class KeyWords:
    kind: Literal["PRIMARY KEY", "UNIQUE"]
    parts: tuple[Part, ...]
    conflict: str = ""
    autoincrement: bool = False
    beside: str | None = None
    """The column it is written beside; None: it has a line of its own."""
    name: str | None = None
    """Its own, which changes nothing."""


@dataclass(frozen=True)
class CheckWords:
    name: str | None
    expression: str
    conflict: str = ""
    beside: str | None = None


@dataclass(frozen=True)
class ReferenceWords:
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...] = ()
    """Empty: the primary key."""
    on_delete: Action = "NO ACTION"
    on_update: Action = "NO ACTION"
    deferrable: Literal["", "immediate", "deferred"] = ""
    beside: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class TableWords:
    columns: tuple[ColumnWords, ...]
    keys: tuple[KeyWords, ...]
    checks: tuple[CheckWords, ...]
    references: tuple[ReferenceWords, ...]

    @property
    def primary_key(self) -> KeyWords | None:
        return next((key for key in self.keys if key.kind == "PRIMARY KEY"), None)


@dataclass(frozen=True)
class IndexWords:
    parts: tuple[Part, ...]
    where: str | None


@lru_cache(maxsize=4096)
def table_words(statement: str) -> TableWords:
    """Raises Unsupported. A run looks at its tables several times."""
    return _TableParser(statement).table()


def index_words(statement: str) -> IndexWords:
    """Raises Unsupported."""
    words = Words(statement)
    words.expect("CREATE")
    words.takes("UNIQUE")
    words.expect("INDEX")
    words.name()
    words.expect("ON")
    words.name()
    parts = words.listed(words.part)
    where = words.rest() if words.takes("WHERE") else None
    words.end()
    return IndexWords(parts, where)


class _TableParser(Words):
    """CREATE TABLE, clause by clause."""

    def __init__(self, statement: str) -> None:
        super().__init__(statement)
        self._columns: list[ColumnWords] = []
        self._keys: list[KeyWords] = []
        self._checks: list[CheckWords] = []
        self._references: list[ReferenceWords] = []
        self._called: str | None = None
        """The last CONSTRAINT's name: SQLite gives it to all CHECKs that follow up to the next comma."""
        self._own: str | None = None
        """The same, of what follows at once."""

    def table(self) -> TableWords:
        self.expect("CREATE", "TABLE")
        self.name()
        self.expect("(")
        while not self.sees(")"):
            self._called = None
            if any(map(self.sees, CONSTRAINTS)):
                self._constraints()
            else:
                self._column()
            if not self.takes(",") and not self.sees(")"):
                raise self.refusal()
        self.expect(")")
        while self.takes("WITHOUT", "ROWID") or self.takes("STRICT") or self.takes(","):
            pass
        self.end()
        return self._spelt()

    def _spelt(self) -> TableWords:
        """What was found, with columns named as their own definitions spell them."""
        names = {folded(column.name): column.name for column in self._columns}

        def spelt(name: str) -> str:
            return names.get(folded(name), name)

        keys = [
            replace(key, parts=tuple(p if p.name is None else replace(p, name=spelt(p.name)) for p in key.parts))
            for key in self._keys
        ]
        references = [replace(key, columns=tuple(map(spelt, key.columns))) for key in self._references]
        return TableWords(tuple(self._columns), tuple(keys), tuple(self._checks), tuple(references))

    def _column(self) -> None:
        name, start = self.name(), self.at
        column = ColumnWords(name, self._type())
        added = [self.since(start)]
        while not self.sees(",") and not self.sees(")"):
            start = self.at
            self._own = None
            if self.takes("CONSTRAINT"):
                self._called = self._own = self.name()
                if self.sees(",") or self.sees(")"):
                    break
            keys = len(self._keys)
            column = self._clause(column)
            if len(self._keys) == keys:
                added.append(self.since(start))
        self._columns.append(replace(column, added=" ".join(filter(None, added))))

    def _type(self) -> str:
        start = self.at
        while (token := self.peek()) is not None and token.names and token.keyword not in CLAUSES:
            if self.sees("GENERATED", "ALWAYS", "AS"):
                break
            self.token()
        if self.at > start and self.sees("("):
            self.inside()
        return normal(self.since(start)).upper()

    def _clause(self, column: ColumnWords) -> ColumnWords:
        beside = column.name
        if self.takes("PRIMARY", "KEY"):
            part = Part(beside, descending=self.descends())
            conflict = self._conflict()
            self._keys.append(KeyWords("PRIMARY KEY", (part,), conflict, self.takes("AUTOINCREMENT"), beside))
        elif self.takes("UNIQUE"):
            self._keys.append(KeyWords("UNIQUE", (Part(beside),), self._conflict(), beside=beside, name=self._own))
        elif self.takes("CHECK"):
            self._checks.append(CheckWords(self._called, self.inside(), beside=beside))
        elif self.takes("REFERENCES"):
            self._references.append(self._reference((beside,), beside))
        elif self.sees("DEFERRABLE") or self.sees("NOT", "DEFERRABLE"):
            self._references[-1:] = [replace(last, deferrable=self._deferral()) for last in self._references[-1:]]
        elif self.takes("NOT", "NULL"):
            return replace(column, not_null="NOT NULL" + self._conflict())
        elif self.takes("NULL"):
            self._conflict()
        elif self.takes("DEFAULT"):
            return replace(column, default=self._default())
        elif self.takes("COLLATE"):
            return replace(column, collation=self.name())
        elif self.takes("GENERATED", "ALWAYS", "AS") or self.takes("AS"):
            return replace(column, generated=self.inside(), stored=self._stored())
        else:
            raise self.refusal()
        return column

    def _constraints(self) -> None:
        """Those up to the next comma: SQLite needs none between two."""
        while not self.sees(",") and not self.sees(")"):
            if self.takes("CONSTRAINT"):
                self._called = self._own = self.name()
                continue
            if self.takes("PRIMARY", "KEY"):
                self.expect("(")
                parts = [self.part()]
                while self.takes(","):
                    parts.append(self.part())
                counted = self.takes("AUTOINCREMENT")
                self.expect(")")
                self._keys.append(KeyWords("PRIMARY KEY", tuple(parts), self._conflict(), counted))
            elif self.takes("UNIQUE"):
                self._keys.append(KeyWords("UNIQUE", self.listed(self.part), self._conflict(), name=self._own))
            elif self.takes("CHECK"):
                self._checks.append(CheckWords(self._called, self.inside(), self._conflict()))
            else:
                self.expect("FOREIGN", "KEY")
                columns = self.listed(self._indexed)
                self.expect("REFERENCES")
                self._references.append(self._reference(columns, None))
            self._own = None

    def _indexed(self) -> str:
        name = self.part().name
        if name is None:
            raise self.refusal()
        return name

    def _stored(self) -> bool:
        if self.takes("VIRTUAL"):
            return False
        return self.takes("STORED")

    def _conflict(self) -> str:
        if not self.takes("ON", "CONFLICT"):
            return ""
        found = self.token().keyword
        if found not in CONFLICTS:
            raise self.refusal()
        return "" if found == "ABORT" else f" ON CONFLICT {found}"

    def _reference(self, columns: tuple[str, ...], beside: str | None) -> ReferenceWords:
        parent = self.name()
        named = self.listed(self._indexed) if self.sees("(") else ()
        found = ReferenceWords(columns, parent, named, beside=beside, name=self._own)
        while True:
            if self.takes("ON", "DELETE"):
                found = replace(found, on_delete=self._action())
            elif self.takes("ON", "UPDATE"):
                found = replace(found, on_update=self._action())
            elif self.takes("ON", "INSERT"):
                self._action()
            elif self.takes("MATCH"):
                self.name()
            elif self.sees("DEFERRABLE") or self.sees("NOT", "DEFERRABLE"):
                found = replace(found, deferrable=self._deferral())
            else:
                return found

    def _action(self) -> Action:
        for action in ACTIONS:
            if self.takes(*action.split()):
                return action
        raise self.refusal()

    def _deferral(self) -> Literal["", "immediate", "deferred"]:
        never = self.takes("NOT")
        self.expect("DEFERRABLE")
        late = self.takes("INITIALLY", "DEFERRED")
        if not late:
            self.takes("INITIALLY", "IMMEDIATE")
        return "" if never else "deferred" if late else "immediate"

    def _default(self) -> Default:
        if self.sees("("):
            expression = self.inside()
            return Default(expression, constant(expression))
        start = self.at
        signed = self.takes("-") or self.takes("+")
        term = self.token()
        if signed or term.kind == "value" or term.text.startswith("'") or term.keyword in TERMS:
            said = self.since(start)
        elif term.names:
            said = "'" + term.name.replace("'", "''") + "'"
        else:
            raise self.refusal()
        return Default(said, constant(said))


def constant(expression: str) -> bool:
    """Whether it is one value as it stands."""
    found = list(tokens(expression))
    while len(found) > 1 and found[0].text in ("-", "+"):
        del found[0]
    if len(found) != 1:
        return False
    [value] = found
    return value.kind == "value" or value.text.startswith("'") or value.keyword in CONSTANTS
