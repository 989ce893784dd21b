"""MySQL and MariaDB through Spark: the driver's address, made of an environment's fields alone.

Connector/J serves both; a URL of MariaDB's own kind would make Spark put names into quotes that this server takes for texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import Endpoint
from connectors.facts import JdbcDriver
from connectors.jdbc import Address, host, url
from connectors.mysql.session import SQL_MODES, names

DRIVER = JdbcDriver(
    "com.mysql:mysql-connector-j:9.7.0", "com.mysql.cj.jdbc.Driver", without=("com.google.protobuf:protobuf-java",)
)
"""Protocol buffers are for its other protocol, which copying does not speak."""

TLS = {"disable": "DISABLED", "require": "REQUIRED", "verify-ca": "VERIFY_CA", "verify-full": "VERIFY_IDENTITY"}
ROW_BY_ROW = str(-(2**31))
"""The fetch size at which the driver reads rows as they come, and the server keeps no table of them."""
NAMED = 32
"""How many sessions of one application can be told apart here."""
DRIVER_SETTINGS = {
    "characterEncoding": "UTF-8",
    "tinyInt1isBit": "false",
    "yearIsDateType": "false",
    "zeroDateTimeBehavior": "EXCEPTION",
    "useCursorFetch": "false",
    "netTimeoutForStreamingResults": "3600",
    "jdbcCompliantTruncation": "true",
    "allowLoadLocalInfile": "false",
    "allowUrlInLocalInfile": "false",
    "allowMultiQueries": "false",
    "autoDeserialize": "false",
    "tcpKeepAlive": "true",
}
"""Nothing changes on the way, and the server cannot make the driver do more than answer."""


def unreachable(endpoint: Endpoint) -> str | None:
    """Why the driver cannot connect as the environment says."""
    if endpoint.host is None or endpoint.host.startswith("/"):
        return "the driver knows no sockets, only hosts"
    odd = sorted(set(endpoint.options) - {"connect_timeout"})
    if odd:
        return f"the driver does not know the option {odd[0]}"
    if endpoint.tls.ca is not None and endpoint.tls.mode.startswith("verify"):
        return "the driver reads no PEM files, so it trusts no other authorities than the system's Java does"
    return None


def address(endpoint: Endpoint, settings: Mapping[str, str], properties: Mapping[str, str], timeout: float) -> Address:
    """`settings` are the driver's, `properties` Spark's."""
    assert endpoint.host is not None
    given = {
        **DRIVER_SETTINGS,
        "sslMode": TLS[endpoint.tls.mode],
        "connectTimeout": str(round(float(endpoint.options.get("connect_timeout", 10)) * 1000)),
        "socketTimeout": str(round(timeout * 1000)),
        "sessionVariables": ",".join(_variables(endpoint.application)),
    }
    if endpoint.tls.mode == "disable":  # the server's public key hides the password, as everywhere without TLS
        given["allowPublicKeyRetrieval"] = "true"
    login = {"user": endpoint.user, "password": endpoint.password}
    return Address(
        url("mysql", host(endpoint.host, endpoint.port or 3306), endpoint.database, {**given, **settings}),
        {name: value for name, value in login.items() if value is not None}
        | {"driver": DRIVER.class_name}
        | dict(properties),
    )


def reading(endpoint: Endpoint, timeout: float) -> Address:
    return address(endpoint, {"readOnlyPropagatesToServer": "false"}, {"fetchsize": ROW_BY_ROW}, timeout)


def writing(endpoint: Endpoint, timeout: float) -> Address:
    """Several rows travel as one INSERT."""
    return address(endpoint, {"rewriteBatchedStatements": "true"}, {"isolationlevel": "READ_COMMITTED"}, timeout)


def _variables(application: str) -> list[str]:
    """What is set as the driver connects; the last ones call the session by its application (`session.names`)."""
    found = [
        "time_zone='+00:00'",
        f"sql_mode='{','.join(SQL_MODES)}'",
        "sql_select_limit=18446744073709551615",
        "net_read_timeout=3600",
        "wait_timeout=2592000",
        "lock_wait_timeout=60",
        "innodb_lock_wait_timeout=60",
    ]
    for number, name in enumerate(names(application)):
        slots = ",".join(f"NULLIF(GET_LOCK('{name}{slot}',0),0)" for slot in range(NAMED))
        found.append(f"@dbagent{number}=COALESCE({slots})")
    return found
