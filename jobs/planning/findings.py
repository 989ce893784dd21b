"""Findings: what planning noticed. Errors stop the plan; warnings are shown to whoever allows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from jobs.config import strict


@dataclass(frozen=True)
class Finding:
    """One problem: `where` names an environment, table or column, never a value."""

    severity: Literal["error", "warning"]
    where: str
    what: str
    todo: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n  → {self.todo}" if self.todo else "")


def error(where: object, what: str, todo: str = "") -> Finding:
    return Finding("error", str(where), what, todo)


def warning(where: object, what: str, todo: str = "") -> Finding:
    return Finding("warning", str(where), what, todo)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the name that was probably meant, or nothing."""
    return strict.nearest(word, known).removeprefix("; ")
