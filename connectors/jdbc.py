"""The JDBC paths: what Spark's JDBC source and writer need of an engine, and of an environment.

An engine's `jdbc.py` gives it: where its server is in the words of its driver, how a chunk is selected as exact text and
bytes, how a staged chunk is published. Nothing a person writes reaches a URL: it is made of the endpoint's fields.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import quote

from connectors.errors import ConnectorError, TerminalError

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.contract import Bounds, Chunk, Endpoint, Filter, Loaded, SourceSession, TableCopy, TransferJob
    from connectors.facts import JdbcDriver
    from connectors.schema import Table
    from connectors.types import Carrier


@dataclass(frozen=True)
class Address:
    """Where a server is, for Spark: it shows neither URLs nor passwords, but everything else may be seen."""

    url: str = field(repr=False)
    properties: Mapping[str, str] = field(repr=False)
    """Spark's own options and the login, in lower case: Spark keeps no other case of a name."""


def url(kind: str, host: str, database: str, settings: Mapping[str, str]) -> str:
    """A driver's URL; the settings are the driver's own, whose names have capitals that Spark would lose."""
    given = "&".join(f"{name}={quote(value, safe='')}" for name, value in settings.items())
    return f"jdbc:{kind}://{host}/{quote(database, safe='')}" + (f"?{given}" if given else "")


def host(name: str, port: int | None) -> str:
    """A host and its port; an IPv6 address in brackets."""
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


@dataclass(frozen=True)
class Query:
    """A chunk's rows, for Spark's JDBC source. What Spark shows of it holds no cell value: `predicate` is not shown, and of
    keys it holds page numbers, integers or a hash's remainder alone."""

    table: str
    """What stands behind FROM: a sub-query with a column `name(n)` for each one asked for."""
    predicate: str = field(repr=False)
    gives: tuple[Carrier, ...]
    """What each column is for Spark, which is not yet its carrier where `JdbcPaths.read_as` says so."""
    begin: str = field(repr=False)
    """The session's first statement: begins the transaction that the snapshot is."""


CARRIED = re.compile(r"dbagent<([A-Za-z0-9+/=]+)>")
"""How an error of a pandas_udf comes home: as JSON in an exception's text, for Spark knows no other way."""


@contextmanager
def carried(where: str) -> Iterator[None]:
    """What is raised inside leaves the task in a form that `brought_home` knows; of a bug only its class does."""
    try:
        yield
    except ConnectorError as problem:
        found = problem.at(where)
    except Exception as problem:  # its text may hold a value
        found = TerminalError(f"unexpected {type(problem).__name__}", where=where, todo="please report this")
    else:
        return
    told = [type(found).__name__, found.what, found.where, found.todo, found.code]
    raise CarriedError(f"dbagent<{base64.b64encode(json.dumps(told).encode()).decode()}>") from None


class CarriedError(Exception):
    """An error of ours on its way out of a task that only Spark listens to."""


def brought_home(text: str) -> ConnectorError | None:
    """The error that an exception's text carries. The text may be anybody's: it names one of our classes, or nothing."""
    found = CARRIED.search(text)
    if found is None:
        return None
    try:
        kind, what, where, todo, code = json.loads(base64.b64decode(found[1]))
    except ValueError:
        return None
    known = {each.__name__: each for each in _kinds(ConnectorError)}
    return known[kind](what, where=where, todo=todo, code=code) if kind in known else None


def _kinds(kind: type[ConnectorError]) -> list[type[ConnectorError]]:
    return [kind, *(each for one in kind.__subclasses__() for each in _kinds(one))]


def name(number: int) -> str:
    """What the columns of a query are called."""
    return f"dbagent{number}"


Change: TypeAlias = "Callable[[pa.Array], pa.Array]"
"""Of a column's values. Raises ValueRefused."""


class JdbcPaths(Protocol):
    """One engine's part of the JDBC paths. Stateless."""

    driver: JdbcDriver

    def unreachable(self, endpoint: Endpoint) -> str | None:
        """Why the driver cannot connect as the environment says: a clause; None where it can."""
        ...

    def reading(self, job: TransferJob, rows: int, size: int) -> Address:
        """The source, for chunks of about so many rows and bytes: streamed, in our settings. Raises LoginRefused."""
        ...

    def writing(self, job: TransferJob) -> Address:
        """The target, in our settings. Raises LoginRefused."""
        ...

    def bounds(self, session: SourceSession, table: Table, where: Filter | None, budget: int) -> list[Bounds]:
        """`SourceSession.bounds` whose parts are found without a cell value that is a text, a date or the like."""
        ...

    def scans(self, table: Table) -> bool:
        """Whether each part of such a table is found by reading all of it."""
        ...

    def query(self, job: TransferJob, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Query:
        """How these columns of a chunk are read, in the form of their canonical family."""
        ...

    def read_as(self, copy: TableCopy, column: str) -> Change | None:
        """What makes a column's carrier of what the query gives of it; None: it is that, or its bytes are the text."""
        ...

    def written_as(self, copy: TableCopy, column: str) -> Change | None:
        """What a column's carrier must become before it lands; None: it lands as it is."""
        ...

    def check(self, job: TransferJob, copy: TableCopy, chunk: Chunk) -> None:
        """After a chunk is read and before it is loaded: raises SourceChanged where its table is not the planned one."""
        ...

    def problem(self, state: str, code: int, where: str, *, reading: bool) -> ConnectorError:
        """What an SQLSTATE and an error number mean."""
        ...

    def staging(self, job: TransferJob) -> AbstractContextManager[Staging]:
        """A session on the target for staged chunks. Raises ConnectorError."""
        ...


class Staging(Protocol):
    """The driver's session for what Spark writes: chunks land in a table of texts and bytes, and are published from there."""

    def land(self, copy: TableCopy) -> str:
        """Make the table's landing anew; returns its name, quoted. It has a column `name(n)` for each of `copy.fields`, then
        those of ROUTE."""
        ...

    def publish(self, copy: TableCopy, chunk: Chunk, try_: str) -> Loaded:
        """Claim the chunk, move the rows of one attempt of this try into the table, keep the counts: one transaction. A
        chunk that the ledger has already is left alone. Raises ConnectorError."""
        ...

    def clear(self, copy: TableCopy) -> None:
        """Drop the table's landing."""
        ...


ROUTE = ("chunk", "try", "attempt", "counts")
"""The columns of a landed row behind its own: its chunk, which try of the driver's and which attempt of Spark's wrote it, and,
in one row of each batch, what the anonymizer counted of it. All are texts: for another number Spark would compile anew."""
