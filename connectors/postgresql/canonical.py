"""PostgreSQL's types in every engine's words, and back.

A type whose values another engine cannot order or compute with (network addresses, geometry, ranges, arrays, composites,
times with a zone of their own) is OTHER: it travels as the server writes it. A domain is the type under it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from connectors.postgresql.types import BITS, KINDS, PgType
from connectors.schema import ColumnType, Kind
from connectors.types import Canonical, Equality, Family

DATES = frozenset({"infinity", "bc", "late"})
NAN = frozenset({"nan"})
PLAIN: Mapping[str, Canonical] = {
    **{base: Canonical(Family.INTEGER, bits=bits) for base, bits in BITS.items()},
    "money": Canonical(Family.DECIMAL, precision=19, scale=2),
    "float4": Canonical(Family.FLOAT, bits=32, odd=NAN),
    "float8": Canonical(Family.FLOAT, bits=64, odd=NAN),
    "bool": Canonical(Family.BOOLEAN),
    "text": Canonical(Family.TEXT),
    "citext": Canonical(Family.TEXT),
    "name": Canonical(Family.TEXT, octets=63),
    "char": Canonical(Family.TEXT, octets=1),
    "bytea": Canonical(Family.BINARY),
    "date": Canonical(Family.DATE, odd=DATES),
    "uuid": Canonical(Family.UUID),
    "json": Canonical(Family.JSON),
    "jsonb": Canonical(Family.JSON),
}
"""By their short names, as the catalog has them."""

SECOND = 1 << 12
FIELDS, DIGITS = 0x7FFF, 0xFFFF
"""Of an interval's modifier: which fields it keeps, in the upper half, and digits of a second, in the lower; all set where
the type does not say. Without seconds among its fields it drops what is smaller than them, without a word."""


def _numeric(modifier: int) -> Canonical:
    if modifier < 0:
        return Canonical(Family.DECIMAL, odd=NAN)
    precision, scale = modifier - 4 >> 16, ((modifier - 4 & 0x7FF) ^ 1024) - 1024
    if scale < 0:  # numeric(2,-3) rounds to thousands: no engine's words say that
        return Canonical(Family.OTHER)
    return Canonical(Family.DECIMAL, precision=max(precision, scale), scale=scale, odd=NAN)


def _text(fixed: bool) -> Callable[[int], Canonical]:
    return lambda modifier: Canonical(Family.TEXT, length=None if modifier < 0 else modifier - 4, fixed=fixed)


def _bits(fixed: bool) -> Callable[[int], Canonical]:
    return lambda modifier: Canonical(Family.BITS, length=None if modifier < 0 else modifier, fixed=fixed)


def _time(family: Family, odd: frozenset[str]) -> Callable[[int], Canonical]:
    return lambda modifier: Canonical(family, digits=6 if modifier < 0 else modifier, odd=odd)


def _interval(modifier: int) -> Canonical:
    if modifier >= 0 and not modifier >> 16 & SECOND:
        return Canonical(Family.OTHER)
    digits = DIGITS if modifier < 0 else modifier & DIGITS
    return Canonical(Family.INTERVAL, digits=6 if digits == DIGITS else digits)


MODIFIED: Mapping[str, Callable[[int], Canonical]] = {
    "numeric": _numeric,
    "varchar": _text(fixed=False),
    "bpchar": _text(fixed=True),
    "bit": _bits(fixed=True),
    "varbit": _bits(fixed=False),
    "time": _time(Family.TIME, frozenset({"midnight"})),
    "timestamp": _time(Family.TIMESTAMP, DATES),
    "timestamptz": _time(Family.INSTANT, DATES),
    "interval": _interval,
}
"""Those whose catalog entry of a column (its type modifier) says more."""

SHOWN = {
    **{"int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision"},
    **{"bool": "boolean", "numeric": "numeric{}", "varchar": "character varying{}", "bpchar": "character{}"},
    **{"bit": "bit{}", "varbit": "bit varying{}", "interval": "interval{}"},
    **{"time": "time{} without time zone", "timetz": "time{} with time zone"},
    **{"timestamp": "timestamp{} without time zone", "timestamptz": "timestamp{} with time zone"},
    "char": '"char"',
}
"""How the catalog writes a type, where that is not its short name; its modifiers go between the braces."""

OTHERS = (
    *("text", "name", "bytea", "date", "uuid", "json", "jsonb", "xml", "money", "oid", "inet", "cidr", "macaddr"),
    *("macaddr8", "point", "line", "lseg", "box", "path", "polygon", "circle", "tsvector", "tsquery", "pg_lsn"),
    *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "jsonpath"),
)
NAMES = {
    **{name: name for name in (*SHOWN, *OTHERS) if name != "char"},
    **{shown.replace("{}", ""): base for base, shown in SHOWN.items()},
    **{"int": "int4", "decimal": "numeric", "float": "float8", "char": "bpchar"},
}
"""How people may name a type, words between single blanks and without modifiers."""

WRITTEN = re.compile(
    r"([a-z\d_\" ]*?) ?(?:\( ?(\d+) ?(?:, ?(\d+) ?)?\))?( with(?:out)? time zone)?((?:\[\])*)", re.ASCII
)
LONGEST, WIDEST, DEEPEST = 10_485_760, 83_886_080, 1_000
"""Characters of a varchar, bits of a varbit, digits of a numeric: the most that can be declared."""


def made(base: str, *limits: int) -> PgType:
    """A type by its short name, as the catalog would describe a column of it."""
    modifier = _modifier(base, limits)
    written = f"({','.join(map(str, limits))})" if limits else ""
    native = "bpchar" if base == "bpchar" and not limits else SHOWN.get(base, base).format(written)
    kind = KINDS.get(base, Kind.OTHER)
    length = limits[0] if limits and base in ("varchar", "bpchar") else 63 if base == "name" else None
    return PgType(native, kind, length, BITS.get(base), base=base, modifier=modifier)


def _modifier(base: str, limits: Sequence[int]) -> int:
    if not limits:
        return -1
    if base == "numeric":
        return (limits[0] << 16 | limits[1]) + 4
    if base == "interval":
        return FIELDS << 16 | limits[0]
    return limits[0] + (4 if base in ("varchar", "bpchar") else 0)


class PostgresTypes:
    """`connectors.types.Types`."""

    counter = "identity by default"

    def canonical(self, type_: ColumnType) -> Canonical:
        if not isinstance(type_, PgType):
            return Canonical(Family.OTHER)
        if type_.kind is Kind.ENUM:
            return Canonical(Family.ENUM, labels=type_.labels)
        if type_.base in MODIFIED:
            return MODIFIED[type_.base](type_.modifier)
        return PLAIN.get(type_.base, Canonical(Family.OTHER))

    def native(self, type_: Canonical) -> PgType:
        """Text holds what no other type holds whole: an enum's labels (the type itself would have to be made and kept in
        step), sets, and times beyond 24 hours, which an interval would hold but not give back as times."""
        family = type_.family
        if family in SAME:
            return made(SAME[family])
        if family is Family.INTEGER:
            return _integer(type_)
        if family is Family.DECIMAL:
            return _decimal(type_)
        if family is Family.FLOAT:
            return made("float4" if type_.bits == 32 else "float8")
        if family is Family.TEXT and type_.length is not None and 0 < type_.length <= LONGEST:
            return made("bpchar" if type_.fixed else "varchar", type_.length)
        if family is Family.BITS and type_.length is None:
            return made("varbit")
        if family is Family.BITS and type_.length is not None and 0 < type_.length <= WIDEST:
            return made("bit" if type_.fixed else "varbit", type_.length)
        if family in TIMED and type_.digits <= 6 and "long" not in type_.odd:
            return made(TIMED[family], *([] if type_.digits == 6 else [type_.digits]))
        return made("text")

    def named(self, text: str) -> PgType | None:
        match = WRITTEN.fullmatch(" ".join(text.lower().split()))
        if match is None:
            return None
        base = NAMES.get(match[1] + (match[4] or ""))
        limits = [int(limit) for limit in match.group(2, 3) if limit is not None]
        if base in ("bpchar", "bit") and not limits and match[1] != "bpchar":
            limits = [1]  # as the standard has it
        if base == "numeric" and len(limits) == 1:
            limits = [*limits, 0]
        if base is None or not _sound(base, limits) or (limits and (match[5] or base == "timetz")):
            return None
        element = made(base, *limits)
        if not match[5]:
            return element
        return PgType(f"{element.native}[]", Kind.OTHER, base=f"_{base}")

    def equality(self, type_: ColumnType) -> Equality:
        return "padded" if isinstance(type_, PgType) and type_.base == "bpchar" else "exact"

    def every(self) -> Sequence[PgType]:
        """The built-in ones."""
        plain = [made(base) for base in (*SHOWN, *OTHERS) if base not in ("bpchar", "bit")]
        limited = [
            *(made("numeric", 12, 2), made("varchar", 20), made("bpchar", 5), made("bit", 5), made("varbit", 9)),
            *(made("time", 3), made("timestamp", 3), made("timestamptz", 0), made("interval", 0)),
        ]
        arrays = [type_ for type_ in map(self.named, ("integer[]", "text[]")) if type_]
        return [*plain, *limited, *arrays]


def shortens(type_: ColumnType) -> bool:
    """Whether a built-in type has limits that no canonical one knows, as numeric(9,2)[] has: the server rounds to them in
    silence."""
    limited = isinstance(type_, PgType) and type_.modifier >= 0 and "." not in type_.base
    return limited and types.canonical(type_).family is Family.OTHER


def _sound(base: str, limits: Sequence[int]) -> bool:
    """Whether the type may have these limits."""
    if not limits:
        return True
    if base == "numeric":
        return 0 < limits[0] <= DEEPEST and limits[1] <= limits[0]
    if len(limits) > 1:
        return False
    if base in ("time", "timetz", "timestamp", "timestamptz", "interval"):
        return limits[0] <= 6
    return 0 < limits[0] <= {"varchar": LONGEST, "bpchar": LONGEST, "bit": WIDEST, "varbit": WIDEST}.get(base, 0)


SAME = {
    Family.BOOLEAN: "bool",
    Family.BINARY: "bytea",
    Family.DATE: "date",
    Family.UUID: "uuid",
    Family.JSON: "json",  # jsonb would forget blanks, the order of keys, and all but the last of equal keys
}
TIMED = {
    Family.TIME: "time",
    Family.TIMESTAMP: "timestamp",
    Family.INSTANT: "timestamptz",
    Family.INTERVAL: "interval",
}


def _integer(type_: Canonical) -> PgType:
    """The narrowest that holds all of them."""
    low, high = type_.bounds
    for base, bits in BITS.items():
        if -(1 << bits - 1) <= low and high < 1 << bits - 1:
            return made(base)
    return made("numeric", len(str(high)), 0)


def _decimal(type_: Canonical) -> PgType:
    precision, scale = type_.precision, type_.scale or 0
    if precision is None or precision > DEEPEST or not 0 <= scale <= precision:
        return made("numeric")
    return made("numeric", precision, scale)


types = PostgresTypes()
