"""Findings: what planning noticed. Errors stop the plan; warnings are shown to whoever allows it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


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
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""
