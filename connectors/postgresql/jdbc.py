"""PostgreSQL through Spark: the driver's address, made of an environment's fields alone."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import Endpoint
from connectors.facts import JdbcDriver
from connectors.jdbc import Address, host, url
from connectors.postgresql.session import authorities

DRIVER = JdbcDriver(
    "org.postgresql:postgresql:42.7.14", "org.postgresql.Driver", without=("org.checkerframework:checker-qual",)
)
"""The annotations it brings along are for those who compile against it."""

OPTIONS = {"connect_timeout": "connectTimeout", "channel_binding": "channelBinding"}
"""libpq's options that the driver knows, and what they are called there."""
FETCHED = 4 << 20
"""Bytes of rows that the driver holds at a time."""


def unreachable(endpoint: Endpoint) -> str | None:
    """Why the driver cannot connect as the environment says."""
    if endpoint.host is None or endpoint.host.startswith("/"):
        return "the driver knows no sockets, only hosts"
    odd = sorted(set(endpoint.options) - set(OPTIONS))
    if odd:
        return f"the driver does not know the option {odd[0]}"
    return None


def address(endpoint: Endpoint, settings: Mapping[str, str], properties: Mapping[str, str]) -> Address:
    """`settings` are the driver's, `properties` Spark's."""
    assert endpoint.host is not None
    port = endpoint.port or 5432
    given = {
        "sslmode": endpoint.tls.mode,
        "gssEncMode": "disable",
        "ApplicationName": endpoint.application,
        "connectTimeout": "10",
        "tcpKeepAlive": "true",
        "logServerErrorDetail": "false",
    }
    if endpoint.tls.mode.startswith("verify"):
        given["sslrootcert"] = endpoint.tls.ca or authorities(endpoint.environment)
    given |= {OPTIONS[option]: value for option, value in endpoint.options.items()}
    login = {"user": endpoint.user, "password": endpoint.password}
    return Address(
        url("postgresql", ",".join(host(name, port) for name in endpoint.host.split(",")), endpoint.database,
            {**given, **settings}),
        {name: value for name, value in login.items() if value is not None}
        | {"driver": DRIVER.class_name}
        | dict(properties),
    )  # fmt: skip


def reading(endpoint: Endpoint, rows: int, size: int, socket_timeout: float) -> Address:
    """Rows come some megabytes at a time, whatever their width: a fetch size of 0 would bring all of them at once."""
    width = max(1, size // max(rows, 1))
    fetched = min(10_000, max(1, FETCHED // width))
    return address(
        endpoint, {"readOnly": "true", "socketTimeout": str(round(socket_timeout))}, {"fetchsize": str(fetched)}
    )


def writing(endpoint: Endpoint, socket_timeout: float) -> Address:
    """Texts are left for the server to read as what its columns are; several rows travel as one INSERT."""
    return address(
        endpoint,
        {
            "stringtype": "unspecified",
            "reWriteBatchedInserts": "true",
            "socketTimeout": str(round(socket_timeout)),
        },
        {"isolationlevel": "READ_COMMITTED"},
    )
