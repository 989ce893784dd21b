"""The master key's file: made once, readable by its owner alone, never inside a checkout."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from anonymizers.errors import KeyRefused
from anonymizers.keys import SIZE, MasterKey
from jobs.config.secrets import SecretRef
from jobs.errors import ConfigError, UsageError

DEFAULT = "file:~/.config/dbagent/master.key"
"""Where the key of an operation without a policy is kept, and that of a policy that names none."""


def usual_key() -> SecretRef:
    """Where the master key is kept when nothing else is said."""
    return SecretRef(secret=DEFAULT)


def new(path: Path) -> MasterKey:
    """Write a new key (64 hexadecimal characters, mode 0600) to a file that is not there yet. Raises UsageError."""
    path = Path(os.path.abspath(path.expanduser()))
    checkout = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    if checkout is not None:
        raise UsageError(
            f"this is inside the checkout {checkout}: a key there ends up in its history",
            str(path),
            f"keep it elsewhere, as in {DEFAULT.removeprefix('file:')}",
        )
    data = secrets.token_bytes(SIZE)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(data.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise UsageError(
            "there is a file already, and another key would replace every value differently", str(path),
            "name another file, or keep this one: dbagent key show-id",
        ) from None  # fmt: skip
    except OSError as error:
        raise UsageError(f"cannot be written: {(error.strerror or 'error').lower()}", str(path)) from None
    return MasterKey(data)


def read_key(reference: SecretRef, where: str) -> MasterKey:
    """The key that is kept there. `where` names the setting in an error. Raises ConfigError."""
    try:
        return MasterKey.parse(reference.raw(where).reveal())
    except KeyRefused as error:
        raise ConfigError([f"{where}: {error}"]) from None
