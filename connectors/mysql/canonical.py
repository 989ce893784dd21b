"""This engine's types in every engine's words (`connectors.types`), and the types of columns that are made for others.

Never chosen for a column to be made, though they could hold most of it: TEXT, which ends at 65,535 bytes, as LONGTEXT does
not; TIMESTAMP, which ends in 2038, as DATETIME does not. A TINYINT(1) is an integer: it can hold 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from connectors.mysql.types import AS_BYTES, BITS, LENGTHS, SPATIAL, MyType, column_type
from connectors.schema import ColumnType
from connectors.types import WIDTHS, Canonical, Equality, Family

FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys((*BITS, "year"), Family.INTEGER),
    **dict.fromkeys(("float", "double"), Family.FLOAT),
    **dict.fromkeys(("char", "varchar", "longtext", *LENGTHS), Family.TEXT),
    **dict.fromkeys(AS_BYTES, Family.BINARY),
    "decimal": Family.DECIMAL,
    "date": Family.DATE,
    "time": Family.TIME,
    "datetime": Family.TIMESTAMP,
    "timestamp": Family.INSTANT,
    "json": Family.JSON,
    "uuid": Family.UUID,
    "bit": Family.BITS,
    "enum": Family.ENUM,
    "set": Family.SET,
}
BLOBS = {"tinyblob": 255, "blob": 65_535, "mediumblob": 16_777_215}
INLINE = 768
"""Characters of the longest VARCHAR that is chosen: a key holds it, and a row some twenty of them. VARBINARY: four times it."""
LONGTEXT = "longtext"
MOST_DIGITS, MOST_SCALE = 65, 30
MOST_LABELS = {"enum": 1_000, "set": 64}
LABEL = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
NUMBERS = re.compile(r"^\w+\((\d+)(?:,(\d+))?\)")
ESCAPED = {"n": "\n", "r": "\r", "0": "\0"}


class MysqlTypes:
    """`connectors.types.Types`."""

    counter: str | None = "auto_increment"

    def canonical(self, type_: ColumnType) -> Canonical:
        assert isinstance(type_, MyType)
        family = FAMILIES.get(type_.base, Family.OTHER)
        if family is Family.INTEGER:
            only = "0 or a year from 1901 to 2155" if type_.base == "year" else ""
            return Canonical(family, bits=BITS.get(type_.base, 16), unsigned=type_.unsigned, only=only)
        if family is Family.FLOAT:
            return Canonical(family, bits=32 if type_.base == "float" else 64)
        if family is Family.DECIMAL:
            digits, scale = numbers(type_.native)
            return Canonical(family, precision=digits, scale=scale or 0)
        if family is Family.TEXT:
            octets, fixed = LENGTHS.get(type_.base), type_.base == "char"
            length = None if octets else type_.length
            return Canonical(family, length=length, octets=octets, fixed=fixed, odd=frozenset({"nul"}))
        if family is Family.BINARY:
            length, only = BLOBS.get(type_.base) or _length(type_), "a shape" if type_.base in SPATIAL else ""
            return Canonical(family, length=length, fixed=type_.base == "binary", only=only)
        if family is Family.BITS:
            return Canonical(family, length=numbers(type_.native)[0], fixed=True)
        if family in (Family.ENUM, Family.SET):
            return Canonical(family, labels=labels(type_.native))
        if family in (Family.TIMESTAMP, Family.INSTANT, Family.DATE):
            only = "a moment from 1970 to 2038" if family is Family.INSTANT else ""
            return Canonical(family, digits=numbers(type_.native)[0] or 0, odd=frozenset({"zero"}), only=only)
        if family is Family.TIME:
            return Canonical(family, digits=numbers(type_.native)[0] or 0, odd=frozenset({"long", "midnight"}))
        return Canonical(family)

    def native(self, type_: Canonical) -> MyType | None:
        return made(_native(type_))

    def named(self, text: str) -> MyType | None:
        found = NAMED.fullmatch(text.strip())
        if found is None:
            return None
        word, given, sign = " ".join(found["word"].lower().split()), found["given"], " unsigned" * bool(found["sign"])
        word, default = SYNONYMS.get(word, (word, None))
        if word in ("enum", "set"):
            return None if sign or given is None else _labelled(word, given)
        if word not in ROOM or (sign and word not in SIGNED):
            return None
        asked = given if given is not None else default
        if asked is None:
            return made(word + sign) if ROOM[word][0] == 0 else None
        parts = [part.strip() for part in asked.split(",")]
        fewest, *most = ROOM[word]
        if not all(part.isdigit() and int(part) <= limit for part, limit in zip(parts, most, strict=False)):
            return None
        if not fewest <= len(parts) <= len(most) or (len(parts) > 1 and int(parts[1]) > int(parts[0])):
            return None
        if word in SIZED and not int(parts[0]):
            return None
        return made(f"{word}({','.join(str(int(part)) for part in parts)}){sign}")

    def equality(self, type_: ColumnType) -> Equality:
        """Without a collation of its own a column gets one that tells all apart."""
        collation = type_.collation if isinstance(type_, MyType) else None
        if collation is None or collation == "binary" or collation.endswith(("_nopad_bin", "_0900_bin")):
            return "exact"
        return "padded" if collation.endswith("_bin") else "other"

    def every(self) -> Sequence[MyType]:
        return [made(native) for native in EVERY]


def made(native: str) -> MyType:
    """The type of a column to be made. Which collation its texts have, the server it is made on decides."""
    base = re.split(r"[( ]", native, maxsplit=1)[0]
    charset = "utf8mb4" if base in TEXTS else None
    return column_type(native, base, charset, None, base == "json")


def numbers(native: str) -> tuple[int | None, int | None]:
    """The one or two numbers behind a type's name."""
    found = NUMBERS.match(native)
    return (int(found[1]), int(found[2]) if found[2] else None) if found else (None, None)


def labels(native: str) -> tuple[str, ...]:
    """The labels of `enum('a','b')`, as the catalog writes them."""
    return tuple(
        re.sub(r"''|\\(.)", lambda one: ESCAPED.get(one[1], one[1]) if one[1] else "'", found, flags=re.DOTALL)
        for found in LABEL.findall(native)
    )


def quoted(text: str) -> str:
    """A label as the catalog and DDL write it."""
    for character, escape in (("\\", "\\\\"), ("'", "''"), *((value, f"\\{name}") for name, value in ESCAPED.items())):
        text = text.replace(character, escape)
    return f"'{text}'"


def _length(type_: MyType) -> int | None:
    return numbers(type_.native)[0] if type_.base in ("binary", "varbinary") else None


def _native(type_: Canonical) -> str:
    family = type_.family
    if family is Family.INTEGER:
        base = next(name for name, bits in BITS.items() if bits >= (type_.bits or 64))
        return base + " unsigned" * type_.unsigned
    if family is Family.DECIMAL:
        return _decimal(type_)
    if family is Family.FLOAT:
        return "float" if type_.bits == 32 else "double"
    if family is Family.TEXT:
        most = min((limit for limit in (type_.length, type_.octets) if limit is not None), default=None)
        return f"char({most})" if type_.fixed and most and most <= 255 else _text(most)
    if family is Family.BINARY:
        return _bytes(type_)
    if family is Family.BITS:
        return f"bit({type_.length})" if type_.fixed and type_.length in range(1, 65) else _text(type_.length)
    if family in (Family.ENUM, Family.SET):
        able = _listable(family.value, type_.labels)
        return f"{family.value}({','.join(map(quoted, type_.labels))})" if able else _text(type_.width)
    if family in FRACTIONS:
        fraction = f"({type_.digits})" if type_.digits else ""
        return FRACTIONS[family] + fraction if type_.digits <= 6 else _text(WIDTHS[family] + type_.digits)
    return PLAIN.get(family, LONGTEXT)


PLAIN = {Family.BOOLEAN: "tinyint(1)", Family.DATE: "date", Family.UUID: "char(36)", Family.JSON: "json"}
FRACTIONS = {Family.TIME: "time", Family.TIMESTAMP: "datetime", Family.INSTANT: "datetime"}


def _text(most: int | None) -> str:
    return f"varchar({max(1, most)})" if most is not None and most <= INLINE else LONGTEXT


def _bytes(type_: Canonical) -> str:
    if type_.length is None or type_.length > 4 * INLINE:
        return "longblob"
    return f"{'' if type_.fixed and 0 < type_.length <= 255 else 'var'}binary({max(1, type_.length)})"


def _decimal(type_: Canonical) -> str:
    if type_.precision is None:
        return f"decimal({MOST_DIGITS},{MOST_SCALE})"
    given = type_.scale or 0
    scale = max(given, 0)
    digits = max(type_.precision - given, 0) + scale
    return f"decimal({max(1, digits)},{scale})" if digits <= MOST_DIGITS and scale <= MOST_SCALE else LONGTEXT


def _listable(base: str, given: Sequence[str]) -> bool:
    """Whether a column can be made with these labels, each told from the others, and none with blanks that would go."""
    if not 0 < len(given) <= MOST_LABELS[base] or len(set(given)) < len(given):
        return False
    if base == "set" and any(not label or "," in label for label in given):
        return False
    return all(len(label) <= 255 and label == label.rstrip(" ") for label in given)


def _labelled(base: str, given: str) -> MyType | None:
    found = labels(f"{base}({given})")
    whole = re.fullmatch(rf"\s*{LABEL.pattern}(?:\s*,\s*{LABEL.pattern})*\s*", given, re.DOTALL)
    return made(f"{base}({','.join(map(quoted, found))})") if whole and _listable(base, found) else None


TEXTS = frozenset({"char", "varchar", LONGTEXT, *LENGTHS, "enum", "set"})
NAMED = re.compile(
    r"(?P<word>[a-z]\w*(?:\s+(?:precision|varying))?)(?:\s*\((?P<given>.*)\))?(?P<sign>\s+unsigned)?",
    re.IGNORECASE | re.DOTALL,
)
SYNONYMS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("bool", "boolean"), ("tinyint", "1")),
    **dict.fromkeys(("numeric", "dec", "decimal"), ("decimal", "10,0")),
    **dict.fromkeys(("double precision", "real"), ("double", None)),
    **dict.fromkeys(("char", "character"), ("char", "1")),
    "integer": ("int", None),
    "character varying": ("varchar", None),
    "binary": ("binary", "1"),
    "bit": ("bit", "1"),
}
"""What else a type is called, and what is meant where no numbers follow."""
SIGNED = frozenset({*BITS, "decimal", "float", "double"})
SIZED = frozenset({"char", "varchar", "binary", "varbinary", "decimal", "bit"})
"""Types of which there is none of size 0 that holds anything."""
ROOM: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(FAMILIES, (0,)),
    **dict.fromkeys(("inet4", "inet6"), (0,)),
    **dict.fromkeys(BITS, (0, 255)),
    **dict.fromkeys(("time", "datetime", "timestamp"), (0, 6)),
    "char": (1, 255),
    "varchar": (1, 16_383),
    "binary": (1, 255),
    "varbinary": (1, 65_532),
    "decimal": (1, MOST_DIGITS, MOST_SCALE),
    "bit": (1, 64),
}
"""How many numbers must follow a type's name, and the most that each of them may be."""


def _every() -> Iterator[str]:
    for base in BITS:
        yield from (base, f"{base} unsigned")
    yield from (
        "tinyint(1)",
        "year",
        "decimal(10,0)",
        "decimal(65,30)",
        "float",
        "double",
        "bit(1)",
        "bit(13)",
        "bit(64)",
    )
    yield from (
        "char(20)",
        "varchar(200)",
        "tinytext",
        "text",
        "mediumtext",
        LONGTEXT,
        "json",
        "uuid",
        "inet4",
        "inet6",
    )
    yield from ("binary(16)", "varbinary(300)", *BLOBS, "longblob", "geometry", "point")
    yield from ("date", "time", "time(6)", "datetime", "datetime(3)", "datetime(6)", "timestamp", "timestamp(6)")
    yield from ("enum('a','B c','d''e')", "set('a','b','c d')")


EVERY = tuple(_every())
types = MysqlTypes()
