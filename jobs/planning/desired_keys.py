"""Indexes, unique keys, CHECKs and foreign keys of a table of one engine in another's terms, and what is lost on the way.

A key or a CHECK is made where it means the same; an index, which tells no rows apart, where it helps. What is left out or
becomes something else is a finding that names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from sqlglot import exp

from connectors import expressions
from connectors.expressions import Term, Terms, Untranslatable, condition, expression
from connectors.grammar import Grammar
from connectors.schema import Action, Check, ForeignKey, Index, IndexPart, Table, TableName
from connectors.types import Canonical, Family
from jobs.planning.crossing import Projection
from jobs.planning.desired_columns import Computed
from jobs.planning.findings import Finding, warning

PREFIX = 255
"""Characters of a text that count in an index where the whole text cannot."""
UTF8 = 4
"""Bytes of a character, at most."""
LISTED = (Family.TEXT, Family.BINARY)
EQUAL_ONLY = "hash"
"""The one other kind of index that an ordinary one can stand in for."""


@dataclass(frozen=True)
class Crossing:
    """One table on its way: what its own words are about, and whose words they become."""

    where: str
    """The source's environment and table, for people."""
    table: Table
    way: Projection
    terms: Terms
    source: Grammar
    target: Grammar
    findings: list[Finding] = field(default_factory=list, compare=False)
    computed: Mapping[str, Computed] = field(default_factory=dict)
    """Its generated columns that the target computes too."""

    def lost(self, name: str, what: str, todo: str = "") -> None:
        self.findings.append(warning(f"{self.where}: {name}", what, todo))

    def column(self, name: str) -> Term:
        """A column that indexes may be over: any that is copied. Raises Untranslatable."""
        if name in self.computed:
            return self.computed[name].term
        for one in self.way.fields:
            if one.source == name:
                return Term(one.target, one.given, one.wanted, values=one.values)
        raise Untranslatable(f"it reads {name}, which is not copied")


def indexes(crossing: Crossing) -> tuple[Index, ...]:
    """Those that can be made, under the names that they have."""
    found = []
    for index in crossing.table.indexes:
        kind = "unique key" if index.unique else "index"
        try:
            found.append(_index(crossing, index))
        except Untranslatable as problem:
            crossing.lost(f"{kind} {index.name}", f"it is not made in the target: {problem}")
    return tuple(found)


def _index(crossing: Crossing, index: Index) -> Index:
    name = f"{'unique key' if index.unique else 'index'} {index.name}"
    if index.method is not None and index.method.lower() != EQUAL_ONLY:
        raise Untranslatable(f"it is a {index.method} index")
    parts = tuple(_part(crossing, index, part, name) for part in index.parts)
    _fits(crossing, parts)
    where = _where(crossing, index, name)
    if index.method is not None:
        crossing.lost(name, f"it becomes an ordinary index, not a {index.method} one")
    if index.include:
        crossing.lost(name, f"it is made without the columns that it only includes ({', '.join(index.include)})")
    if index.unique:
        _laxer(crossing, index, name)
    return Index(index.name, parts, index.unique, index.constraint and where is None, where)


def _part(crossing: Crossing, index: Index, part: IndexPart, name: str) -> IndexPart:
    grammar = crossing.target
    if part.column is None:
        if index.unique:
            raise Untranslatable("it is over an expression, whose values may be other ones there")
        if not grammar.expression_indexes:
            raise Untranslatable("it is over an expression, and the target's indexes are over columns")
        terms = {column.name: crossing.column(column.name) for column in crossing.table.copied
                 if any(one.source == column.name for one in crossing.way.fields)}  # fmt: skip
        said = expression(part.expression or "", terms, crossing.source, grammar)
        return IndexPart(None, said, part.descending)
    term = crossing.column(part.column)
    if index.unique and part.column in crossing.computed and crossing.computed[part.column].replaced:
        raise Untranslatable(f"{part.column} is computed from values that are replaced")
    if index.unique and term.values is not None and len({*term.values.values()}) < len(term.values):
        raise Untranslatable(f"several values of {part.column} become one")
    length = part.length
    if length is not None and not grammar.prefix_indexes:
        room = grammar.key_bytes is None or UTF8 * (term.target.length or grammar.key_bytes) <= grammar.key_bytes
        if index.unique or not room:
            raise Untranslatable(f"only the first {length} characters of {part.column} count in it")
        crossing.lost(name, f"all characters of {part.column} count in it, not only the first {length}")
        length = None
    if length is None and not grammar.endless_keys and _endless(term.target):
        if index.unique or term.target.family not in LISTED:
            raise Untranslatable(f"{part.column} has no limit that an index could hold")
        length = PREFIX
        crossing.lost(name, f"only the first {length} characters of {part.column} count in it")
    return IndexPart(term.name, None, part.descending, length)


def _endless(type_: Canonical) -> bool:
    """Whether values are of any length, as an index sees it."""
    if type_.family in LISTED:
        return type_.length is None
    return type_.family in (Family.JSON, Family.OTHER)


def _fits(crossing: Crossing, parts: Sequence[IndexPart]) -> None:
    grammar = crossing.target
    if grammar.key_bytes is None or grammar.endless_keys:
        return
    types = {one.target: one.wanted for one in crossing.way.fields}
    types |= {one.term.name: one.term.target for one in crossing.computed.values()}
    size = sum(_bytes(types[part.column], part.length) for part in parts if part.column is not None)
    if size > grammar.key_bytes:
        raise Untranslatable(f"an entry may take {size:,} bytes, and the target takes {grammar.key_bytes:,}")


def _bytes(type_: Canonical, length: int | None) -> int:
    if type_.family is Family.TEXT:
        return UTF8 * (length or type_.length or 0)
    if type_.family is Family.BINARY:
        return length or type_.length or 0
    return 4 * 36 if type_.family is Family.UUID else 32 if type_.family is Family.DECIMAL else 8


def _where(crossing: Crossing, index: Index, name: str) -> str | None:
    """Which rows are in it. An ordinary one may hold more."""
    if index.where is None:
        return None
    try:
        if not crossing.target.partial_indexes:
            raise Untranslatable("the target's indexes are of all rows")
        return condition(index.where, crossing.terms, crossing.source, crossing.target)
    except Untranslatable as problem:
        if index.unique:
            raise Untranslatable(f"it is about some rows only: {problem}") from None
        crossing.lost(name, f"all rows are in it, not only some: {problem}")
        return None


def _laxer(crossing: Crossing, index: Index, name: str) -> None:
    """Texts that were equal and are not any more."""
    for part in index.parts:
        term = crossing.terms.get(part.column or "")
        if isinstance(term, Term) and term.source.family is Family.TEXT and term.equality != term.equality_there:
            what = {"other": "letter case or accents", "padded": "blanks at their end", "exact": "nothing"}
            if term.equality_there == "exact":
                crossing.lost(name, f"values of {part.column} that differ in {what[term.equality]} only may stand beside"
                                    " each other in the target")  # fmt: skip


def checks(crossing: Crossing) -> tuple[Check, ...]:
    """Those that both engines say true, false or unknown of for the same rows, and one for each list of labels that the
    target's type does not keep."""
    found = []
    for check in crossing.table.checks:
        try:
            found.append(
                Check(check.name, expressions.check(check.expression, crossing.terms, crossing.source, crossing.target))
            )
        except Untranslatable as problem:
            crossing.lost(f"check {check.name}", f"it is not made in the target: {problem}")
    return (*found, *(_labels(crossing, term) for term in crossing.terms.values() if _unlisted(term)))


def _unlisted(term: Term | str) -> TypeGuard[Term]:
    """Whether a column has a list of labels that only a CHECK can keep."""
    return (
        isinstance(term, Term)
        and bool(term.source.labels)
        and (term.source.family, term.target.family) == (Family.ENUM, Family.TEXT)
        and (term.values, term.equality_there) == (None, "exact")
    )


def _labels(crossing: Crossing, term: Term) -> Check:
    labels = [exp.Literal.string(label) for label in term.source.labels]
    said = exp.In(this=exp.column(term.name, quoted=True), expressions=labels)
    name = f"{crossing.way.wanted.name.name}_{term.name}_check"
    return Check(name, said.sql(dialect=crossing.target.dialect, identify=True))


def foreign_keys(crossing: Crossing, ways: Mapping[TableName, Projection], made: Mapping[TableName, Table],
                 there: Mapping[TableName, Table]) -> Iterator[ForeignKey]:  # fmt: skip
    """Those whose both ends are in the target. `made`: the wanted tables, `there`: what the target has besides, by their
    names there."""
    known = {**there, **made}
    for key in crossing.table.foreign_keys:
        name = f"foreign key {key.name}"
        try:
            yield _foreign_key(crossing, key, ways, known, name)
        except Untranslatable as problem:
            crossing.lost(name, f"it is not made in the target: {problem}")


def _foreign_key(crossing: Crossing, key: ForeignKey, ways: Mapping[TableName, Projection], known: Mapping[TableName, Table],
                 name: str) -> ForeignKey:  # fmt: skip
    grammar, way = crossing.target, ways.get(key.referenced)
    if way is None or way.wanted.name not in known:
        raise Untranslatable(f"it leads to {key.referenced}, which is not among the tables")
    parent, child = known[way.wanted.name], known[crossing.way.wanted.name]
    ends = [(crossing.way, key.columns), (way, key.referenced_columns)]
    for end, columns in ends:
        if missing := [column for column in columns if column not in end.columns]:
            raise Untranslatable(f"{missing[0]} is not copied")
    ours, theirs = (tuple(end.columns[column] for column in columns) for end, columns in ends)
    keys = {frozenset(parent.primary_key), *(frozenset(_plain(index)) for index in parent.indexes if index.unique)}
    if frozenset(theirs) not in keys - {frozenset()}:
        raise Untranslatable(f"{', '.join(theirs)} is no key of {parent.name} in the target")
    for one, other in zip(ours, theirs, strict=True):
        types = child.column(one).type, parent.column(other).type
        same = types[0].native == types[1].native or (
            types[0].kind is types[1].kind and types[0].length and types[1].length
        )
        if types[0].kind is not types[1].kind or (grammar.same_key_types and not same):
            raise Untranslatable(f"{one} is {types[0].native} there, and what it refers to {types[1].native}")
    found = ForeignKey(key.name, child.name, ours, parent.name, theirs, key.on_delete, key.on_update, key.deferrable)
    if key.deferrable and not grammar.deferrable:
        crossing.lost(name, "it is checked by every statement, and not at the commit")
        found = replace(found, deferrable="")
    nullable = all(child.column(column).nullable for column in ours)
    actions = [_action(crossing, action, nullable, name) for action in (key.on_delete, key.on_update)]
    found = replace(found, on_delete=actions[0], on_update=actions[1])
    if changes(found) and not grammar.changes_in_sight and _looked_at(child, ours, grammar):
        crossing.lost(name, "it refuses what would have changed its columns: a CHECK looks at them")
        return replace(
            found, on_delete="CASCADE" if found.on_delete == "CASCADE" else "NO ACTION", on_update="NO ACTION"
        )
    return found


def changes(key: ForeignKey) -> bool:
    """Whether its actions change its own columns."""
    return key.on_delete in CHANGING or key.on_update in (*CHANGING, "CASCADE")


CHANGING = ("SET NULL", "SET DEFAULT")


def _looked_at(table: Table, columns: Sequence[str], grammar: Grammar) -> bool:
    """Whether one of its CHECKs does."""
    seen = {name for check in table.checks for name in expressions.reads(check.expression, grammar)}
    return any(column.lower() in seen for column in columns)


def _plain(index: Index) -> Sequence[str]:
    """Its columns, where it keeps all rows apart by them."""
    whole = index.where is None and all(part.column is not None and part.length is None for part in index.parts)
    return [part.column for part in index.parts if part.column is not None] if whole else ()


def _action(crossing: Crossing, action: Action, nullable: bool, name: str) -> Action:
    grammar = crossing.target
    if action == "SET DEFAULT" and not grammar.set_default:
        crossing.lost(name, "it refuses what would have set its columns to their defaults")
        return "NO ACTION"
    if action == "SET NULL" and not nullable and grammar.set_null_needs_null:
        return "NO ACTION"  # which refuses the same: no column of it could become NULL
    return action
