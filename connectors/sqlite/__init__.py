"""SQLite: files as source and target."""

from connectors.sqlite.connector import connector

__all__ = ["connector"]
