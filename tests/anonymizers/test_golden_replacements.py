"""A frozen table of replacements under a fixed key. Whoever changes any of them changes what copies made before look like:
then the strategy's version must grow, and `golden.json` be written anew (run this file)."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from anonymizers.contract import ColumnShape, RowContext, Rule, strategies, version
from anonymizers.keys import MasterKey

MASTER = MasterKey.parse(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
GOLDEN = Path(__file__).parent / "golden.json"
TEXTS = ["", "jane.doe@acme.com", "Jane.Doe@acme.com", "Jane Doe", "+44 20 7946 0123", "078-05-1120", "7"]
TEXTS += ["Łukasz Żółć", "李小龙", "a much longer text that takes more than one block, and then some: 123"]
INTEGERS = [0, 7, -7, 42, 123, 1234, 12345, 40000, 1234567, -1234567, 2**31 - 1, 2**31, 10**15, 2**63 - 1, -(2**63)]

DATES = [date(1, 1, 1), date(1969, 12, 31), date(1970, 1, 1), date(2000, 2, 29), date(2024, 5, 17), date(9999, 12, 31)]
TIMES = [datetime.combine(day, datetime.max.time()) for day in DATES]
VALUES: dict[str, list[Any]] = {"text": TEXTS, "integer": INTEGERS, "date": DATES, "timestamp": TIMES}
SUBJECTS = ["", "7", "jane.doe@acme.com", "Jane.Doe@ACME.com", "Łukasz", None]
ROW = RowContext([pa.array(SUBJECTS)], [pa.array(range(len(SUBJECTS)))])
"""A subject and a row key for each date; strategies that need none look at none."""


def shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def replacements() -> dict[str, Any]:
    """Strategy → its version, the domains with one of their own, and domain → kind → each value with its replacement."""
    table: dict[str, Any] = {}
    for name, found in strategies().items():
        table[name] = {"version": found.version, "revised": dict(found.revised)}
        for domain in sorted(found.domains or {"anything", *found.revised}):
            key = MASTER.domain(name, version(found, domain), domain)
            for kind, values in VALUES.items():
                if kind in found.accepts:
                    out = found.apply(pa.array(values), key, ColumnShape(kind), Rule(name, domain), ROW)
                    pairs = zip(values, out.to_pylist(), strict=True)
                    table[name][f"{domain} {kind}"] = [list(map(shown, pair)) for pair in pairs]
    return table


@pytest.mark.parametrize("name", sorted(strategies()))
def test_replacements_are_what_they_were(name: str) -> None:
    assert replacements()[name] == json.loads(GOLDEN.read_text(encoding="utf-8"))[name]


def test_the_keys_are_what_they_were() -> None:
    assert MASTER.id == "a56046ae7f52c1e6"
    derived = MASTER.domain("hash", 1, "email").derive("value").hex()
    assert derived == "034c7a8770c15172671b6a86fc29ad356444728227bf9d86c7197260486207b8"


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(replacements(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
