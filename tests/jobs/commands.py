"""What tests see of a command: what it printed, or its one block of an error."""

from __future__ import annotations

import pytest

from jobs.cli import call

Output = pytest.CaptureFixture[str]


def refused(output: Output, code: int, *arguments: str) -> str:
    """Run a command that must end with this code; returns its one block on stderr."""
    output.readouterr()
    assert call(list(arguments)) == code
    said = output.readouterr().err
    assert said.startswith("error: ")
    assert said.count("error: ") == 1
    assert "Traceback" not in said
    return said


def printed(output: Output, *arguments: str) -> str:
    """Run a command that must succeed and say nothing on stderr; returns its stdout."""
    output.readouterr()
    assert call(list(arguments)) == 0
    said = output.readouterr()
    assert said.err == ""
    return said.out
