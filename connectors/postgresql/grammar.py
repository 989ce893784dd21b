"""What this engine's schemas can say, for tables that come from another."""

from __future__ import annotations

from connectors.grammar import Grammar

GRAMMAR = Grammar(
    dialect="postgres",
    words="postgresql",
    sums="operands",
    moments="values",
    clock="LOCALTIMESTAMP({digits})",
    instant="CURRENT_TIMESTAMP({digits})",
    utc_clock="timezone('UTC', CURRENT_TIMESTAMP({digits}))",
    today="CURRENT_DATE",
    clock_digits=6,
    instant_literal="{}+00",
    bytes_literal="'\\x{}'",
    virtual_columns=False,
    key_bytes=2704,
    index_names_apart=False,
)
