"""Plain clients of the three engines, in sessions that say every value whole, by UTC, in ISO's words. Nothing of the tool."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
import pymysql
from pymysql.connections import Connection

from connectors.contract import Endpoint


def postgresql(endpoint: Endpoint) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=endpoint.host,
        port=endpoint.port,
        dbname=endpoint.database,
        user=endpoint.user,
        password=endpoint.password,
        application_name="judge",
        options="-c datestyle=ISO -c timezone=UTC -c intervalstyle=iso_8601 -c extra_float_digits=3",
    )


def mysql(endpoint: Endpoint) -> Connection[Any]:
    return pymysql.connect(
        host=endpoint.host,
        port=endpoint.port or 3306,
        user=endpoint.user,
        password=endpoint.password or "",
        database=endpoint.database,
        charset="utf8mb4",
        ssl_disabled=True,
        init_command="SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'",
    )


def sqlite(endpoint: Endpoint) -> sqlite3.Connection:
    return sqlite3.connect(endpoint.database, timeout=60)
