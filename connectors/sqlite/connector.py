"""The SQLite connector: its declared facts and its three kinds of session."""

from __future__ import annotations

from contextlib import AbstractContextManager

from connectors.contract import Endpoint, Transfer, TransferJob
from connectors.facts import Facts
from connectors.sqlite.canonical import types
from connectors.sqlite.grammar import GRAMMAR
from connectors.sqlite.loader import SqliteLoader, loader
from connectors.sqlite.reader import SqliteReader, reader
from connectors.sqlite.source import SqliteSource
from connectors.sqlite.target import SqliteTarget
from connectors.sqlite.transfer import transfer


class SqliteConnector:
    """`connectors.contract.Connector`."""

    facts = Facts(
        engine="sqlite",
        title="SQLite",
        address=frozenset(),
        default_port=None,
        default_schema=None,
        filter_dialect="sqlite",
        options=frozenset(),
        snapshot_holder="task",
        writers=1,
        file=True,
        index_names="schema",
        restores_together=True,
        grammar=GRAMMAR,
        ways=(
            "INSERT … SELECT inside SQLite, masked fields handed in by row number or key",
            "INSERT of rows in batches, to and from other engines",
        ),
    )

    types = types
    jdbc = None

    def source(self, endpoint: Endpoint) -> SqliteSource:
        return SqliteSource(endpoint)

    def target(self, endpoint: Endpoint) -> SqliteTarget:
        return SqliteTarget(endpoint)

    def transfer(self, job: TransferJob) -> AbstractContextManager[Transfer]:
        return transfer(job)

    def reader(self, job: TransferJob) -> AbstractContextManager[SqliteReader]:
        return reader(job)

    def loader(self, job: TransferJob) -> AbstractContextManager[SqliteLoader]:
        return loader(job)


connector = SqliteConnector()
