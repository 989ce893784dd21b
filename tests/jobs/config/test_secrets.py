"""Secrets: found where they are kept, refused where others could read them, shown nowhere."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.config.secrets import Secret, SecretRef
from jobs.config.strict import checked
from jobs.errors import ConfigError

PASSWORD = "s3cret-häslich"


def reference(text: str) -> SecretRef:
    return SecretRef.model_validate({"secret": text})


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    return file


def test_a_secret_shows_nowhere() -> None:
    secret = Secret(PASSWORD)
    assert {repr(secret), str(secret), f"{secret}", f"{secret!r}", repr([secret])[1:-1]} == {"***"}
    assert secret.reveal() == PASSWORD
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_password_is_read_from_a_file_without_its_line_end(kept: Path) -> None:
    assert reference(f"file:{kept}").text("here").reveal() == PASSWORD
    kept.write_bytes(b"a\r\n")
    assert reference(f"file:{kept}").text("here").reveal() == "a"
    kept.write_bytes(b" a \n\n")
    assert reference(f"file:{kept}").text("here").reveal() == " a \n"


def test_a_key_is_read_byte_by_byte(kept: Path) -> None:
    kept.write_bytes(b"\x00\xff\n")
    assert reference(f"file:{kept}").raw("here").reveal() == b"\x00\xff\n"


def test_a_secret_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROD_PASSWORD", PASSWORD)
    assert reference("env:PROD_PASSWORD").text("here").reveal() == PASSWORD


def test_an_empty_password_is_none(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROD_PASSWORD", "")
    kept.write_bytes(b"\n")
    for text in ("env:PROD_PASSWORD", f"file:{kept}"):
        with pytest.raises(ConfigError, match=f"^here: the secret in {text} is empty"):
            reference(text).text("here")


def test_a_home_folder_and_a_relative_path_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert reference("file:~/key").secret == "file:/home/ada/key"
    found = checked(SecretRef, {"secret": "file:../key"}, tmp_path / "conf" / "policy.yaml")
    assert found.secret == f"file:{tmp_path / 'key'}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601])
def test_a_file_others_may_use_is_refused_with_the_remedy(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        reference(f"file:{kept}").text("conf/e.yaml: PROD.password")
    assert caught.value.problems == (
        f"conf/e.yaml: PROD.password: {kept} can be read by other users: chmod 600 {kept}",
    )


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for text, said in (
        ("env:NO_SUCH_NAME", "the environment variable NO_SUCH_NAME is not set"),
        (f"file:{tmp_path}/none", "there is no file"),
        (f"file:{tmp_path}", "cannot be read: is a directory"),
        (f"file:{pipe}", "is not a plain file"),
    ):
        with pytest.raises(ConfigError, match=f"^here: .*{said}"):
            reference(text).text("here")


def test_a_password_that_is_not_text_is_refused(kept: Path) -> None:
    kept.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        reference(f"file:{kept}").text("here")


@pytest.mark.parametrize(
    "given",
    [
        PASSWORD,
        12345,
        None,
        [PASSWORD],
        {"secret": PASSWORD},
        {"secret": f"env:{PASSWORD}"},
        {"secret": f"vault:{PASSWORD}"},
        {"secret": "file:"},
        {"secret": "env:"},
        {"password": PASSWORD},
        {"secret": {"env": PASSWORD}},
    ],
)
def test_a_secret_in_plain_text_is_refused_and_not_repeated(given: object) -> None:
    with pytest.raises(ValidationError) as raw:
        SecretRef.model_validate(given)
    with pytest.raises(ConfigError) as caught:
        checked(SecretRef, given, Path("e.yaml"))
    for said in (str(raw.value), repr(raw.value), str(caught.value), repr(caught.value)):
        assert PASSWORD not in said
        assert "12345" not in said
