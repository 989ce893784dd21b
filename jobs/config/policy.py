"""A policy: what happens to each column, and where the master key is kept (else: in your configuration folder).

key: {secret: "file:~/.config/dbagent/master.key"}
columns:
  users.email: {strategy: faker, domain: email}
  users.notes: {strategy: "null"}
  users.status: keep
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from jobs.config.keyfile import usual_key
from jobs.config.names import ColumnName, ColumnText, parse_column
from jobs.config.secrets import SecretRef
from jobs.config.strict import Strict

KEEP = "keep"


@dataclass(frozen=True)
class PolicyRule:
    """One column's rule. `text` is the column as it was written, `strategy` is None for `keep`."""

    text: str
    name: ColumnName
    strategy: str | None
    domain: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "policy"


def _scalar(option: Any) -> Any:
    if not isinstance(option, (str, int, float)):
        raise ValueError("must be text, a number, true or false")
    return option


class ColumnRule(Strict):
    """One column's rule as written; keys besides strategy and domain are the strategy's options."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(_scalar)]] = Field(init=False)

    strategy: str
    domain: str | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        if given is None:
            raise ValueError(_NOTHING)
        return {"strategy": given} if isinstance(given, str) else given

    @field_validator("strategy", mode="before")
    @classmethod
    def _given(cls, strategy: Any) -> Any:
        if strategy is None:
            raise ValueError(_NOTHING)
        return strategy

    @field_validator("domain")
    @classmethod
    def _has_a_use(cls, domain: str | None, info: ValidationInfo) -> str | None:
        if domain is not None and info.data.get("strategy") == KEEP:
            raise ValueError("a kept column has no domain")
        return domain


_NOTHING = 'nothing is written here: write keep, a strategy, or "null" in quotes to empty the column'


class Policy(Strict):
    """Rules by column, and the key they work with."""

    key: SecretRef = Field(default_factory=usual_key)
    columns: dict[ColumnText, ColumnRule]

    @field_validator("columns")
    @classmethod
    def _once(cls, columns: dict[str, ColumnRule]) -> dict[str, ColumnRule]:
        seen: dict[ColumnName, str] = {}
        for text in columns:
            other = seen.setdefault(parse_column(text), text)
            if other != text:
                raise ValueError(f"{other} and {text} are the same column: keep one of the two rules")
        return columns

    @property
    def rules(self) -> list[PolicyRule]:
        """The rules in the order they were written."""
        return [
            PolicyRule(
                text=text,
                name=parse_column(text),
                strategy=None if rule.strategy == KEEP else rule.strategy,
                domain=rule.domain,
                options=rule.__pydantic_extra__,
            )
            for text, rule in self.columns.items()
        ]
