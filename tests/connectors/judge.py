"""What canonical types mean, in plain Python that shares no code with the guards: who may be where, and what equals what."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from connectors.types import NUMBERS, TIMES, Canonical, Family

Value = str | bytes
UUIDS = ["00000000-0000-0000-0000-000000000000", "9b2f6c1e-0d3a-4c58-8f67-1a2b3c4d5e6f"]
JSONS = ['{"a": 1.0}', "1.0", '"x"', "null", "[[]]"]
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
WORDS = ["", "a", " ", "a ", "5", "-12", "1.50", "1e5", ".", "-", "007", "NaN", "true", "1", "0", "0101", *UUIDS, "5\n", "²",
         UUIDS[1].upper(), "2024-05-17", "2023-02-29", "0000-00-00", "2024-05-17 09:30:00", "2024-05-17T09:30", "infinity",
         "0044-03-15 BC", "x BC", "12345-x", "24:00:00", "-x", "09:30:00", "99:00:00", '{"a": [1]}', "{", "P1DT2H", "P", "PT",
         "9" * 40, "1" * 5000, "ä€😀"]  # fmt: skip


def values(type_: Canonical) -> Iterator[Value]:
    """Ordinary and extreme values of a type, and every odd one it admits to."""
    if type_.family is Family.BINARY:
        most = type_.length if type_.length is not None else 300
        yield from {bytes(most) if type_.fixed else b"", bytes(min(most, 300)), b"\xff" * min(most, 300)}
        return
    yield from (word for word in _ordinary(type_) if holds(word, _without_anything(type_)))
    if "anything" in type_.odd:
        yield from (word for word in WORDS if "nul" in type_.odd or "\0" not in word)


def _without_anything(type_: Canonical) -> Canonical:
    return Canonical(**{**vars(type_), "odd": type_.odd - {"anything"}})


def _ordinary(type_: Canonical) -> Iterator[str]:
    family, day = type_.family, "2024-02-29"
    fractions = ["", ".1", f".{'123456'[: type_.digits]}", ".5000000"]
    clocks = [*(f"23:59:59{fraction}" for fraction in fractions), "00:00:00"]
    days = [day, "0001-01-01", "9999-12-31", "2023-02-29", "0000-00-00", "2024-00-17", "12024-01-01", "294276-12-31"]
    days += ["infinity", "-infinity"]
    if family is Family.INTEGER:
        yield from map(str, (*type_.bounds, 0, 1, 7, -1, -129, 70_000))
    elif family is Family.DECIMAL:
        whole, scale = (40, 20) if type_.precision is None else (type_.precision - (type_.scale or 0), type_.scale or 0)
        nines = f"{'9' * whole or '0'}.{'9' * scale}".rstrip(".")
        yield from (nines, f"-{nines}", "0", "-0", "0.50", "1.5", "-0.05", "0.005", "12", "250.00", "NaN", "Infinity")
    elif family is Family.FLOAT:
        yield from ("0.1", "-0.0", "1e-07", "1e+22", "2.5", "16777216", "1e+38", "NaN", "-Infinity")
        yield from ("0.30000000000000004", "5e-324", "1.7976931348623157e+308") if type_.bits == 64 else ()
    elif family is Family.TEXT:
        yield from (*WORDS, "nul\0in", "x" * min(type_.length or type_.octets or 300, 300), "ä" * (type_.length or 9))
    elif family is Family.DATE:
        yield from (*days, "0044-03-15 BC", "0005-02-29 BC")
    elif family in TIMES:
        yield from days
        yield from (f"{one} {clock}" for one in days for clock in clocks)
        yield from (f"0005-02-29 {clock} BC" for clock in clocks)
    elif family is Family.TIME:
        yield from (*clocks, "24:00:00", "838:59:59", "-01:00:00.5", "99:00:00")
    elif family is Family.BITS:
        size = 99 if type_.length is None else type_.length
        yield from {"1" * size, "0" * size, "1" if size else "", "01"}
    elif family in (Family.ENUM, Family.SET):
        yield from (*type_.labels, ",".join(type_.labels), "")
    else:
        yield from {
            Family.BOOLEAN: ["0", "1"],
            Family.INTERVAL: ["P1Y2M3DT4H5M6S", "PT0S", "P-1Y-2M-3DT-4H-5M-6S", *(f"PT6{f}S" for f in fractions)],
            Family.UUID: UUIDS,
            Family.JSON: JSONS,
            Family.OTHER: ["(1,2)", "192.168.0.1/24", "5"],
        }[family]


def holds(value: Value, type_: Canonical) -> bool:
    """Whether a value is one of the type's. `anything` is."""
    family = type_.family
    if isinstance(value, bytes):
        size = type_.length
        return family is Family.BINARY and (size is None or (len(value) == size if type_.fixed else len(value) <= size))
    if family is Family.TEXT:
        fits = type_.length is None or len(value) <= type_.length
        return (
            fits
            and (type_.octets is None or len(value.encode()) <= type_.octets)
            and ("nul" in type_.odd or "\0" not in value)
        )
    return family is not Family.BINARY and ("anything" in type_.odd or _is(value, type_))


def _is(text: str, type_: Canonical) -> bool:
    family = type_.family
    if family in NUMBERS:
        return _is_number(text, type_)
    if family in (Family.DATE, *TIMES):
        return _is_date(text, type_)
    if family is Family.TIME:
        return _is_time(text, type_)
    if family is Family.BITS:
        size = type_.length
        fits = size is None or (len(text) == size if type_.fixed else len(text) <= size)
        return set(text) <= {"0", "1"} and fits
    if family is Family.ENUM:
        return text in type_.labels
    if family is Family.SET:
        return text == "" or set(text.split(",")) <= set(type_.labels)
    if family is Family.INTERVAL:
        return bool(
            re.fullmatch(r"P(?=.)([-0-9]+[YMWD])*(T(?=.)([-0-9]+[HM])*([-0-9]+(\.[0-9]+)?S)?)?", text)
        ) and _seconds(text, type_)
    if family is Family.JSON:
        return text in ("5", "-12", "1.50", "1e5", "true", "1", "0", '{"a": [1]}', "5\n", "9" * 40, "1" * 5000, *JSONS)
    return family is Family.OTHER or bool(
        re.fullmatch({Family.BOOLEAN: "[01]", Family.UUID: "[-0-9a-f]{36}"}[family], text)
    )


def _is_number(text: str, type_: Canonical) -> bool:
    if text in ("NaN", "Infinity", "-Infinity"):
        return "nan" in type_.odd
    if type_.family is Family.INTEGER:
        digits = text.removeprefix("-").lstrip("0")
        return (
            bool(re.fullmatch("-?[0-9]+", text))
            and len(digits) < 30
            and type_.bounds[0] <= int(text) <= type_.bounds[1]
        )
    if type_.family is Family.FLOAT:
        return bool(re.fullmatch(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text))
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]*)?", text):
        return False
    whole, _, behind = text.removeprefix("-").partition(".")
    room = type_.precision is None or len(whole.lstrip("0")) <= type_.precision - (type_.scale or 0)
    return room and (type_.precision is None or len(behind.rstrip("0")) <= (type_.scale or 0))


def _seconds(text: str, type_: Canonical) -> bool:
    return len(text.partition(".")[2].rstrip(" BCS").rstrip("0")) <= type_.digits


def _is_date(text: str, type_: Canonical) -> bool:
    if text in ("infinity", "-infinity"):
        return "infinity" in type_.odd
    clock = "" if type_.family is Family.DATE else f"([ T]{CLOCK})?"
    match = re.fullmatch(rf"([0-9]{{4,7}})-([0-9][0-9])-([0-9][0-9]){clock}( BC)?", text)
    if not match or not _seconds(text, type_):
        return False
    if text.endswith("BC") or len(match[1]) > 4:
        return (not text.endswith("BC") or "bc" in type_.odd) and (len(match[1]) == 4 or "late" in type_.odd)
    if match[1] == "0000" or "00" in (match[2], match[3]):
        return "zero" in type_.odd
    with contextlib.suppress(ValueError):
        return bool(date.fromisoformat("-".join(match.group(1, 2, 3))))
    return False


def _is_time(text: str, type_: Canonical) -> bool:
    if re.fullmatch(CLOCK, text):
        return _seconds(text, type_)
    if re.fullmatch(r"24:00:00(\.0*)?", text):
        return bool({"midnight", "long"} & type_.odd)
    long = re.fullmatch(r"-?[0-9]{2,3}:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?", text)
    return bool(long) and "long" in type_.odd and _seconds(text, type_)


def same(before: Value, after: Value, source: Canonical, target: Canonical) -> bool:
    """Whether the value that arrived says what the one that left said."""
    if isinstance(before, bytes):
        return after == (before if target.family is Family.BINARY else before.hex())
    if before == after:
        return True
    assert isinstance(after, str)
    if source.family is Family.TEXT and source.fixed:
        before = before.rstrip(" ")
    if source.family is Family.DATE and target.family in TIMES:
        return after == (f"{before[:-3]} 00:00:00 BC" if before.endswith("BC") else f"{before} 00:00:00")
    if source.family in NUMBERS and target.family in NUMBERS and before not in ("", "-", "."):
        with contextlib.suppress(ArithmeticError, ValueError):
            return Decimal(before) == Decimal(after)
    return before == after or (target.family is Family.UUID and before.lower() == after)


def rounded(before: str, after: str, target: Canonical) -> bool:
    """Whether a number came as near as its target's digits allow; halves away from zero."""
    one, other = Decimal(before), Decimal(after)
    unit = Decimal(1).scaleb(-(target.scale or 0)) if target.family is Family.DECIMAL else Decimal(1)
    distance = abs(other) - abs(one)
    return not math.isnan(other) and -unit / 2 < distance <= unit / 2
