"""Environments: named databases, as `conf/environments.yaml` describes them.

What an engine needs (address, default port, allowed options) is read from its connector's facts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from connectors.contract import Endpoint, Tls, connector, engines
from connectors.facts import Facts
from jobs.config.files import read
from jobs.config.secrets import SecretRef
from jobs.config.strict import Strict, checked, located, nearest
from jobs.errors import ConfigError

DEFAULT = Path("conf/environments.yaml")


def _plain(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    if "://" in text:
        raise ValueError("must be a plain name, not a URL: host, port, user and password have keys of their own")
    if not text.isprintable():
        raise ValueError("has a character that cannot be seen; remove it")
    return text


def _host(text: str) -> str:
    """A name or an address, several with commas between, or a socket's folder: what errors may print."""
    for one in text.split(","):
        if not (one.startswith("/") or re.fullmatch(r"[\w.-]+", one) or _is_address(one)):
            raise ValueError("must be a host's name or address alone: port, user and password have keys of their own")
    return text


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _environment_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError("an environment's name has letters, digits, `_`, `.` and `-` only")
    return name


Plain = Annotated[str, AfterValidator(_plain)]
Host = Annotated[Plain, AfterValidator(_host)]


class TlsSettings(Strict):
    """How the connection is protected; `ca` is a file of trusted certificates, without it the system's count."""

    mode: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"
    ca: str | None = None

    @field_validator("ca")
    @classmethod
    def _located(cls, path: str | None, info: ValidationInfo) -> str | None:
        return None if path is None else located(path, info)


class Environment(Strict):
    """One named database. Fields behind `engine` are checked against what that engine says of itself."""

    engine: str
    database: Plain
    host: Host | None = Field(default=None, validate_default=True)
    port: int | None = Field(default=None, ge=1, le=65535)
    user: Plain | None = Field(default=None, validate_default=True)
    password: SecretRef | None = Field(default=None, validate_default=True)
    tls: TlsSettings | None = None
    writable: bool = False
    """Only a writable environment may be a target."""
    max_connections: int | None = Field(default=None, ge=3)
    """Bounds all operations on this database together; one operation needs two for its driver and one for a worker."""
    max_mb_per_second: float | None = Field(default=None, gt=0)
    max_snapshot_hours: float | None = Field(default=None, gt=0)
    options: dict[str, str] = Field(default={})
    jars_dir: str | None = None
    """The folder that holds the JDBC driver's jar, where none is to be downloaded."""

    @field_validator("engine")
    @classmethod
    def _exists(cls, name: str) -> str:
        if name not in engines():
            raise ValueError(f"there is no such engine{nearest(name, engines())} (there are {', '.join(engines())})")
        return name

    @field_validator("database")
    @classmethod
    def _file(cls, database: str, info: ValidationInfo) -> str:
        facts = _facts(info)
        return located(database, info) if facts and facts.file else database

    @field_validator("host", "port", "user", "password", "tls")
    @classmethod
    def _address(cls, value: Any, info: ValidationInfo) -> Any:
        facts = _facts(info)
        if facts and value is None and info.field_name in facts.address:
            raise ValueError(f"is missing: {facts.title} needs {', '.join(sorted(facts.address))}")
        if facts and facts.file and value is not None:
            raise ValueError(f"does not belong here: {facts.title} is a file, `database` is its path")
        return value

    @field_validator("jars_dir")
    @classmethod
    def _folder(cls, folder: str | None, info: ValidationInfo) -> str | None:
        facts = _facts(info)
        if facts and facts.jdbc is None and folder is not None:
            raise ValueError(f"does not belong here: {facts.title} has no JDBC path")
        return None if folder is None else located(folder, info)

    @field_validator("options", mode="before")
    @classmethod
    def _as_text(cls, options: Any) -> Any:
        if not isinstance(options, Mapping):
            return options
        return {name: _option(value) for name, value in options.items()}

    @field_validator("options")
    @classmethod
    def _allowed(cls, options: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        facts = _facts(info)
        wrong = sorted(set(options) - facts.options) if facts else []
        if facts and wrong:
            allowed = ", ".join(sorted(facts.options)) or "none"
            raise ValueError(f"{', '.join(wrong)}: not an option of {facts.title} (its options: {allowed})")
        return options

    @property
    def facts(self) -> Facts:
        """What the engine is and can do."""
        return connector(self.engine).facts

    def endpoint(self, name: str, application: str = "dbagent") -> Endpoint:
        """Everything needed to connect, the password looked up now. Raises ConfigError with all problems."""
        problems: list[str] = []
        password = None
        if self.password:
            try:
                password = self.password.text(f"environment {name}: password").reveal()
            except ConfigError as error:
                problems += error.problems
        if self.tls and self.tls.ca and not os.access(self.tls.ca, os.R_OK):
            reason = "cannot be read" if os.path.exists(self.tls.ca) else "is not there"
            problems.append(f"environment {name}: tls.ca: the file {self.tls.ca} {reason}")
        if problems:
            raise ConfigError(problems)
        return Endpoint(
            environment=name,
            engine=self.engine,
            database=self.database,
            host=self.host,
            port=self.port or self.facts.default_port,
            user=self.user,
            password=password,
            tls=Tls(self.tls.mode, self.tls.ca) if self.tls else Tls(),
            options=self.options,
            application=application,
        )


def _option(value: Any) -> Any:
    """Numbers and switches as the driver takes them: in text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _facts(info: ValidationInfo) -> Facts | None:
    """The engine's facts, once the engine itself is known to be right."""
    engine = info.data.get("engine")
    return connector(engine).facts if engine else None


def environments_path(given: Path | str | None = None) -> Path:
    """The file that counts: the one given, else DBAGENT_ENVIRONMENTS, else conf/environments.yaml."""
    return Path(given or os.environ.get("DBAGENT_ENVIRONMENTS") or DEFAULT)


def load_environments(path: Path | str | None = None) -> dict[str, Environment]:
    """Every environment of the file, by name. Raises ConfigError with all problems."""
    file = environments_path(path)
    try:
        found = read(file)
    except ConfigError as error:
        todo = "" if file.exists() else "name it with --environments FILE or DBAGENT_ENVIRONMENTS"
        raise ConfigError(error.problems, todo) from None
    if not found:
        raise ConfigError([f"{file}: names no environment"])
    environments: dict[str, Environment] = checked(
        dict[Annotated[str, AfterValidator(_environment_name)], Environment], found, file
    )
    return environments


def choose(environments: Mapping[str, Environment], names: Mapping[str, str]) -> list[Environment]:
    """The environments of these names; `names` says for each where it stands: {"op.yaml: source_env": "PROD"}.
    Raises ConfigError with every name that is not there."""
    wrong = [
        f"{where}: there is no environment {name!r}{nearest(name, environments)} (known: {', '.join(environments)})"
        for where, name in names.items()
        if name not in environments
    ]
    if wrong:
        raise ConfigError(wrong)
    return [environments[name] for name in names.values()]
