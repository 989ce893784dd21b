"""Which table it is: another one under the same name has another identity, and so has an emptied one, where the server tells.

The storage engine numbers its tables, anew with every CREATE, TRUNCATE and rebuild, and not when a secondary index is
dropped or added: so what we suspend and restore leaves the identity as it is. Who lacks PROCESS sees no such numbers, only
when a table was defined: any ALTER changes that, TRUNCATE does on some servers. Keys, foreign keys and checks, which a copy
may make late, are no part of it; columns and storage are.
"""

from __future__ import annotations

import hashlib

from connectors.errors import ConnectorError
from connectors.mysql.objects import parts_of
from connectors.mysql.session import Session
from connectors.mysql.suspending import definition_of
from connectors.objects import ObjectKind

NUMBERED = {"MariaDB": "innodb_sys_tables", "MySQL": "innodb_tables"}
FILE = "convert(convert(convert({0} USING filename) USING binary) USING utf8mb4) COLLATE utf8mb4_general_ci"
"""A name as that of a file: so the engine knows its tables."""
PATH = f"SELECT concat({FILE.format('DATABASE()')}, '/', {FILE.format('%s')})"
NUMBERS = "SELECT name, table_id FROM information_schema.{0} WHERE name = %s OR name LIKE %s ORDER BY name"
CREATED = "SELECT coalesce(create_time, '') FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"


def identity(session: Session, table: str) -> str:
    """Raises NotFound."""
    own = [
        one.definition
        for one in parts_of(definition_of(session, table))
        if one.id.kind in (ObjectKind.TABLE, ObjectKind.COLUMN)
    ]
    which = _numbers(session, table) or session.rows(CREATED, (table,))
    return hashlib.sha256(f"{which}{own}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _numbers(session: Session, table: str) -> list[tuple[object, ...]]:
    """A partitioned table has several. Nothing where our user may not see them, or the server is too old for them."""
    path = str(session.value(PATH, (table,)))
    try:
        return session.rows(NUMBERS.format(NUMBERED[session.flavour]), (path, path.replace("_", "\\_") + "#p#%"))
    except ConnectorError as error:
        if error.retryable:
            raise
        return []
