"""The demo: makes a PROD shop, plans and runs an anonymized copy with the real `dbagent`, and proves what came of it.

The proof is SQL of its own over both files; it shares no code with the project. Everything stays in `.demo/`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from _demo_shop import make_shop

HOME = Path(".demo").resolve()

ENVIRONMENTS = f"""\
PROD: {{engine: sqlite, database: {HOME}/prod.db}}
DEV: {{engine: sqlite, database: {HOME}/dev.db, writable: true}}
"""

OPERATION = f"""\
operation_type: copy_full
source_env: PROD
target_env: DEV
tables: ["*"]
anonymize: true
policy: {HOME}/policy.yaml
"""

# Every column of every copied table has a decision; a forgotten one stops the plan.
POLICY = f"""\
key: {{secret: "file:{HOME}/master.key"}}
columns:
  users.id: keep
  users.full_name: {{strategy: faker, domain: person}}
  users.email: {{strategy: faker, domain: email}}
  users.phone: {{strategy: faker, domain: phone}}
  users.ssn: {{strategy: scramble}}
  users.birth_date: {{strategy: date_shift}}
  users.city: {{strategy: faker, domain: city}}
  users.referred_by: keep
  users.notes: {{strategy: "null"}}
  users.created_at: keep
  addresses.id: keep
  addresses.user_id: keep
  addresses.street: {{strategy: faker, domain: street}}
  addresses.zip: {{strategy: faker, domain: zip}}
  addresses.city: {{strategy: faker, domain: city}}
  addresses.country: keep
  addresses.is_default: keep
  orders.id: keep
  orders.user_id: keep
  orders.address_id: keep
  orders.contact_email: {{strategy: faker, domain: email}}
  orders.status: keep
  orders.total: keep
  orders.tracking_code: {{strategy: tokenize}}
  orders.placed_at: keep
  orders.shipped_on: keep
  order_items.order_id: keep
  order_items.line: keep
  order_items.product_id: keep
  order_items.quantity: keep
  order_items.unit_price: keep
  payments.id: keep
  payments.order_id: keep
  payments.card_number: {{strategy: mask}}
  payments.payer_reference: {{strategy: hash}}
  payments.amount: keep
  payments.fee: keep
  payments.paid_on: keep
  products.id: keep
  products.sku: keep
  products.title: keep
  products.price: keep
  products.weight_kg: keep
  products.discontinued_on: keep
  countries.code: keep
  countries.name: keep
  countries.currency: keep
"""

DBAGENT = str(Path(sys.executable).with_name("dbagent"))

console = Console()


def prepare() -> None:
    """A new `.demo/` with the shop, the configuration and a master key only its owner can read."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(mode=0o700)
    for name, text in {"environments": ENVIRONMENTS, "operation": OPERATION, "policy": POLICY}.items():
        (HOME / f"{name}.yaml").write_text(text)
    with os.fdopen(os.open(HOME / "master.key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as key:
        key.write(os.urandom(32))
    make_shop(HOME / "prod.db")
    os.environ["DBAGENT_ENVIRONMENTS"] = str(HOME / "environments.yaml")
    os.environ["DBAGENT_CONTROL"] = f"sqlite:///{HOME}/control.db"


def dbagent(*arguments: str) -> None:
    """One command as a person would type it, its output on the same screen."""
    console.print(f"\n[bold]$ dbagent {' '.join(arguments)}[/]")
    done = subprocess.run([DBAGENT, *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


class Proof:
    """Both databases under one plain connection, and the checks that compare them."""

    def __init__(self) -> None:
        self.sql = sqlite3.connect(f"file:{HOME}/dev.db?mode=ro", uri=True)
        self.sql.execute("ATTACH ? AS prod", (f"file:{HOME}/prod.db?mode=ro",))
        masked = {name for name, rule in yaml.safe_load(POLICY)["columns"].items() if rule != "keep"}
        names = [name for (name,) in self.sql.execute("SELECT name FROM prod.sqlite_master WHERE type = 'table'")]
        self.tables = {name: self.sql.execute(f"PRAGMA prod.table_info({name})").fetchall() for name in names}
        self.tables = {name: columns for name, columns in self.tables.items() if not name.startswith("sqlite_")}
        self.masked = {
            table: [c[1] for c in columns if f"{table}.{c[1]}" in masked] for table, columns in self.tables.items()
        }

    def number(self, query: str) -> int:
        return int(self.sql.execute(query).fetchone()[0])

    def both(self, table: str) -> str:
        """Source row `p` beside its copy `d`, joined on the primary key."""
        keys = [column[1] for column in self.tables[table] if column[5]]
        return f"prod.{table} p JOIN main.{table} d ON {' AND '.join(f'p.{key} = d.{key}' for key in keys)}"

    def rows(self, table: str) -> tuple[int, int]:
        return self.number(f"SELECT count(*) FROM prod.{table}"), self.number(f"SELECT count(*) FROM main.{table}")

    def differing(self, table: str) -> int:
        """Rows where a kept column is not the same value of the same type, and rows without a partner."""
        kept = [column[1] for column in self.tables[table] if column[1] not in self.masked[table]]
        same = " AND ".join(f"p.{name} IS d.{name} AND typeof(p.{name}) = typeof(d.{name})" for name in kept)
        return max(self.rows(table)) - self.number(f"SELECT count(*) FROM {self.both(table)} WHERE {same}")

    def revealed(self, table: str) -> int:
        """Rows that keep their own value in a masked column."""
        own = " OR ".join(f"p.{name} = d.{name}" for name in self.masked[table])
        return self.number(f"SELECT count(*) FROM {self.both(table)} WHERE {own}") if own else 0

    def orphans(self) -> int:
        """Rows of DEV that point at a row that is not there."""
        found = 0
        for table in self.tables:
            for _, _, parent, column, key, *_ in self.sql.execute(f"PRAGMA prod.foreign_key_list({table})").fetchall():
                found += self.number(
                    f"SELECT count(*) FROM main.{table} c WHERE {column} IS NOT NULL"
                    f" AND NOT EXISTS (SELECT 1 FROM main.{parent} p WHERE p.{key} = c.{column})"
                )
        return found

    def consistent(self) -> bool:
        """The same person has the same e-mail address in two tables, and no two people share one."""
        apart = self.number(
            "SELECT count(*) FROM orders o JOIN users u ON u.id = o.user_id WHERE o.contact_email <> u.email"
        )
        return apart == 0 and self.number("SELECT count(*) - count(DISTINCT email) FROM users") == 0


def examples(proof: Proof) -> Table:
    table = Table("column", "PROD (fake people)", "DEV", title="Before and after", title_justify="left")
    for heading in table.columns:
        heading.overflow = "fold"
    for name, columns in proof.masked.items():
        for column in columns:
            first = f"WHERE p.{column} IS NOT NULL ORDER BY p.rowid LIMIT 1"
            before, after = proof.sql.execute(
                f"SELECT p.{column}, d.{column} FROM {proof.both(name)} {first}"
            ).fetchone()
            table.add_row(f"{name}.{column}", repr(before), "NULL" if after is None else repr(after))
    return table


def report(proof: Proof, source_untouched: bool, seconds: float) -> bool:
    """Print what was copied and what was proven; whether all of it holds."""
    table = Table("table", "PROD rows", "DEV rows", "masked columns", "kept, yet changed", "masked, yet same")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    good, total = True, 0
    for name in proof.tables:
        before, after = proof.rows(name)
        differing, revealed = proof.differing(name), proof.revealed(name)
        table.add_row(name, f"{before:,}", f"{after:,}", str(len(proof.masked[name])), str(differing), str(revealed))
        good, total = good and before == after and not differing and not revealed, total + after
    console.print("\n", table, examples(proof))
    orphans = proof.orphans()
    claims = {
        "every row of PROD is in DEV exactly once, its kept values unchanged": good,
        "no row keeps its own value in a masked column": not any(proof.revealed(name) for name in proof.tables),
        f"{orphans} orphans: every reference finds its row": not orphans,
        "one person, one e-mail address, in every table; still unique": proof.consistent(),
        "PROD is byte for byte what it was": source_untouched,
    }
    for claim, holds in claims.items():
        console.print(f"[green]✓[/] {claim}" if holds else f"[red]✗ NOT PROVEN:[/] {claim}")
    console.print(
        f"\n{total:,} rows in {len(proof.tables)} tables; `dbagent run` took {seconds:.1f} s, start-up included."
    )
    console.print(f"Look around: {HOME}", soft_wrap=True)
    return all(claims.values())


def main() -> None:
    started = time.monotonic()
    prepare()
    console.print(
        f"A PROD shop of fake people: {(HOME / 'prod.db').stat().st_size >> 20} MB in {time.monotonic() - started:.1f} s"
    )
    before = hashlib.sha256((HOME / "prod.db").read_bytes()).digest()
    operation = str((HOME / "operation.yaml").relative_to(Path.cwd()))
    dbagent("plan", operation)
    started = time.monotonic()
    dbagent("run", operation)
    seconds = time.monotonic() - started
    untouched = before == hashlib.sha256((HOME / "prod.db").read_bytes()).digest()
    sys.exit(0 if report(Proof(), untouched, seconds) else 1)


if __name__ == "__main__":
    main()
