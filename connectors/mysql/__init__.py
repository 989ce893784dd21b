"""MySQL and MariaDB: servers as source and target."""

from connectors.mysql.connector import connector

__all__ = ["connector"]
