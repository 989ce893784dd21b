"""Values of SQLite's declared types, as people keep them there and as its plain driver takes them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.crossing import plenty
from tests.crossing.tables import Sample

WIDE = (*plenty.TEXTS, *plenty.LONG)

SAMPLES: Mapping[str, Sample] = {
    "BOOLEAN": Sample("boolean", (0, 1), lambda row: row % 2),
    "INTEGER": Sample("integer", *plenty.signed(64)),
    "DECIMAL": Sample(
        "decimal", ("0", "1.10", "-0.000001", "999999999999999", "0.1", "1e10"), lambda row: plenty.decimal(row, 9, 5)
    ),
    "DECIMAL(12,2)": Sample(
        "decimal", ("0", "9999999999.99", "-9999999999.99"), lambda row: plenty.decimal(row, 10, 2)
    ),
    "REAL": Sample("float64", plenty.FLOATS, plenty.double),
    "TEXT": Sample("text", WIDE, plenty.text),
    "VARCHAR(40)": Sample("text", (*WIDE, "longer than it says " * 5), plenty.text),
    "BLOB": Sample("binary", (*plenty.BYTES, *plenty.LONG_BYTES), plenty.data),
    "DATE": Sample("date", plenty.DAYS, plenty.day),
    "TIME": Sample("time", ("00:00:00", "23:59:59.999999", "09:30:00.5"), plenty.clock),
    "TIMESTAMP": Sample("timestamp", plenty.MOMENTS, plenty.moment),
    "TIMESTAMPTZ": Sample("instant", plenty.MOMENTS, plenty.moment),
    "UUID": Sample("uuid", plenty.UUIDS, plenty.uuid),
    "JSON TEXT": Sample("text", (*plenty.JSONS, ' {"a" : 1 } '), plenty.json),
    "": Sample("own", ("text", 7, -(2**63), "", "007", "1.50"), lambda row: row if row % 2 else plenty.text(row)),
}
