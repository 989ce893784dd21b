"""Frozen word lists. Changing one changes replacements: raise its `version` and that of the strategies using it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa


@cache
def dictionary(name: str) -> dict[str, Any]:
    """The content of `<name>.json`: its version, its source and its lists. Works from a zip too."""
    content: dict[str, Any] = json.loads(files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return content


def versions() -> dict[str, int]:
    """Every dictionary's version, by name."""
    names = sorted(file.name for file in files(__name__).iterdir() if file.name.endswith(".json"))
    return {name.removesuffix(".json"): dictionary(name.removesuffix(".json"))["version"] for name in names}


@cache
def words(name: str, which: str) -> pa.Array:
    """One list of a dictionary, as an Arrow array to take from."""
    return pa.array(dictionary(name)[which], pa.string())
