"""An operation: what a person asks for, as one YAML or JSON file.

Loading one makes it self-contained: the policy is inlined, paths are absolute, secrets stay references. So
`model_dump(mode="json")` can be stored, and `Operation.model_validate` brings it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from jobs.config.approvals import Roles
from jobs.config.files import read
from jobs.config.mappings import ColumnMappings
from jobs.config.names import ColumnText, TableText, once, parse_column, parse_table
from jobs.config.policy import Policy
from jobs.config.strict import Strict, checked
from jobs.errors import ConfigError

ALL = "*"


def _table_or_all(text: str) -> str:
    if text != ALL:
        parse_table(text)
    return text


Where = Annotated[str, Field(min_length=1)]
Tables = Annotated[
    Annotated[list[Annotated[str, AfterValidator(_table_or_all)]], Field(min_length=1), Tag("<list>")]
    | Annotated[dict[TableText, Where | None], Field(min_length=1), Tag("<mapping>")],
    Discriminator(lambda given: "<mapping>" if isinstance(given, Mapping) else "<list>"),
]


def _paths(given: object) -> str:
    return "<tables>" if isinstance(given, Mapping) else "<path>"


ReadPath = Literal["auto", "native", "jdbc"]
WritePath = Literal["auto", "bulk", "jdbc"]
ReadPaths = Annotated[
    Annotated[ReadPath, Tag("<path>")] | Annotated[dict[TableText, ReadPath], Field(min_length=1), Tag("<tables>")],
    Discriminator(_paths),
]
WritePaths = Annotated[
    Annotated[WritePath, Tag("<path>")] | Annotated[dict[TableText, WritePath], Field(min_length=1), Tag("<tables>")],
    Discriminator(_paths),
]


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z") + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("must be a moment with its zone, as in 2026-12-01T02:00:00+01:00")
    return moment.astimezone(timezone.utc).isoformat()


Moment = Annotated[str, AfterValidator(_moment)]


class Operation(Strict):
    """One request to copy, or to make a schema. Each field is checked against those before it, so that all problems show at
    once."""

    operation_type: Literal["copy_full", "copy_filtered", "sync_schema"]
    source_env: str
    target_env: str
    sync_schema: bool = False
    """Of a copy: everything else that the tables consist of comes with their rows."""
    mode: Literal["create", "update", "recreate"] = "create"
    """Of a schema: make what is missing; alter too what alters without a loss; or drop the tables and make them anew."""
    alter: Literal["additive", "any"] = "additive"
    """Of `mode: update`: whether it alters too what rows or programs could need as it is."""
    include_indexes: bool = True
    include_constraints: bool = True
    tables: Tables
    exclude: list[TableText] = Field(default=[])
    filter: dict[TableText, Where] = Field(default={}, validate_default=True)
    anonymize: bool = True
    policy: Policy | None = None
    """Without one the detector's proposals stand for it."""
    column_mappings: ColumnMappings = Field(default={})
    """What tables and columns become in the target, where it is not what they are."""
    allow_lossy: list[ColumnText] = Field(default=[])
    """Columns whose values may lose what the plan says of them."""
    read: ReadPaths = "auto"
    """How rows are read: of all tables, or table by table."""
    write: WritePaths = "auto"
    parallel_workers: int = Field(default=4, ge=1, le=64)
    if_target_not_empty: Literal["refuse", "truncate", "append"] = "refuse"
    on_violation: Literal["fail", "report"] = "fail"
    disable_constraints: bool = False
    """What slows rows down waits for them: the target's indexes, foreign keys and triggers, as far as that is worth it."""
    domain_id: str | None = None
    """An opaque label for reports."""
    required_approvers: Roles = Field(default=[])
    """Roles this operation needs besides those of its pair."""
    scheduled_at: Moment | None = None
    """It does not run before."""

    @field_validator("target_env")
    @classmethod
    def _elsewhere(cls, target: str, info: ValidationInfo) -> str:
        if target == info.data.get("source_env"):
            raise ValueError("is also source_env: an environment is not copied onto itself")
        return target

    @field_validator("sync_schema")
    @classmethod
    def _said_once(cls, given: bool, info: ValidationInfo) -> bool:
        if given and info.data.get("operation_type") == "sync_schema":
            raise ValueError("is what operation_type: sync_schema does already; remove it")
        return given

    @field_validator("mode", "alter", "include_indexes", "include_constraints")
    @classmethod
    def _of_schemas(cls, given: Any, info: ValidationInfo) -> Any:
        if "operation_type" not in info.data or info.data["operation_type"] == "sync_schema":
            return given
        if given == "recreate":
            raise ValueError("drops the tables, so it is an operation of its own: operation_type: sync_schema")
        if given != _default(cls, info) and not info.data.get("sync_schema", True):
            raise ValueError("has no use without sync_schema: true")
        return given

    @field_validator("alter")
    @classmethod
    def _of_update(cls, given: str, info: ValidationInfo) -> str:
        if given != _default(cls, info) and info.data.get("mode", "update") != "update":
            raise ValueError("has no use without mode: update")
        return given

    @field_validator("anonymize", "policy", "read", "write", "parallel_workers", "if_target_not_empty", "on_violation",
                     "disable_constraints")  # fmt: skip
    @classmethod
    def _of_rows(cls, given: Any, info: ValidationInfo) -> Any:
        if info.data.get("operation_type") == "sync_schema" and given != _default(cls, info):
            raise ValueError("is about rows, and sync_schema moves none; remove it")
        return given

    @field_validator("tables")
    @classmethod
    def _named_once(cls, tables: list[str] | dict[str, str | None]) -> list[str] | dict[str, str | None]:
        if ALL in tables and len(tables) > 1:
            raise ValueError('"*" means every table: write it alone, or name the tables')
        once((table for table in tables if table != ALL), parse_table, "table")
        return tables

    @field_validator("exclude")
    @classmethod
    def _not_wanted_too(cls, exclude: list[str], info: ValidationInfo) -> list[str]:
        once(exclude, parse_table, "table")
        named = {parse_table(table) for table in info.data.get("tables", ()) if table != ALL}
        both = [table for table in exclude if parse_table(table) in named]
        if both:
            raise ValueError(f"{', '.join(both)}: named in `tables` too; take it out of one of them")
        return exclude

    @field_validator("filter")
    @classmethod
    def _fits(cls, given: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        once(given, parse_table, "table")
        if "tables" not in info.data or "operation_type" not in info.data:
            return given
        filtered = _conditions(info.data["tables"])
        names = {parse_table(table) for table in filtered}
        both = [table for table in given if parse_table(table) in names]
        if both:
            raise ValueError(f"{', '.join(both)}: has a WHERE in `tables` too; keep one of them")
        if info.data["operation_type"] == "sync_schema" and (given or filtered):
            raise ValueError("sync_schema moves no rows: remove the filters")
        if info.data["operation_type"] == "copy_full" and (given or filtered):
            raise ValueError("copy_full copies every row: use operation_type: copy_filtered, or remove the filters")
        if info.data["operation_type"] == "copy_filtered" and not (given or filtered):
            raise ValueError(
                "is missing: copy_filtered needs a WHERE for at least one table; copy_full copies all rows"
            )
        return given

    @field_validator("allow_lossy")
    @classmethod
    def _allowed_once(cls, columns: list[str]) -> list[str]:
        once(columns, parse_column, "column")
        return columns

    @field_validator("policy")
    @classmethod
    def _goes_with_anonymize(cls, policy: Policy | None, info: ValidationInfo) -> Policy | None:
        if info.data.get("anonymize") is False and policy is not None:
            raise ValueError("has no use with anonymize: false; remove one of them")
        return policy

    @field_validator("read", "write")
    @classmethod
    def _paths_once(cls, given: str | dict[str, str]) -> str | dict[str, str]:
        once([] if isinstance(given, str) else given, parse_table, "table")
        return given

    @property
    def moves_rows(self) -> bool:
        return self.operation_type != "sync_schema"

    @property
    def carries_schema(self) -> bool:
        return self.sync_schema or not self.moves_rows

    @property
    def through_spark(self) -> tuple[bool, bool]:
        """Whether Spark itself is asked to read, and to write."""
        asked = [given.values() if isinstance(given, dict) else (given,) for given in (self.read, self.write)]
        return "jdbc" in asked[0], "jdbc" in asked[1]

    @property
    def wanted(self) -> list[str] | None:
        """The tables named, as written; None means every table."""
        return None if ALL in self.tables else list(self.tables)

    @property
    def filters(self) -> dict[str, str]:
        """Every WHERE, by table as written."""
        return {**_conditions(self.tables), **self.filter}


_UNREAD = Policy.model_validate({"key": {"secret": "env:UNREAD"}, "columns": {}})
"""Stands for a policy file that has problems of its own, so that the operation's are told beside them."""


def load_operation(path: Path | str) -> Operation:
    """The operation in a file, self-contained. Raises ConfigError with all problems, those of its policy included."""
    file = Path(path)
    given = read(file)
    problems: list[str] = []
    if isinstance(given, dict) and isinstance(given.get("policy"), str):
        try:
            given["policy"] = load_policy(_policy_path(given["policy"], file))
        except ConfigError as error:
            problems += error.problems
            given["policy"] = _UNREAD
    try:
        operation: Operation = checked(Operation, given, file)
    except ConfigError as error:
        problems = [*error.problems, *problems]
    if problems:
        raise ConfigError(problems)
    return operation


def load_policy(file: Path) -> Policy:
    """The policy in a file. Raises ConfigError with all problems."""
    policy: Policy = checked(Policy, read(file), file)
    return policy


def _policy_path(text: str, operation: Path) -> Path:
    """Beside the operation's file, else in the current folder."""
    path = Path(text).expanduser()
    beside = operation.parent / path
    return path if path.exists() and not beside.exists() else beside


def _default(model: type[Operation], info: ValidationInfo) -> Any:
    return model.model_fields[info.field_name or ""].default


def _conditions(tables: Iterable[str]) -> dict[str, str]:
    return {table: where for table, where in tables.items() if where} if isinstance(tables, Mapping) else {}
