"""Reading YAML and JSON: every mistake has a place, and nothing of the file is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.config.files import read
from jobs.errors import ConfigError


def problem(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(path)
    [line] = caught.value.problems
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_plain_values_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text('\ufeffa: {b: [1, 2.5, yes, null, "x"], since: 2024-13-45}\n', encoding="utf-8")
    assert read(file) == {"a": {"b": [1, 2.5, True, None, "x"], "since": "2024-13-45"}}


def test_a_json_file_is_read_as_json(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a": "yes"}')
    assert read(file) == {"a": "yes"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1,\n", "line 2, column 1: expected the node content, but found '<stream end>'"),
        (b"a: 1\nb: 2\na: 3\n", "line 3, column 1: this key stands here twice"),
        (b"a: {b: 1, b: 2}\n", "line 1, column 11: this key stands here twice"),
        (b"a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins here"),
        (b"\ta: 1\n", "line 1, column 1: a tab stands here; YAML indents with spaces only"),
        (b"a: \xff\n", "byte 4 is not UTF-8 text"),
        (b"a: 1\nb: \x01\n", "line 2, column 4: a control character stands here; remove it"),
        (b"a: 0b_\n", "line 1, column 4: write this number with its digits alone"),
        (b"a: " + b"[" * 200_000, "line 1, column 53: this is nested too deeply"),
        (b"? [x]\n: 1\n", "line 1, column 3: a key must be plain text"),
        (
            b"a: b: c\n",
            "line 1, column 5: this `:` fits nothing; correct the indentation, or put text with `: ` in quotes",
        ),
        (b"a: 'b\nc: d\n", "line 1, column 4: the quotes opened here are not closed"),
        (b"a: 1\nb\n", "line 3, column 1: a `:` is missing before this"),
    ],
)
def test_a_broken_yaml_file_has_one_line_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    assert problem(tmp_path / "a.yaml", content).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1,\n "a": 2}', "the key 'a' stands twice"),
        (b'{"a":\n', "line 2, column 1: expecting value"),
        (b'{"a": 1}x', "line 1, column 9: extra data"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_broken_json_file_has_one_line_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    assert problem(tmp_path / "a.json", content).startswith(said)


@pytest.mark.parametrize(
    "content",
    [
        b"password: *hunter2",
        b"password: !hunter2 x",
        b"password: !!int hunter2",
        b"password: !!bool hunter2",
        b"password: &hunter2 [*hunter2]",
        b"password: @hunter2",
        b"password: 'hunter2",
        b'password: "\\hunter2"',
        b"password: hunter2: x",
        b"%hunter2\n",
        b"a: &hunter2 1\nb: &hunter2 2",
    ],
)
def test_a_password_in_broken_yaml_is_not_repeated(tmp_path: Path, content: bytes) -> None:
    assert "hunter2" not in problem(tmp_path / "a.yaml", content)


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.yaml", "there is no such file"), (tmp_path, "cannot be read: is a directory")):
        with pytest.raises(ConfigError, match=said):
            read(path)
