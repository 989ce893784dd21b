"""How well detection does on schemas labelled by hand: floors under precision and recall, without a single value."""

from __future__ import annotations

import pytest

from anonymizers.detection.contract import Candidate, Verdict
from anonymizers.detection.detect import detect_table
from tests.anonymizers.detection import more_schemas
from tests.anonymizers.detection.corpus import KNOWN_SCHEMAS, OUR_OWN, Labelled, tables


def verdicts(text: str) -> list[tuple[Labelled, Verdict | None]]:
    return [
        pair
        for table in tables(text)
        for pair in zip(table, detect_table([Candidate(c.table, c.column, c.shape) for c in table]), strict=True)
    ]


@pytest.mark.parametrize("text", [KNOWN_SCHEMAS, OUR_OWN], ids=["known schemas", "our own"])
def test_precision_and_recall(text: str) -> None:
    found = [(label, verdict) for label, verdict in verdicts(text) if not label.judged]
    personal = [(label, verdict) for label, verdict in found if label.domains]
    plain = [(label, verdict) for label, verdict in found if not label.domains]
    missed = [f"{label.table}.{label.column}" for label, verdict in personal if verdict is None or not verdict.rule]
    alarms = [f"{label.table}.{label.column}: {verdict}" for label, verdict in plain if verdict]
    wrong = [
        f"{label.table}.{label.column}: {v.domain}" for label, v in personal if v and v.domain not in label.domains
    ]
    assert min(len(personal), len(plain)) > 80
    assert len(missed) <= 0.05 * len(personal), missed
    assert len(alarms) <= 0.03 * len(plain), alarms
    assert len(wrong) <= 0.02 * len(personal), wrong


def test_what_may_hold_anything_goes_to_a_person() -> None:
    judged = [(label, verdict) for label, verdict in verdicts(KNOWN_SCHEMAS + OUR_OWN) if label.judged]
    assert len(judged) > 15
    for label, verdict in judged:
        assert verdict is not None, label
        assert verdict.undecidable, label
        assert verdict.rule is None


def test_names_in_many_languages_and_abbreviations() -> None:
    """A floor under what was once measured on names nobody had tuned for."""
    missed, alarms, personal, plain = [], [], 0, 0
    for columns, named in more_schemas.tables():
        for column, verdict in zip(columns, detect_table(columns), strict=True):
            place = f"{column.table}.{column.column}"
            if column.column in named:
                personal += 1
                missed += [] if verdict else [place]
            else:
                plain += 1
                alarms += [place] if verdict else []
    assert min(personal, plain) > 500
    assert len(missed) <= 0.06 * personal, missed
    assert len(alarms) <= 0.01 * plain, alarms
