"""A table's policy over batches: what it reads and returns, what it counts, and that shortcuts change nothing."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import anonymizers
from anonymizers.apply import ColumnPlan, TableAnonymizer
from anonymizers.contract import ColumnShape, Rule
from anonymizers.keys import MasterKey

MASTER = MasterKey(bytes(range(64, 96)))


def plan(name: str, strategy: str, domain: str = "x", kind: str = "text") -> ColumnPlan:
    return ColumnPlan(name, ColumnShape(kind), Rule(strategy, domain), MASTER.domain(strategy, 1, domain))


POLICY = TableAnonymizer(
    [
        plan("email", "faker", "email"),
        plan("notes", "null"),
        plan("id", "tokenize", kind="integer"),
        plan("name", "mask"),
    ]
)


def batch(rows: int) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "email": pa.array([f"user{i % 1000}@acme.com" for i in range(rows)], pa.string()),
            "id": pa.array(range(rows), pa.int64()),
            "name": pa.array(
                [None if i % 7 == 0 else "***" if i % 7 == 1 else f"Person {i}" for i in range(rows)], pa.string()
            ),
        }
    )


def test_it_reads_what_it_needs_and_returns_what_is_masked() -> None:
    assert POLICY.columns == ("email", "id", "name")
    assert POLICY.masked == ("email", "notes", "id", "name")
    out, counts = POLICY(batch(14))
    assert out.schema.names == list(POLICY.masked)
    assert out.num_rows == 14
    assert out.schema.types == [pa.string(), pa.null(), pa.int64(), pa.string()]
    assert counts == {"unchanged name": 2, "alike name": 2}


@pytest.mark.parametrize("rows", [0, 1, 1024, 20_000])
def test_batches_of_any_size(rows: int) -> None:
    source = batch(rows)
    out, _ = POLICY(source)
    assert out.num_rows == rows
    assert out.column("name").is_valid() == source.column("name").is_valid()


def test_only_null_needs_rows_but_no_columns() -> None:
    policy = TableAnonymizer([plan("notes", "null")])
    assert policy.columns == ()
    out, counts = policy(batch(5).select([]))
    assert (out.num_rows, out.column("notes").null_count, counts) == (5, 5, {})


def test_repeated_values_take_a_shortcut_to_the_same_replacements() -> None:
    values = pa.array([None if i % 11 == 0 else f"City {i % 40}" for i in range(5000)])
    column = plan("city", "faker", "city")
    direct = column.strategy.apply(values, column.key, column.shape, column.rule)
    assert column.replace(values).equals(direct)
    _, counts = TableAnonymizer([plan("city", "mask")])(pa.record_batch({"city": pa.array(["***", None, "x"] * 1000)}))
    assert counts == {"unchanged city": 1000, "alike city": 1000}


def test_slices_of_a_batch_give_slices_of_the_result() -> None:
    source = batch(3000)
    whole, _ = POLICY(source)
    parts = [POLICY(source.slice(start, 700))[0] for start in range(0, 3000, 700)]
    assert pa.Table.from_batches(parts).equals(pa.Table.from_batches([whole]))


def test_it_travels_small_and_hides_its_keys() -> None:
    travelled = pickle.dumps(POLICY)
    assert len(travelled) < 2000
    assert MASTER.secret not in travelled
    assert pickle.loads(travelled)(batch(50))[0].equals(POLICY(batch(50))[0])
    for column in POLICY._plans:
        assert column.key.secret.hex() not in repr(column)
        assert repr(column.key.secret)[2:-1] not in repr(column)


def test_one_value_in_two_tables_has_one_replacement() -> None:
    users = TableAnonymizer([plan("email", "faker", "email")])
    invoices = TableAnonymizer([plan("total", "tokenize", kind="integer"), plan("sent_to", "faker", "email")])
    one, _ = users(pa.record_batch({"email": ["a@x.org", "b@x.org"]}))
    other, _ = invoices(pa.record_batch({"total": [7, 8], "sent_to": ["b@x.org", "B@X.org"]}))
    assert one["email"][1] == other["sent_to"][0]
    assert one["email"][1].as_py() == other["sent_to"][1].as_py().lower()


def test_it_works_from_a_zip(tmp_path: Path) -> None:
    """Executors get the project as one."""
    archive = shutil.make_archive(
        str(tmp_path / "project"), "zip", Path(anonymizers.__file__).parents[1], "anonymizers"
    )
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import pickle, pyarrow as pa;"
        "policy = pickle.load(sys.stdin.buffer); import anonymizers; assert 'project.zip' in anonymizers.__file__;"
        "from anonymizers.contract import strategies; assert len(strategies()) >= 6;"
        "print(policy(pa.record_batch({'email': ['a@x.org']}))[0]['email'][0])"
    )
    policy = TableAnonymizer([plan("email", "faker", "email")])
    done = subprocess.run(
        [sys.executable, "-c", program, archive],
        input=pickle.dumps(policy),
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    assert done.stdout.decode().strip() == policy(pa.record_batch({"email": ["a@x.org"]}))[0]["email"][0].as_py()


def test_workers_import_little() -> None:
    program = (
        "import sys, anonymizers.apply;"
        "print(*sorted({'faker', 'pydantic', 'pandas', 'yaml', 'sqlglot', 'pyspark'} & set(sys.modules)),"
        "*sorted(m for m in sys.modules if m.startswith('anonymizers.strategies.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_an_empty_string_is_no_value_that_could_stay_itself() -> None:
    source = pa.record_batch({"city": pa.array(["", "-", None, "Rome"])})
    _, counts = TableAnonymizer([plan("city", "scramble")])(source)
    assert counts == {"unchanged city": 1}
