"""The two ends of a chunk's way, inside a task: a session that reads in a snapshot of its own, and one that loads.

Either is opened when it is first asked for. One that is closed, or was lost, is opened anew, the source's in a new snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.contract import Chunk, TableCopy, TransferJob
from connectors.errors import ConnectorError, NotFound, SourceChanged
from connectors.mysql.session import WRITING, Session, connect
from connectors.mysql.source import BEGIN
from connectors.mysql.types import declared_so, identifier, type_of
from connectors.mysql.wire import Loading

COLUMNS = """
SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s
"""

LOCKS = 0.9
"""How much of the patience with an answer is given to a lock at most: that is given up first, and told of."""


class SourceEnd:
    """The session that reads."""

    def __init__(self, job: TransferJob) -> None:
        self._job = job
        self._session: Session | None = None
        self._checked: set[int] = set()

    def session(self) -> Session:
        """In its snapshot. Raises ConnectorError."""
        if self._session is None:
            end = f"the source {self._job.source.environment}"
            session = connect(self._job.source, read_only=True, end=end, patience=self._job.stall_timeout)
            try:
                session.run(BEGIN)
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    def same_table(self, copy: TableCopy) -> None:
        """Raises SourceChanged unless the table has the columns that were planned. From here on, or from its first row
        that was read, nobody can alter it until our transaction ends."""
        if copy.table_id in self._checked:
            return
        session = self.session()
        with self.reading(copy):
            session.rows(f"SELECT 1 FROM {identifier(copy.source.name.name)} LIMIT 0")
            found = dict(session.rows(COLUMNS, (copy.source.name.name,)))
        planned = copy.source.columns
        if len(found) != len(planned) or not all(declared_so(type_of(c), found.get(c.name, "")) for c in planned):
            raise changed(f"{self._job.source.environment}: {copy.source.name}")
        self._checked.add(copy.table_id)

    @contextmanager
    def reading(self, copy: TableCopy, chunk: Chunk | None = None) -> Iterator[None]:
        """Errors of the source. A table or column that planning saw and that is not there now has changed under us."""
        place = copy.source.name if chunk is None else f"{copy.source.name}, chunk {chunk.number}"
        where, session = f"{self._job.source.environment}: {place}", self.session()
        try:
            with session.translated(where):
                yield
        except NotFound as error:
            found = changed(where, error.code)
        else:
            return
        raise found from None

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._checked.clear()


class TargetEnd:
    """The session that loads."""

    def __init__(self, job: TransferJob) -> None:
        self._job = job
        self._session: Session | None = None

    def session(self) -> Session:
        """Ready to load. Raises ConnectorError."""
        if self._session is None:
            job, end = self._job, f"the target {self._job.target.environment}"
            session = connect(job.target, read_only=False, end=end, patience=job.stall_timeout, driver=Loading)
            wait = max(1, min(int(job.stall_timeout * LOCKS), int(WRITING["lock_wait_timeout"])))
            checks = 0 if job.suspend_foreign_keys else 1
            try:
                session.run(
                    f"SET SESSION innodb_lock_wait_timeout = {wait}, SESSION lock_wait_timeout = {wait},"
                    f" SESSION foreign_key_checks = {checks}"
                )
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None


def changed(where: str, code: str = "") -> ConnectorError:
    return SourceChanged(
        "the table was truncated, rewritten, altered or dropped since it was planned",
        where=where,
        todo="run again",
        code=code,
    )
