"""MySQL and MariaDB: their facts, and where their three sessions are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.contract import Endpoint, TransferJob
from connectors.facts import Facts
from connectors.mysql import jdbc, spark
from connectors.mysql.canonical import types
from connectors.mysql.grammar import GRAMMAR
from connectors.mysql.loader import Loader
from connectors.mysql.reader import Reader
from connectors.mysql.source import Source
from connectors.mysql.target import Target
from connectors.mysql.transfer import Transfer


class MysqlConnector:
    """`connectors.contract.Connector`."""

    facts = Facts(
        engine="mysql",
        title="MySQL / MariaDB",
        address=frozenset({"host", "user"}),
        default_port=3306,
        default_schema=None,
        filter_dialect="mysql",
        options=frozenset({"connect_timeout", "sslcert", "sslkey"}),
        snapshot_holder="driver",
        writers=None,
        file=False,
        ways=(
            "LOAD DATA LOCAL from memory, rows as the server sends them",
            "INSERT of many rows, where local_infile is off",
        ),
        name_characters=64,
        index_names="table",
        restores_together=True,
        one_moment=False,
        jdbc=jdbc.DRIVER,
        grammar=GRAMMAR,
    )
    types = types
    jdbc = spark.paths

    def source(self, endpoint: Endpoint) -> Source:
        return Source(endpoint)

    def target(self, endpoint: Endpoint) -> Target:
        return Target(endpoint)

    @contextmanager
    def transfer(self, job: TransferJob) -> Iterator[Transfer]:
        transfer = Transfer(job)
        try:
            yield transfer
        finally:
            transfer.close()

    @contextmanager
    def reader(self, job: TransferJob) -> Iterator[Reader]:
        reader = Reader(job)
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def loader(self, job: TransferJob) -> Iterator[Loader]:
        loader = Loader(job)
        try:
            yield loader
        finally:
            loader.close()


connector = MysqlConnector()
