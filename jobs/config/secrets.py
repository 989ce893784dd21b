"""Secrets: settings name where a secret is kept (`env:NAME`, `file:PATH`), and only this module looks it up.

The value travels as `Secret`, which shows `***` wherever it is printed and is taken out only by `reveal()`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import ValidationError, ValidationInfo, field_validator, model_validator

from jobs.config.strict import Strict, located
from jobs.errors import ConfigError

T = TypeVar("T", str, bytes)

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)

FORM = 'write {secret: "env:NAME"} or {secret: "file:PATH"}'


class Secret(Generic[T]):
    """A secret that no printing, formatting or pickling shows."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: reveal it where it is used")


class SecretRef(Strict):
    """Where a secret is kept."""

    secret: str

    @model_validator(mode="before")
    @classmethod
    def _is_a_reference(cls, given: Any) -> Any:
        if isinstance(given, (Mapping, cls)):
            return given
        raise ValueError(f"a secret never stands here itself: {FORM}")

    @field_validator("secret")
    @classmethod
    def _has_a_known_store(cls, reference: str, info: ValidationInfo) -> str:
        store, colon, place = reference.partition(":")
        if not colon or store not in STORES or not (_NAME.fullmatch(place) if store == "env" else place):
            raise ValueError(f"names no secret store: {FORM}")
        return f"file:{located(place, info)}" if store == "file" else reference

    def raw(self, where: str) -> Secret[bytes]:
        """The secret as it is kept. `where` names the setting in an error. Raises ConfigError."""
        store, _, place = self.secret.partition(":")
        return Secret(STORES[store](place, where))

    def text(self, where: str) -> Secret[str]:
        """The secret as text, without the line end an editor leaves. Raises ConfigError."""
        try:
            text = self.raw(where).reveal().decode()
        except UnicodeDecodeError:
            raise ConfigError([f"{where}: the secret in {self.secret} is not UTF-8 text"]) from None
        found = text.removesuffix("\n").removesuffix("\r")
        if not found:
            raise ConfigError([f"{where}: the secret in {self.secret} is empty"])
        return Secret(found)


def reference(text: str) -> SecretRef:
    """A reference as it stands on a command line. Raises ConfigError."""
    try:
        return SecretRef(secret=text)
    except ValidationError:
        raise ConfigError(["this names no secret store: write file:PATH or env:NAME"]) from None


def _from_environment(name: str, where: str) -> bytes:
    value = os.environb.get(os.fsencode(name))
    if value is None:
        raise ConfigError([f"{where}: the environment variable {name} is not set: export {name}=…"])
    return value


def _from_file(path: str, where: str) -> bytes:
    try:
        # O_NONBLOCK: a named pipe must be refused below, not waited for
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError([f"{where}: {path} is not a plain file"])
            if status.st_mode & 0o077:
                raise ConfigError([f"{where}: {path} can be read by other users: chmod 600 {path}"])
            return file.read()
    except FileNotFoundError:
        raise ConfigError([f"{where}: there is no file {path}"]) from None
    except OSError as error:
        raise ConfigError([f"{where}: {path} cannot be read: {(error.strerror or 'error').lower()}"]) from None


STORES: Mapping[str, Callable[[str, str], bytes]] = {"env": _from_environment, "file": _from_file}
"""Scheme → how to look a secret up there, given its place and the setting that asks for it."""
