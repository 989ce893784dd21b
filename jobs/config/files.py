"""Reading a YAML or JSON file, strictly: one document, no key twice, every mistake told with its line and column; and how
a text is written in one.

Messages never quote the file: a password typed in the wrong place must not reach a terminal or a log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from jobs.errors import ConfigError

_WORDS_ALONE = re.compile(r"[^\W\d][\w.$]*")
_DIGITS = re.compile(r"-?(0|[1-9][0-9]*)")
LARGEST = 16 << 20
"""Bytes; a data file or a device named by mistake is larger."""


def read(path: Path) -> Any:
    """What the file holds, as plain Python values: JSON where the name ends so, else YAML. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ConfigError([f"{path}: is larger than {LARGEST >> 20} MiB: this is no settings file"])
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {(error.strerror or 'error').lower()}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: byte {error.start + 1} is not UTF-8 text: save the file as UTF-8"]) from None
    try:
        return _json(text) if path.suffix == ".json" else _yaml(text)
    except _Refused as error:
        raise ConfigError([f"{path}: {error}"]) from None
    except json.JSONDecodeError as error:
        problem = error.msg[0].lower() + error.msg[1:]
        raise ConfigError([f"{path}: line {error.lineno}, column {error.colno}: {problem}"]) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError([f"{path}: {_told(error)}"]) from None
    except ReaderError as error:
        before = text[: error.position].split("\n")
        place = f"line {len(before)}, column {len(before[-1]) + 1}"
        raise ConfigError([f"{path}: {place}: a control character stands here; remove it"]) from None
    except (yaml.YAMLError, ValueError):
        raise ConfigError([f"{path}: has a number that YAML does not know"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is nested too deeply"]) from None


class _Refused(Exception):
    """Well-formed, but not taken here."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a repeated key and numbers in YAML's stranger forms, and leaves dates as text (no setting is
    one)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise _Refused(f"{_place(key.start_mark)}this key stands here twice; keep one of them")
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """`010` would be eight, `1_0` ten and `1:30` ninety: none is what whoever wrote it may have meant."""
        if not _DIGITS.fullmatch(node.value):
            raise _Refused(f"{_place(node.start_mark)}write this number with its digits alone, or a text in quotes")
        return int(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def yaml_text(text: str) -> str:
    """A text as a settings file writes it, on one line: as it is where YAML reads it so, else in quotes."""
    if _WORDS_ALONE.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


DEEPEST = 50
"""Levels; no settings file needs so many, and reading very many takes hours."""


def _yaml(text: str) -> Any:
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _Refused(f"{_place(event.start_mark)}this is nested too deeply")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            raise _Refused(
                f"{_place(event.start_mark)}YAML tags (!) and aliases (*) are not used here; in text, put it in quotes"
            )
    return _Loader(text).get_single_data()


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise _Refused(f"the key {next(n for n in names if names.count(n) > 1)!r} stands twice; keep one of them")
        return found

    return json.loads(text, object_pairs_hook=once)


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


_WORDS = {
    r"found character '\t'": "a tab stands here; YAML indents with spaces only",
    "found another document": "a second document begins here (---); a file holds one",
    "found unhashable key": "a key must be plain text",
    "mapping values are not allowed": "this `:` fits nothing; correct the indentation, or put text with `: ` in quotes",
    "found unexpected end of stream": "the quotes opened here are not closed",
    "could not find expected ':'": "a `:` is missing before this",
}
"""What PyYAML says → what it means."""


def _told(error: yaml.MarkedYAMLError) -> str:
    """Where and what, in words for people where PyYAML's own do not help."""
    for words, meaning in _WORDS.items():
        if words in (error.problem or ""):
            opened = words.endswith("end of stream") and error.context_mark
            return f"{_place(opened or error.problem_mark)}{meaning}"
    return f"{_place(error.problem_mark)}{_unquoted(error.problem)}"


def _unquoted(problem: str | None) -> str:
    """PyYAML's sentence without the words it quotes from the file; single characters and its `<token>` names stay."""

    def keep(found: re.Match[str]) -> str:
        return found[0] if found[1].startswith(("<", "\\")) or len(found[1]) == 1 else "this"

    return re.sub(r"'([^'\n]*)'", keep, problem or "this is not YAML")
