"""What this engine's schemas can say, for tables that come from another. Its clock is that of UTC, in whole seconds."""

from __future__ import annotations

from connectors.grammar import Grammar

GRAMMAR = Grammar(
    dialect="sqlite",
    words="sqlite",
    sums="float",
    moments="texts",
    clock="",
    instant="CURRENT_TIMESTAMP",
    utc_clock="CURRENT_TIMESTAMP",
    today="",
    clock_digits=0,
    counts_past_nul=False,
    counts_freely=False,
    counts_keys_only=True,
    adds_stored_columns=False,
    truths_are_numbers=True,
    comments=False,
    folds_names=True,
    index_names_apart=False,
)
