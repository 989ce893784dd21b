"""The strategies on a user's own DataFrame: the same replacements as in a copy, whatever the partitions."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from anonymizers.errors import PolicyError
from anonymizers.keys import MasterKey
from anonymizers.udf import anonymize

KEY = MasterKey(bytes(range(32)))


def test_replacements_are_those_of_a_copy_however_a_frame_is_cut() -> None:
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, "-m", "tests.anonymizers.frames"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [
        "replacements_are_those_of_a_copy_and_no_integer_is_rounded",
        "partitions_and_batches_change_nothing",
        "the_lines_of_the_readme_run",
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"with_": "fakir", "domain": "email"}, "there is no strategy 'fakir'"),
        ({"with_": "hash", "domain": "x", "kind": "date"}, "does not take date columns"),
        ({"with_": "hash", "domain": "x", "kind": "blob"}, "there is no kind 'blob'"),
        ({"with_": "date_shift", "domain": "x", "kind": "date"}, "needs `subject`"),
        ({"with_": "hash", "domain": "x", "subject": "id", "subject_kind": "date"}, "subject_kind is integer or text"),
        ({"with_": "mask", "domain": "x", "size": 3}, "has no option 'size'"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_runs(given: dict[str, Any], told: str) -> None:
    with pytest.raises(PolicyError, match=told):
        anonymize("email", key=KEY, **given)
