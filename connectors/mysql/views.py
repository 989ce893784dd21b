"""Views: their own words without the definer, and what they are views of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from connectors.errors import ConnectorError, PermissionMissing
from connectors.mysql.session import Session
from connectors.mysql.types import identifier
from connectors.mysql.words import named, tokens
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import TableName

DEFINER = re.compile(r"^CREATE (ALGORITHM=\w+ )?DEFINER=(?:`(?:[^`]|``)*`|[^ @]+)(?:@(?:`(?:[^`]|``)*`|[^ ]+))? ")
NAME = "`"
"""Stands for a quoted name where a word is asked for."""
FUNCTIONS = "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE()"
WRITES = "1792"
"""It would, if it were asked: a view that draws from a sequence. To be shown one, a session must be let."""
ORDINARY = "SELECT 1 FROM information_schema.collations WHERE collation_name = %s AND is_default = 'Yes'"


def views(
    session: Session, database: str, found: Sequence[str], tables: Collection[str]
) -> tuple[list[SchemaObject], list[tuple[str, str]]]:
    """In an order in which they can be made, and those that cannot travel: of other databases, or not for us to see."""
    routines = {name for (name,) in session.rows(FUNCTIONS)} if found else set()
    made: dict[str, SchemaObject] = {}
    unshown = []
    ordinary: dict[str, bool] = {}
    for name in found:
        try:
            text, collation = _shown(session, name)
        except ConnectorError as error:
            if error.retryable:
                raise
            unable = isinstance(error, PermissionMissing)
            why = "whose definition our user may not see" if unable else "whose tables are not all there"
            unshown.append(("view", f"{name}, {why}"))
            continue
        called = sorted({path[-1] for path, _, behind in paths(text) if behind == "(" and path[-1] in routines})
        if elsewhere(text) or called:
            why = "of another database's tables" if not called else f"which calls {', '.join(called)}"
            unshown.append(("view", f"{name}, {why}"))
            continue
        if collation not in ordinary:
            ordinary[collation] = bool(session.rows(ORDINARY, (collation,)))
        made[name] = _view(name, local(text, database), None if ordinary[collation] else collation, set(found), tables)
    return list(_ordered(made)), unshown


def _shown(session: Session, name: str) -> tuple[str, str]:
    """Its definition, and the collation of its maker's session."""
    show = f"SHOW CREATE VIEW {identifier(name)}"
    try:
        [(_, text, _, collation)] = session.rows(show)
    except ConnectorError as error:
        if error.code != WRITES:
            raise
        session.run("SET SESSION TRANSACTION READ WRITE")
        try:
            [(_, text, _, collation)] = session.rows(show)
        finally:
            session.run("SET SESSION TRANSACTION READ ONLY")
    return str(text), str(collation)


def elsewhere(text: str) -> bool:
    """Whether it is of another database's tables. Of its own alone, its tables and columns stand there without any."""
    tables = ("from", "join", "straight_join")
    return any(
        len(path) == 3 or (len(path) == 2 and (before in tables or behind == NAME))
        for path, before, behind in paths(text)
    )


def local(text: str, database: str) -> str:
    """Without the database's name, which stands before functions and sequences. A table may have the same name."""
    found, calls = list(tokens(text)), ("nextval", "lastval", "setval")
    kept, at = "", 0
    while at < len(found):
        own = found[at] == ("name", identifier(database)) and found[at + 1 : at + 2] == [("mark", ".")]
        called = found[at + 3 : at + 4] == [("mark", "(")] or "".join(said for _, said in found[at - 2 : at]) in (
            f"{call}(" for call in calls
        )
        kept += "" if own and called else found[at][1]
        at += 2 if own and called else 1
    return kept


def _view(name: str, text: str, collation: str | None, views: Collection[str], tables: Collection[str]) -> SchemaObject:
    create = DEFINER.sub(lambda found: f"CREATE {found[1] or ''}", text, count=1)
    return SchemaObject(
        ObjectId(ObjectKind.VIEW, None, name),
        create.removeprefix("CREATE "),
        (*([f"SET SESSION collation_connection = {collation}"] if collation else []), create),
        (f"DROP VIEW {identifier(name)}",),
        needs=tuple(
            ObjectId(ObjectKind.VIEW, None, one)
            if one in views
            else ObjectId(ObjectKind.TABLE, TableName(None, one), one)
            for one in used(create, tables)
            if one != name
        ),
        literals=tuple(said for kind, said in tokens(create) if kind == "text"),
    )


def used(create: str, tables: Collection[str]) -> list[str]:
    """Those of the tables that a view is made of."""
    found = (path[0] for path, before, _ in paths(create) if len(path) == 1 and before not in ("as", ")", NAME))
    return list(dict.fromkeys(name for name in found if name in tables))


def paths(text: str) -> Iterator[tuple[list[str], str, str]]:
    """Names with what qualifies them (`a`.`b`.`c` is one), and the word before and behind each."""
    words: list[tuple[str, list[str]]] = []
    joins = False
    for kind, said in tokens(text):
        if kind == "name" and joins:
            words[-1][1].append(named(said))
        elif kind == "name":
            words.append((NAME, [named(said)]))
        elif kind not in ("blank", "remark") and (said != "." or not words or words[-1][0] != NAME):
            words.append((said.lower(), []))
        joins = kind == "mark" and said == "." and words[-1][0] == NAME
    for (before, _), (_, path), (behind, _) in zip([("", []), *words], words, [*words[1:], ("", [])], strict=False):
        if path:
            yield path, before, behind


def _ordered(made: Mapping[str, SchemaObject]) -> Iterator[SchemaObject]:
    done: set[str] = set()

    def visit(name: str) -> Iterator[SchemaObject]:
        if name in done or name not in made:
            return
        done.add(name)
        for need in made[name].needs:
            if need.kind is ObjectKind.VIEW:
                yield from visit(need.name)
        yield made[name]

    for name in made:
        yield from visit(name)
