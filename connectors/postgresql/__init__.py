"""The PostgreSQL connector."""

from connectors.postgresql.connector import connector

__all__ = ["connector"]
