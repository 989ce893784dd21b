"""PostgreSQL: its facts, and where its sessions are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from connectors.contract import Endpoint, TransferJob
from connectors.facts import Facts
from connectors.postgresql import jdbc, spark
from connectors.postgresql.canonical import types
from connectors.postgresql.definitions import NAME_BYTES
from connectors.postgresql.grammar import GRAMMAR
from connectors.postgresql.loader import Loader
from connectors.postgresql.reader import Reader
from connectors.postgresql.source import Source
from connectors.postgresql.target import Target
from connectors.postgresql.transfer import Transfer


class PostgresConnector:
    """`connectors.contract.Connector`."""

    facts = Facts(
        engine="postgresql",
        title="PostgreSQL",
        address=frozenset({"host", "user"}),
        default_port=5432,
        default_schema="public",
        filter_dialect="postgres",
        options=frozenset(
            {"channel_binding", "connect_timeout", "sslcert", "sslkey", "sslcrl", "target_session_attrs"}
        ),
        snapshot_holder="driver",
        writers=None,
        file=False,
        ways=("binary COPY, masked fields spliced", "text COPY, for types whose binary form is bound to one database"),
        name_bytes=NAME_BYTES,
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
        with closing(Transfer(job)) as transfer:
            yield transfer

    @contextmanager
    def reader(self, job: TransferJob) -> Iterator[Reader]:
        with closing(Reader(job)) as reader:
            yield reader

    @contextmanager
    def loader(self, job: TransferJob) -> Iterator[Loader]:
        with closing(Loader(job)) as loader:
            yield loader


connector = PostgresConnector()
