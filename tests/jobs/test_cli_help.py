"""The command line itself: its help, and what is no command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jobs.cli import app, call
from jobs.errors import MEANINGS
from tests.jobs.commands import Output, printed, refused

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: Output) -> None:
    said = printed(capsys, command, "--help")
    assert f"Example: dbagent {command}" in said


def test_help_lists_every_command_and_exit_code(capsys: Output) -> None:
    said = " ".join(printed(capsys, "--help").split())
    assert all(f" {command} " in said for command in COMMANDS)
    assert all(f"{code.value} {meaning}" in said for code, meaning in MEANINGS.items())


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from jobs.cli import call
call(["--help"])
print(sorted({"pydantic", "sqlalchemy", "sqlglot", "yaml", "pyarrow", "pyspark"} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    "arguments", [["nope"], ["plan"], ["list", "--limit", "x"], ["list", "--limit", "0"], ["run", "a", "b"]]
)
def test_a_wrong_command_line_is_refused(arguments: list[str], capsys: Output) -> None:
    assert "dbagent --help" in refused(capsys, 2, *arguments)


@pytest.mark.parametrize("group", [[], ["key"], ["schema"]])
def test_a_group_without_a_command_shows_its_commands(group: list[str], capsys: Output) -> None:
    assert call(group) == 2
    told = capsys.readouterr()
    assert "Commands" in told.out
    assert told.err == ""
