"""What this engine's schemas can say, for tables that come from another: what every supported version of it can."""

from __future__ import annotations

from connectors.grammar import Grammar

GRAMMAR = Grammar(
    dialect="mysql",
    words="mysql",
    sums="long",
    moments="values",
    clock="CURRENT_TIMESTAMP({digits})",
    instant="CURRENT_TIMESTAMP({digits})",
    utc_clock="UTC_TIMESTAMP({digits})",
    today="CURRENT_DATE",
    clock_digits=0,
    counters_checked=False,
    counts_freely=False,
    renews=True,
    virtual_cut=True,
    computed_not_null=False,
    truths_are_numbers=True,
    partial_indexes=False,
    expression_indexes=False,
    prefix_indexes=True,
    key_bytes=3072,
    endless_keys=False,
    set_default=False,
    deferrable=False,
    set_null_needs_null=True,
    changes_in_sight=False,
    keys_need_indexes=True,
    same_key_types=True,
    constraint_names="schema",
    folds_names=True,
)
