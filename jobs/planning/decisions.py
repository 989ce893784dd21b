"""Decisions: every copied column gets a strategy or `keep`, and says where that came from. Undecided columns stop the plan.

Foreign keys inherit the referenced column's rule, so that a replaced key still finds its row. Each rule is checked
against its column (type, NOT NULL, length, uniqueness) on both ends before a row moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol

from anonymizers.contract import ColumnShape, Rule, check, strategies
from connectors.schema import Column, IgnoredCase, Key, Schema, Table, TableName
from jobs.config.files import yaml_text
from jobs.planning.cautions import cautions
from jobs.planning.findings import Finding, error, nearest
from jobs.planning.subjects import with_subjects

Place = tuple[TableName, str]
"""A table and one of its columns."""


class PolicyRule(Protocol):
    """What planning reads of a rule in a policy."""

    @property
    def text(self) -> str: ...
    @property
    def name(self) -> tuple[str | None, str, str]: ...
    @property
    def strategy(self) -> str | None: ...
    @property
    def domain(self) -> str | None: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def origin(self) -> str: ...


@dataclass(frozen=True)
class Decision:
    """What happens to one column: `rule` is None for `keep`; `origin` says who decided."""

    column: str
    rule: Rule | None
    origin: str
    shape: ColumnShape


def decide(tables: Sequence[Table], source: Schema, targets: Mapping[TableName, Table], rules: Iterable[PolicyRule],
           default_schema: str | None, rest: str | None = None, dropped: Set[Place] = frozenset()
           ) -> tuple[dict[TableName, list[Decision]], list[Finding]]:  # fmt: skip
    """A decision for every copied column of every table but those `dropped`, or findings. `rest`: where the decision comes
    from to keep columns without a rule; None: they stop the plan."""
    chosen, findings = _written(source, rules, default_schema)
    inherited, conflicts = _inherit(tables, source, chosen)
    findings += conflicts + (_kept_above(source, inherited) if rest else [])
    named = {place for place, rule in chosen.items() if rule.domain}
    inherited, subjectless = with_subjects(tables, source, inherited, named)
    findings += subjectless
    cases = _ignored_cases(source)
    decisions: dict[TableName, list[Decision]] = {}
    undecided: list[str] = []
    for table in tables:
        masked = {
            c.name for c in table.copied if (_rule := inherited.get((table.name, c.name))) and _rule[0] is not None
        }
        decisions[table.name] = []
        for column in table.copied:
            if (table.name, column.name) in dropped:
                continue
            rule, origin = inherited.get((table.name, column.name), (None, ""))
            origin = origin or rest or ""
            if not origin:
                undecided.append(table.name.column(column.name))
                continue
            form = shape(table, targets.get(table.name), column, masked, cases[table.name, column.name])
            decisions[table.name].append(Decision(column.name, rule, origin, form))
            if rule is not None:
                findings += [error(f"{table.name}.{column.name}", what) for what in check(rule, form)]
    if undecided:
        lines = "\n".join(f"      {yaml_text(name)}: keep" for name in undecided)
        count = "one column is" if len(undecided) == 1 else f"{len(undecided)} columns are"
        findings.append(
            error(
                "policy",
                f"{count} not decided: {', '.join(undecided)}",
                f"give each a strategy ({', '.join(sorted(strategies()))}) or keep it, for example:\n{lines}",
            )
        )
    return decisions, findings + cautions(tables, decisions)


def keep_all(tables: Sequence[Table], dropped: Set[Place]) -> dict[TableName, list[Decision]]:
    """The decisions of an operation that does not anonymize."""
    return {
        table.name: [
            Decision(c.name, None, "anonymize: false", ColumnShape(c.type.kind.value))
            for c in table.copied
            if (table.name, c.name) not in dropped
        ]
        for table in tables
    }  # fmt: skip


def _written(source: Schema, rules: Iterable[PolicyRule], default_schema: str | None
             ) -> tuple[dict[Place, PolicyRule], list[Finding]]:  # fmt: skip
    """The policy's rules by column. A rule that matches nothing in the source, or the second for one column, is an
    error; one for a table that is not copied this time is not: a policy may serve many operations."""
    known = {table.name: table for table in source.tables}
    chosen: dict[Place, PolicyRule] = {}
    findings = []
    for rule in rules if known else ():  # an empty source is told once, not once for each rule
        schema, table_name, column_name = rule.name
        table = known.get(TableName(schema or default_schema, table_name))
        if table is None:
            hint = nearest(str(TableName(schema or default_schema, table_name)), map(str, known))
            what = "there is no such table in the source"
            findings.append(error(f"policy rule {rule.text}", what, hint or "remove the rule, or correct its table"))
            continue
        column = next((c for c in table.columns if c.name == column_name), None)
        if column is None:
            hint = nearest(column_name, (c.name for c in table.columns))
            todo = hint or f"its columns: {', '.join(c.name for c in table.columns)}"
            findings.append(error(f"policy rule {rule.text}", f"{table.name} has no such column", todo))
        elif column.generated:
            findings.append(
                error(
                    f"policy rule {rule.text}",
                    "the database computes this column, nothing is copied",
                    "remove the rule",
                )
            )
        elif (table.name, column_name) in chosen:
            findings.append(
                error(f"policy rule {rule.text}", "there is another rule for this column", "keep one of them")
            )
        else:
            chosen[table.name, column_name] = rule
    return chosen, findings


def referenced_columns(source: Schema) -> dict[Place, list[Place]]:
    """The columns that each column references, itself apart."""
    parent: dict[Place, list[Place]] = {}
    for table in source.tables:
        for key in table.foreign_keys:
            for here, there in zip(key.columns, key.referenced_columns, strict=True):
                if (key.referenced, there) != (table.name, here):
                    parent.setdefault((table.name, here), []).append((key.referenced, there))
    return parent


def _inherit(tables: Sequence[Table], source: Schema, chosen: Mapping[Place, PolicyRule]
             ) -> tuple[dict[Place, tuple[Rule | None, str]], list[Finding]]:  # fmt: skip
    """Rule and origin of every decided column: foreign keys take the rule of the column they reference, whether its
    table is copied this time or at another."""
    parent = referenced_columns(source)
    resolved: dict[Place, tuple[Rule | None, str]] = {}
    findings: list[Finding] = []

    def resolve(place: Place, path: tuple[Place, ...]) -> tuple[Rule | None, str]:
        if place in resolved:
            return resolved[place]
        above = [resolve(up, (*path, place)) for up in parent.get(place, []) if up not in path and up != place]
        above = [found for found in above if found[1]]
        own = chosen.get(place)
        result: tuple[Rule | None, str] = (None, "")
        if own is not None:
            result = (_rule(own, place, above[0][0] if above else None), own.origin)
        elif above:
            referenced = parent[place][0]
            result = (above[0][0], f"foreign key to {referenced[0]}.{referenced[1]}")
        for rule, _ in above:
            null = result[0] is not None and result[0].strategy == "null"
            if result[1] and not null and rule != result[0]:
                findings.append(
                    error(
                        f"{place[0]}.{place[1]}",
                        f"references {parent[place][0][0]}.{parent[place][0][1]}, which is decided otherwise:"
                        " the replaced keys would not find each other",
                        "give both the same strategy and domain, or leave this column out of the policy: it inherits",
                    )
                )
        if not path or result[1] or all(up in resolved for up in parent.get(place, [])):
            resolved[place] = result  # one cut off from its own ring of references is decided when it is asked first
        return result

    waiting = [(table.name, column.name) for table in tables for column in table.copied]
    for place in waiting:
        resolve(place, ())
        waiting += [up for up in parent.get(place, ()) if up not in resolved]  # cut off above, and not copied itself
    return resolved, list(dict.fromkeys(findings))


def _kept_above(source: Schema, inherited: Mapping[Place, tuple[Rule | None, str]]) -> list[Finding]:
    """Where a column is replaced and one that it references would be kept because nobody saw anything in it: the same
    values stand in both. Only a column with several references comes to this."""
    parent = referenced_columns(source)
    return [
        error(
            f"{place[0]}.{place[1]}",
            f"references {up[0]}.{up[1]}, which is decided otherwise: what is replaced here would be kept there",
            "write a policy that decides both",
        )
        for place, (rule, _) in inherited.items()
        for up in dict.fromkeys(parent.get(place, ()))
        if rule is not None and not inherited.get(up, (None, ""))[1]
    ]


def _rule(written: PolicyRule, place: Place, referenced: Rule | None) -> Rule | None:
    """A written rule, its domain filled in: the referenced column's where the strategies agree, else the column's own."""
    if written.strategy is None:
        return None
    own = f"{place[0]}.{place[1]}"
    if written.domain is None and referenced is not None and referenced.strategy == written.strategy:
        own = referenced.domain
    return Rule(written.strategy, written.domain or own, dict(written.options))


def _ignored_cases(source: Schema) -> dict[Place, IgnoredCase]:
    """Which letters' case each column ignores: a reference those that the column it references ignores, because that
    one's comparison decides which rows belong together."""
    own = {(table.name, column.name): column.ignores_case for table in source.tables for column in table.columns}
    parent = referenced_columns(source)
    found: dict[Place, IgnoredCase] = {}
    for place in own:
        last, seen = place, {place}
        while (up := parent.get(last)) and up[0] in own and up[0] not in seen:
            last = up[0]
            seen.add(last)
        found[place] = own[last]
    return found


def shape(
    table: Table, target: Table | None, column: Column, masked: set[str], ignores_case: IgnoredCase
) -> ColumnShape:
    """The narrower of both ends' forms; what is one value, the source says."""
    ends = [column]
    keys = [*table.uniques, Key(table.primary_key)]
    if target is not None:
        ends += [c for c in target.columns if c.name == column.name]
        keys += [*target.uniques, Key(target.primary_key)]
    lengths = [c.type.length for c in ends if c.type.length is not None]
    return ColumnShape(
        kind=column.type.kind.value,
        nullable=all(c.nullable for c in ends),
        unique=any(_makes_unique(key, column.name, masked, keys) for key in keys),
        length=min(lengths, default=None),
        integers=column.type.integers,
        room=ends[-1].type.integers,
        ignores_case=ignores_case,
    )


def _makes_unique(key: Key, column: str, masked: set[str], keys: Sequence[Key]) -> bool:
    """Whether replacements of this column must differ for the key to stay unique: not when the key's kept columns
    contain a key of their own."""
    if column not in key.columns:
        return False
    kept = set(key.columns) - masked
    return not any(other.plain and other.columns and set(other.columns) <= kept for other in keys)
