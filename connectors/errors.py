"""What can go wrong with a database, as a tree.

    ConnectorError
    ├── RetryableError         the same chunk may be tried again
    │   ├── ConnectionLost     the session ended under us, or the server cannot be reached
    │   └── Busy               deadlock, too many connections, out of memory
    │       └── Locked         another session holds a lock that we need
    └── TerminalError          trying again changes nothing
        ├── LoginRefused       wrong user, password, database or TLS
        ├── PermissionMissing  a privilege is missing
        ├── NotFound           a table, column or file is not there
        ├── SourceChanged      the source was truncated, rewritten or altered under the snapshot
        ├── ValueRefused       the target refuses a row (unique, NOT NULL, CHECK, length, type)
        ├── TargetFull         no space left where the target keeps its data
        ├── RowsChanged        a table was to be emptied of a run's own rows, and holds others
        ├── LeaseLost          another driver has taken this run over
        ├── LeaseHeld          another run is at work on this target table
        └── Unsupported        this engine, version or object cannot do what was asked

Errors cross processes, so every one is picklable. None ever carries a cell value, a credential or a driver's own text:
`what` says what went wrong, `where` names environment, table or chunk, `todo` says what a person can do about it, and
`code` is the SQLSTATE or the engine's own error number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar


class ConnectorError(Exception):
    """Anything a connector reports. Raised as one of the classes below."""

    retryable = False

    def __init__(self, what: str, *, where: str = "", todo: str = "", code: str = "") -> None:
        super().__init__(what, where, todo, code)
        self.what, self.where, self.todo, self.code = what, where, todo, code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.todo, self.code)

    def at(self, where: str) -> ConnectorError:
        """The same error, told with the place it happened unless it already names one."""
        return _rebuild(type(self), self.what, self.where or where, self.todo, self.code)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        code = f" [{self.code}]" if self.code else ""
        return f"{head}{code}" + (f"\n  → {self.todo}" if self.todo else "")


def _rebuild(kind: type[ConnectorError], what: str, where: str, todo: str, code: str) -> ConnectorError:
    return kind(what, where=where, todo=todo, code=code)


class RetryableError(ConnectorError):
    """The same chunk may be tried again."""

    retryable = True


class ConnectionLost(RetryableError):
    """The session ended under us, or the server cannot be reached."""


class Busy(RetryableError):
    """Deadlock, too many connections, out of memory; or a lock (`Locked`)."""


class Locked(Busy):
    """Another session holds a lock that we need: `what` names it, as far as it can be seen. Nothing was changed."""


class TerminalError(ConnectorError):
    """Trying again changes nothing."""


class LoginRefused(TerminalError):
    """Wrong user, password, database or TLS."""


class PermissionMissing(TerminalError):
    """A privilege is missing."""


class NotFound(TerminalError):
    """A table, column or file is not there."""


class SourceChanged(TerminalError):
    """The source was truncated, rewritten or altered under the snapshot."""


class ValueRefused(TerminalError):
    """The target refuses a row: unique, NOT NULL, CHECK, length or type."""


class TargetFull(TerminalError):
    """No space left where the target keeps its data."""


class RowsChanged(TerminalError):
    """A table was to be emptied of a run's own rows, and it holds others."""


class LeaseLost(TerminalError):
    """Another driver has taken this run over; this one must stop at once."""


class LeaseHeld(TerminalError):
    """Another run is at work on this target table."""


class Unsupported(TerminalError):
    """This engine, version or object cannot do what was asked."""


def others_rows(table: object, found: int, ours: int) -> RowsChanged:
    what = f"other programs have changed its rows: {found:,} are there, and {ours:,} are this run's"
    return RowsChanged(what, where=str(table))


Driver = TypeVar("Driver", bound=Exception)


@contextmanager
def translating(kind: type[Driver], translate: Callable[[Driver, str], ConnectorError], where: str) -> Iterator[None]:
    """A driver's errors inside the block leave it as connector errors that name `where`, without the driver's own text."""
    try:
        yield
    except kind as error:
        found = translate(error, where)
    except ConnectorError as error:
        found = error.at(where)
    else:
        return
    raise found from None
