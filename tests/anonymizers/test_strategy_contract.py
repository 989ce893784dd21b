"""What every strategy promises, tried on every strategy there is, in every domain it knows. A new file joins by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizers.buffers import PIECE_VALUES
from anonymizers.contract import (
    KINDS,
    NO_CONTEXT,
    ColumnShape,
    Effects,
    RowContext,
    Rule,
    Strategy,
    check,
    strategies,
    strategy,
    version,
)
from anonymizers.keys import DomainKey, MasterKey

MASTER = MasterKey(bytes(range(64, 96)))
SECRETS = ["jane.doe@acme.com", "Jane Doe", "+44 20 7946 0123", "078-05-1120", "4111 1111 1111 1111", "Łukasz Żółć"]
ODD = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "'\"\\\t\r\n\\N",
    "***",
    "🙂",
    "e\u0301",
    "Ǆ",
    "٣",
    "\U0010ffff",
    "\ue000",
    "x" * 3000,
]
SPELLINGS = ["jane.doe@ACME.com", " jane.doe@acme.com "]
TEXTS = [*SECRETS, *ODD, *SPELLINGS, "張偉", "محمد", "Ελένη", "王@例え.jp", "7", "a", "A", "0", "-"]
INTEGERS = [0, 1, -1, 9, 10, 99, -100, 32767, 32768, -32768, 2**31 - 1, 2**31, 10**12, 2**63 - 1, -(2**63)]
DATES = [date(1, 1, 1), date(1582, 10, 10), date(1969, 12, 31), date(1970, 1, 1), date(2000, 2, 29), date(9999, 12, 31)]
TIMES = [datetime.combine(day, datetime.max.time()) for day in DATES]
TYPES = {"text": pa.string(), "integer": pa.int64(), "date": pa.date32(), "timestamp": pa.timestamp("us")}
VALUES: dict[str, list[Any]] = {"text": TEXTS, "integer": INTEGERS, "date": DATES, "timestamp": TIMES}


@dataclass(frozen=True)
class Case:
    """One strategy on one kind of column in one domain."""

    name: str
    kind: str
    domain: str

    @property
    def strategy(self) -> Strategy:
        return strategy(self.name)

    @property
    def rule(self) -> Rule:
        return Rule(self.name, self.domain)

    @property
    def shape(self) -> ColumnShape:
        return ColumnShape(self.kind)

    @property
    def effects(self) -> Effects:
        return self.strategy.effects(self.shape, self.rule)

    @property
    def key(self) -> DomainKey:
        return MASTER.domain(self.name, version(self.strategy, self.domain), self.domain)

    @property
    def type(self) -> pa.DataType:
        return TYPES[self.kind]

    @property
    def values(self) -> pa.Array:
        return pa.array([*VALUES[self.kind], None], self.type)

    def distinct(self, count: int) -> pa.Array:
        if self.kind == "integer":
            return pa.array(range(-count // 3, count - count // 3), pa.int64())
        if self.kind == "date":
            return pa.array(range(count), pa.int32()).cast(self.type)
        if self.kind == "timestamp":
            return pa.array([TIMES[2] + timedelta(hours=i, microseconds=i) for i in range(count)], self.type)
        names = (f"{SECRETS[i % 6]} {i}" if i % 2 else f"user{i}@host{i % 7}.com" for i in range(count))
        return pa.array(names, self.type)

    def __call__(self, values: pa.Array) -> pa.Array:
        return self.under(self.key, values)

    def under(self, key: DomainKey, values: pa.Array) -> pa.Array:
        return self.strategy.apply(values, key, self.shape, self.rule, self.row(values))

    def row(self, values: pa.Array) -> RowContext:
        """Each value is its own subject: so its replacement is a function of the value, as with the other strategies."""
        if not self.strategy.needs_subject:
            return NO_CONTEXT
        return RowContext([pa.array([str(value) for value in values.to_pylist()], pa.string())])

    def __str__(self) -> str:
        return f"{self.name}-{self.kind}-{self.domain}"


CASES = [
    Case(name, kind, domain)
    for name, found in strategies().items()
    for kind in VALUES
    if kind in found.accepts
    for domain in sorted(found.domains or {"anything", *found.revised})
]
READING = [case for case in CASES if case.strategy.needs_values]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_reading_case = pytest.mark.parametrize("case", READING, ids=str)


def test_the_six_are_found() -> None:
    assert {"hash", "faker", "mask", "null", "scramble", "tokenize"} <= set(strategies())


@every_case
def test_it_declares_itself(case: Case) -> None:
    found = case.strategy
    assert found.name == case.name
    assert found.version >= 1
    assert found.summary
    assert "\n" not in found.summary
    assert found.accepts <= KINDS


@every_case
def test_one_replacement_per_value_of_the_right_type_and_null_stays(case: Case) -> None:
    values = case.values
    out = case(values)
    out.validate(full=True)
    assert len(out) == len(values)
    assert out.type == (pa.null() if case.effects.nulls else values.type)
    assert not out[-1].is_valid
    if not case.effects.nulls:
        assert out.is_valid() == values.is_valid()


@every_case
@pytest.mark.parametrize("nulls", [0, 1, 3])
def test_columns_of_nothing_and_of_nulls(case: Case, nulls: int) -> None:
    out = case(pa.array([None] * nulls, case.type))
    assert len(out) == out.null_count == nulls


@every_reading_case
def test_a_value_has_one_replacement_in_any_batch_slice_and_repetition(case: Case) -> None:
    values = case.values
    together = case(values).to_pylist()
    assert [case(pa.array([value], case.type))[0].as_py() for value in values.to_pylist()] == together
    assert case(values.slice(3)).to_pylist() == together[3:]
    assert case(values.slice(2, 5).slice(1)).to_pylist() == together[3:7]
    assert case(pa.concat_arrays([values, values])).to_pylist() == together * 2
    filler = case.distinct(2 * PIECE_VALUES - 5)
    assert case(pa.concat_arrays([filler, values])).to_pylist()[len(filler) :] == together


@given(values=st.lists(st.none() | st.text(max_size=20)))
@pytest.mark.parametrize("case", [case for case in READING if case.kind == "text"], ids=str)
def test_any_text_has_a_valid_replacement_of_its_own(case: Case, values: list[str | None]) -> None:
    array = pa.array(values, pa.string())
    out = case(array)
    out.validate(full=True)
    assert out.is_valid() == array.is_valid()
    assert case(pa.array(values[::-1], pa.string())).to_pylist() == out.to_pylist()[::-1]
    within_declared_length(case, array, out)


def within_declared_length(case: Case, values: pa.Array, out: pa.Array) -> None:
    if case.kind == "text" and not case.effects.nulls:
        most = pc.utf8_length(values) if case.effects.length is None else case.effects.length
        assert pc.all(pc.less_equal(pc.utf8_length(out), most)).as_py() is not False


@every_case
def test_the_declared_length_and_injectivity_hold_on_many_values(case: Case) -> None:
    values = case.distinct(200_000)
    out = case(values)
    within_declared_length(case, values, out)
    if case.effects.injective != "no":
        assert len(out.drop_null().unique()) == len(out) - out.null_count


@every_reading_case
def test_no_value_stays_itself(case: Case) -> None:
    values = case.distinct(200_000)
    assert not pc.any(pc.equal(case(values), values)).as_py()


@every_reading_case
def test_another_key_gives_other_replacements(case: Case) -> None:
    values = case.distinct(1000)
    other = case.under(DomainKey(bytes(32)), values)
    same = pc.sum(pc.equal(case(values), other)).as_py()
    assert same < 30 or case.name == "mask"  # 499 postal codes: two of 1000 agree


def test_another_process_gives_the_same_replacements() -> None:
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        "from test_strategy_contract import READING;"
        "print(json.dumps({str(case): case(case.values).to_pylist() for case in READING}, default=str))"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    elsewhere = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    here = {str(case): case(case.values).to_pylist() for case in READING}
    assert elsewhere == json.loads(json.dumps(here, default=str))


@every_case
def test_unknown_options_domains_and_kinds_are_refused_without_showing_them_as_fit(case: Case) -> None:
    assert check(case.rule, case.shape) == []
    assert any("colour" in problem for problem in check(Rule(case.name, case.domain, {"colour": "red"}), case.shape))
    assert "red" not in " ".join(check(Rule(case.name, case.domain, {"colour": "red"}), case.shape))
    for kind in KINDS - case.strategy.accepts:
        assert f"{case.name} does not take {kind} columns" in " ".join(check(case.rule, ColumnShape(kind)))
    if case.strategy.domains is not None:
        assert "needs a domain, one of" in " ".join(check(Rule(case.name, "wherever"), case.shape))


NEW = '''
"""`shout`: upper case."""
import pyarrow.compute as pc
from anonymizers.contract import Effects

class Shout:
    name, version, summary, accepts, options, domains = "shout", 1, "x", frozenset({"text"}), {}, None
    needs_values, needs_subject, revised = True, False, {}

    def effects(self, column, rule):
        return Effects(injective="no", nulls=False, length=None, reversible=False)

    def mark(self, column, rule):
        return None

    def apply(self, values, key, column, rule, row):
        return pc.utf8_upper(values)

strategy = Shout()
'''


def test_a_new_file_is_a_new_strategy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import anonymizers.strategies as package

    (tmp_path / "shout.py").write_text(NEW)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        assert "shout" in strategies()
        assert Case("shout", "text", "x")(pa.array(["a"])).to_pylist() == ["A"]
        assert check(Rule("shout", "x"), ColumnShape("text")) == []
    finally:
        sys.modules.pop("anonymizers.strategies.shout", None)
    monkeypatch.undo()
    assert "shout" not in strategies()


def test_an_unknown_strategy_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        strategy("shuffle")
