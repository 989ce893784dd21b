"""Making and reading the master key's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.config.keyfile import new, read_key
from jobs.config.secrets import SecretRef
from jobs.errors import ConfigError, UsageError


def test_a_new_key_is_random_readable_by_its_owner_alone_and_reads_back(tmp_path: Path) -> None:
    paths = [tmp_path / "deep" / name for name in ("one", "other")]
    keys = [new(path) for path in paths]
    assert keys[0].id != keys[1].id
    for path, key in zip(paths, keys, strict=True):
        assert path.stat().st_mode & 0o777 == 0o600
        assert read_key(SecretRef(secret=f"file:{path}"), "key").id == key.id


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("mine")
    with pytest.raises(UsageError, match="there is a file already"):
        new(path)
    assert path.read_text() == "mine"


def test_no_key_is_made_inside_a_checkout(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(UsageError, match="inside the checkout"):
        new(tmp_path / "conf" / "key")
    assert not (tmp_path / "conf").exists()


@pytest.mark.parametrize("content", ["", "abc", "00" * 32, "zz" * 32])
def test_a_bad_key_is_refused_without_being_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as problem:
        read_key(SecretRef(secret=f"file:{path}"), "policy: key")
    assert str(problem.value).startswith("policy: key: ")
    assert not content or content not in str(problem.value)
