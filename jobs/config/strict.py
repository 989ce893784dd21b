"""The base of all settings: unknown keys refused, no value converted, and every problem told for people.

A problem reads `path.to.key: what is wrong, what is valid`. It never shows the value that was given.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, ValidationInfo

from jobs.errors import ConfigError


class Strict(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )


def checked(kind: Any, value: object, file: Path) -> Any:
    """`value` as the type `kind` says; relative paths in it start at the file's folder. Raises ConfigError."""
    if value is None:
        raise ConfigError([f"{file}: is empty"])
    try:
        return TypeAdapter(kind).validate_python(value, context={"folder": file.absolute().parent})
    except ValidationError as error:
        raise ConfigError([f"{file}: {problem}" for problem in problems(kind, error)]) from None


def located(path: str, info: ValidationInfo) -> str:
    """A path from a file: `~` expanded, a relative one taken from the folder of the file it stands in, absolute."""
    context: Mapping[str, Path] = info.context or {}
    return os.path.abspath(context.get("folder", Path()) / os.path.expanduser(path))


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean x?` where one of the known words is close, else nothing."""
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(word.lower(), by_lower, 1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def problems(kind: Any, error: ValidationError) -> list[str]:
    """A line for each problem."""
    found = []
    for detail in error.errors(include_url=False, include_input=False, include_context=True):
        place = [part for part in detail["loc"] if not _is_tag(part)]
        where = ".".join(str(part) for part in place)
        what = _sentence(kind, place, detail["type"], detail["msg"], detail.get("ctx", {}))
        found.append(f"{where}: {what}" if where else what)
    return found


def _is_tag(part: str | int) -> bool:
    """Union members are tagged `<…>` in our models; pydantic marks keys so: neither is in the file."""
    return isinstance(part, str) and (part == "[key]" or part.startswith("<"))


_SENTENCES = {
    "missing": "is missing",
    "literal_error": "must be {expected}",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "string_type": "must be text (put it in quotes)",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "list_type": "must be a list, as in [users, orders]",
    "invalid_key": "a key must be text (put it in quotes)",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def _sentence(kind: Any, place: list[str | int], error: str, message: str, context: Mapping[str, Any]) -> str:
    if error == "extra_forbidden":
        known = sorted(_keys(kind, place[:-1]))
        return f"there is no such key{nearest(str(place[-1]), known)} (valid: {', '.join(known)})"
    if error == "value_error":
        return str(context["error"])
    return _SENTENCES.get(error, message).format(**context)


def _keys(kind: Any, place: Iterable[str | int]) -> Iterable[str]:
    """The keys of the settings at that place."""
    for part in place:
        model = _model(kind)
        kind = model.model_fields[str(part)].annotation if model else get_args(_mapping(kind))[-1]
    model = _model(kind)
    return model.model_fields if model else ()


def _mapping(kind: Any) -> Any:
    """The mapping a type stands for, alone or beside None."""
    return next((one for one in (kind, *get_args(kind)) if get_origin(one) is dict), kind)


def _model(kind: Any) -> type[BaseModel] | None:
    """The settings a type stands for, alone or beside None; None for a mapping of settings."""
    if get_origin(kind) is dict:
        return None
    plain = [m for m in (kind, *get_args(kind)) if get_origin(m) is None and isinstance(m, type)]
    return next((m for m in plain if issubclass(m, BaseModel)), None)
