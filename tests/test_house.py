"""The rules of the house: who may import whom, where an engine may be named, and how large a room may grow."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.contract import engines

ROOT = Path(__file__).parent.parent

ENGINES = re.compile(r"postgres|mysql|mariadb|sqlserver|mssql|oracle|mongo|sqlite", re.IGNORECASE)

# The control store is itself a database, a file or a team's server: its URL, and how each of the two locks, say so.
CONTROL_STORE = "jobs/control/database.py"
ITS_URL = re.compile(r"(sqlite|postgresql(\+psycopg)?)://|engine\.dialect\.name == ")

TOP_LEVEL = {"README.md", "pyproject.toml", "conf", "jobs", "connectors", "anonymizers", "scripts", "tests"}

SEVENTH_ENGINE = """
from connectors.facts import Facts

class Seventh:
    facts = Facts(
        engine="seventh", title="The seventh", address=frozenset(), default_port=None, default_schema=None,
        filter_dialect=None, options=frozenset(), snapshot_holder="driver", writers=None, file=False, ways=("by hand",),
    )

connector = Seventh()
"""

SEVENTH_STRATEGY = """
from anonymizers.contract import Effects

class Shout:
    name, version, summary = "shout", 1, "the same, louder"
    accepts, options, domains = frozenset({"text"}), {}, None

    def effects(self, column, rule):
        return Effects(injective="no", nulls=False, length=None, reversible=False)

    def apply(self, values, key, column, rule):
        return values

strategy = Shout()
"""

# Suppressed complaints of ruff and mypy in the whole project. The number may only fall.
SUPPRESSIONS = 7


def tracked() -> list[Path]:
    """Every file of the project, as git sees it, new ones included."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def is_python(path: Path) -> bool:
    return path.suffix == ".py" or (path.suffix == "" and path.read_bytes().startswith(b"#!/usr/bin/env python3"))


def modules(*folders: str) -> list[Path]:
    return [
        path for path in tracked() if is_python(path) and (not folders or path.relative_to(ROOT).parts[0] in folders)
    ]


def imported(path: Path) -> Iterator[str]:
    """The first name of every module a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield ast.unparse(node.args[0]).strip("f'\"").split(".")[0]


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("jobs", {"tests", "scripts"}),
        ("connectors", {"jobs", "anonymizers", "tests", "scripts"}),
        ("anonymizers", {"jobs", "connectors", "tests", "scripts"}),
    ],
)
def test_imports_go_in_one_direction(folder: str, forbidden: set[str]) -> None:
    wrong = [
        (str(path.relative_to(ROOT)), name) for path in modules(folder) for name in imported(path) if name in forbidden
    ]
    assert wrong == []


def test_an_engine_imports_no_other_engine() -> None:
    wrong = [
        (str(path.relative_to(ROOT)), node.module)
        for path in modules("connectors")
        if len(path.relative_to(ROOT).parts) > 2
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("connectors.")
        if node.module.split(".")[1] in set(engines()) - {path.relative_to(ROOT).parts[1]}
    ]
    assert wrong == []


def names_an_engine(path: Path) -> list[str]:
    relative = str(path.relative_to(ROOT))
    return [
        f"{relative}:{number}: {line.strip()}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ENGINES.search(line) and not (relative == CONTROL_STORE and ITS_URL.search(line))
    ]


def test_an_engine_is_named_in_its_own_folder_only() -> None:
    rooms = [
        path
        for path in tracked()
        if path.relative_to(ROOT).parts[0] in ("jobs", "anonymizers")
        or (path.relative_to(ROOT).parts[0] == "connectors" and len(path.relative_to(ROOT).parts) == 2)
    ]
    assert [line for path in rooms for line in names_an_engine(path)] == []


def test_top_level_is_the_fixed_list() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in found if not name.startswith(".")} <= TOP_LEVEL


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_modules_and_functions_stay_small() -> None:
    large = []
    for path in modules():
        text = path.read_text()
        if text.count("\n") > 400:
            large.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    large.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert large == []


def test_suppressions_do_not_grow() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"#\s*(noqa|type:\s*ignore)", line)
    ]
    assert len(found) <= SUPPRESSIONS, found


def test_no_test_is_switched_off() -> None:
    switched_off = re.compile(r"pytest\.(mark\.)?(skip|xfail|importorskip)|@unittest\.skip")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules("tests")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if switched_off.search(line) and "re.compile" not in line
    ]
    assert found == []


def said_by(tree: Path, code: str) -> str:
    """What `code` prints in a copy of the project."""
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the project with one more engine, one new folder, and one more strategy, one new file."""
    for name in ("jobs", "connectors", "anonymizers"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "connectors" / "seventh").mkdir()
    (tmp_path / "connectors" / "seventh" / "__init__.py").write_text(SEVENTH_ENGINE)
    (tmp_path / "anonymizers" / "strategies" / "shout.py").write_text(SEVENTH_STRATEGY)
    return tmp_path


def test_a_seventh_engine_is_one_new_folder(extended: Path) -> None:
    assert "The seventh" in said_by(
        extended, "import sys; sys.argv[1:] = ['engines']; from jobs.cli import main; main()"
    )


def test_a_seventh_strategy_is_one_new_file(extended: Path) -> None:
    code = """
from anonymizers.contract import ColumnShape, Rule, check
print(check(Rule("shout", "any"), ColumnShape("text")))
print(check(Rule("shout", "any"), ColumnShape("integer")))
"""
    accepted, refused = said_by(extended, code).splitlines()
    assert accepted == "[]"
    assert "shout does not take integer columns" in refused
