"""The demo's proof: plain SQL over the files of PROD and DEV. It shares no code with the project."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

CONTACTS = ("users.email", "users.phone", "users.ssn", "payments.card_number")

console = Console()


class Proof:
    """Both databases under one plain connection, and the checks that compare them."""

    def __init__(self, home: Path) -> None:
        self.sql = sqlite3.connect(f"file:{home}/dev.db?mode=ro", uri=True)
        self.sql.execute("ATTACH ? AS prod", (f"file:{home}/prod.db?mode=ro",))
        rules = yaml.safe_load((home / "policy.yaml").read_text())["columns"]
        masked = {name for name, rule in rules.items() if rule != "keep"}
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

    def contacts_left(self) -> int:
        """Values of DEV, in whatever column of text, that are somebody's e-mail address, phone, SSN or card number in PROD."""
        self.sql.executescript("PRAGMA temp_store = MEMORY; CREATE TEMP TABLE contacts (value TEXT PRIMARY KEY)")
        for place in CONTACTS:
            table, column = place.split(".")
            self.sql.execute(
                f"INSERT OR IGNORE INTO contacts SELECT {column} FROM prod.{table} WHERE {column} IS NOT NULL"
            )
        return sum(
            self.number(f"SELECT count(*) FROM main.{table} WHERE {column[1]} IN (SELECT value FROM contacts)")
            for table, columns in self.tables.items()
            for column in columns
            if column[2] == "TEXT"
        )

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
    console.print(table, examples(proof), sep="\n\n")
    orphans = proof.orphans()
    claims = {
        "every row of PROD is in DEV exactly once, its kept values unchanged": good,
        "no row keeps its own value in a masked column": not any(proof.revealed(name) for name in proof.tables),
        "no e-mail address, phone, SSN or card number of PROD stands anywhere in DEV": not proof.contacts_left(),
        f"{orphans} orphans: every reference finds its row": not orphans,
        "one person, one e-mail address, in every table; still unique": proof.consistent(),
        "PROD is byte for byte what it was": source_untouched,
    }
    for claim, holds in claims.items():
        console.print(f"[green]✓[/] {claim}" if holds else f"[red]✗ NOT PROVEN:[/] {claim}")
    console.print(
        f"\n{total:,} rows in {len(proof.tables)} tables; `dbagent run` took {seconds:.1f} s, start-up included."
    )
    return all(claims.values())
