"""What never travels with a schema, by kind and name: triggers, routines, events, and what others may do."""

from __future__ import annotations

from collections import defaultdict

from connectors.mysql.catalog import OURS
from connectors.mysql.session import Session

NAMED = """
SELECT 'trigger', trigger_name, event_object_table FROM information_schema.triggers WHERE event_object_schema = DATABASE()
UNION ALL
SELECT lower(routine_type), routine_name, NULL FROM information_schema.routines WHERE routine_schema = DATABASE()
UNION ALL
SELECT 'event', event_name, NULL FROM information_schema.events WHERE event_schema = DATABASE()
"""
GRANTED = """
SELECT grantee, privilege_type, NULL FROM information_schema.schema_privileges WHERE DATABASE() LIKE table_schema
UNION ALL
SELECT grantee, privilege_type, table_name FROM information_schema.table_privileges WHERE table_schema = DATABASE()
UNION ALL
SELECT grantee, privilege_type, concat(table_name, '.', column_name) FROM information_schema.column_privileges
WHERE table_schema = DATABASE()
"""


def left(session: Session) -> list[tuple[str, str]]:
    """Grants are told as far as our user may see them."""
    found = [(kind, name if table is None else f"{name} of {table}") for kind, name, table in session.rows(NAMED)]
    given: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for grantee, privilege, on in session.rows(GRANTED):
        if not str(on or "").startswith(OURS):
            given[str(grantee), str(on or "the database")].add(str(privilege))
    return [*found, *(("grant", f"{', '.join(sorted(what))} on {on} to {who}") for (who, on), what in given.items())]
