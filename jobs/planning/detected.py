"""Without a policy: what the detector proposes for each column stands for what a policy would say.

The proposals follow from names and a small sample of values, and from the source alone, so that they do not change with the
target. Once an operation was requested its decisions are fixed: later runs of it read them from its recorded plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anonymizers.contract import Rule, check, strategy
from anonymizers.detection.contract import Candidate, Verdict
from anonymizers.detection.detect import detect_table
from connectors.schema import Schema, Table, quoted
from jobs.config.names import ColumnName, parse_table
from jobs.planning.decisions import Decision, Place, decide, referenced_columns, shape
from jobs.planning.findings import Finding, error
from jobs.planning.subjects import subject_of

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 200
"""Rows looked at per table."""
REST = "not detected"
"""Where the decision comes from to keep what the detector saw nothing personal in."""
UNSEEN = "no values could be read: judged by names alone"
"""Of tables that cannot be sampled."""
RECORDED = "as requested"
"""Where decisions come from that were fixed when the operation was requested."""

Sample = Callable[[Table, Sequence[str]], "Mapping[str, pa.Array]"]
"""Some values of some columns of a table, as strings; empty where there are none to be had."""


@dataclass(frozen=True)
class ProposedRule:
    """A rule nobody wrote."""

    text: str
    name: ColumnName
    strategy: str | None
    domain: str | None
    origin: str
    options: Mapping[str, Any] = field(default_factory=dict)


def survey(tables: Sequence[Table], source: Schema, sample: Sample) -> dict[Place, Verdict]:
    """What looks personal, or needs a person to judge it, in these tables and those they reference."""
    verdicts: dict[Place, Verdict] = {}
    for table in _with_referenced(tables, source):
        names = [column.name for column in table.copied]
        values = sample(table, names) if table.readable and names else {}
        every = set(names)  # with all of a key's columns replaced, each must stay unique by itself
        candidates = [
            Candidate(str(table.name), column.name, shape(table, None, column, every, column.ignores_case),
                      values.get(column.name))
            for column in table.copied
        ]  # fmt: skip
        for candidate, verdict in zip(candidates, detect_table(candidates), strict=True):
            if verdict is not None:
                verdicts[table.name, candidate.column] = _subject_found(table, candidate, verdict)
    return verdicts


def propose(tables: Sequence[Table], source: Schema, verdicts: Mapping[Place, Verdict], dropped: Set[Place] = frozenset()
            ) -> tuple[list[ProposedRule], list[Finding]]:  # fmt: skip
    """The rules that stand for a policy. A reference and what it references get one rule between them: that of the column
    referenced, else the reference's own. Findings: what a person must decide."""
    parents = referenced_columns(source)
    rules: dict[Place, ProposedRule] = {}
    for place, verdict in sorted(verdicts.items()):
        root = _root(place, parents)
        if verdict.rule is None or (root != place and (root in rules or root in verdicts)):
            continue
        origin = (
            told(verdict) if root == place else f"{told(verdict)} (of {place[0].column(place[1])}, which references it)"
        )
        rules[root] = _proposed(root, verdict.rule, origin)
    waiting = {place: why for place, why in undecided(tables, source, verdicts).items() if place not in dropped}
    return list(rules.values()), _to_decide(
        [f"{place[0].column(place[1])} ({why})" for place, why in sorted(waiting.items())]
    )


def undecided(tables: Sequence[Table], source: Schema, verdicts: Mapping[Place, Verdict]) -> dict[Place, str]:
    """The columns of these tables that a person must decide, and why: also where it is the column they reference that
    nobody can judge, whether that one's table is among these or not."""
    parents = referenced_columns(source)
    found = {}
    for place in ((table.name, column.name) for table in tables for column in table.copied):
        verdict = next((verdicts[up] for up in reversed(_up(place, parents)) if up in verdicts), None)
        if verdict is not None and verdict.rule is None:
            found[place] = verdict.reasons[-1]
    return found


def recorded(what: Mapping[str, Any]) -> list[ProposedRule]:
    """The decisions of a plan, as rules."""
    found = []
    for name, table in what["tables"].items():
        schema, plain = parse_table(name)
        for column in table["columns"]:
            decision = column["decision"]
            if decision is None:
                continue
            text = f"{name}.{quoted(column['name'])}"
            given = {"strategy": None, "domain": None, "options": {}} if decision == "keep" else decision
            found.append(
                ProposedRule(
                    text,
                    (schema, plain, column["name"]),
                    given["strategy"],
                    given["domain"],
                    RECORDED,
                    given["options"],
                )
            )
    return found


def told(verdict: Verdict) -> str:
    """Why a column looks personal, in one line."""
    return f"detected, {verdict.confidence} %: {verdict.domain}: {'; '.join(verdict.reasons)}"


def _to_decide(undecidable: Sequence[str]) -> list[Finding]:
    if not undecidable:
        return []
    count = "one column needs" if len(undecidable) == 1 else f"{len(undecidable)} columns need"
    return [
        error(
            "policy",
            f"{count} a person to decide: {', '.join(undecidable)}",
            "write a policy: dbagent detect SOURCE --format policy > conf/policy.yaml; edit it, and name it as `policy`",
        )
    ]


def _with_referenced(tables: Sequence[Table], source: Schema) -> Iterator[Table]:
    """The tables, and all that they reference, directly or not: references inherit from those."""
    known = {table.name: table for table in source.tables}
    waiting, seen = list(tables), {table.name for table in tables}
    while waiting:
        table = waiting.pop(0)
        yield table
        for key in table.foreign_keys:
            if key.referenced in known and key.referenced not in seen:
                seen.add(key.referenced)
                waiting.append(known[key.referenced])


def _up(place: Place, parents: Mapping[Place, Sequence[Place]]) -> list[Place]:
    """A column and those that it leads to by references, one after the other."""
    way = [place]
    while (up := parents.get(way[-1])) and up[0] not in way:
        way.append(up[0])
    return way


def _root(place: Place, parents: Mapping[Place, Sequence[Place]]) -> Place:
    """Where the references from a column end; of a ring of them, the same one for each that leads into it."""
    way = _up(place, parents)
    back = parents.get(way[-1])
    return min(way[way.index(back[0]) :]) if back else way[-1]


def _subject_found(table: Table, candidate: Candidate, verdict: Verdict) -> Verdict:
    """The verdict, or another proposal where its strategy needs to know whose row it is and the table cannot tell."""
    rule = verdict.rule
    if rule is None or not strategy(rule.strategy).needs_subject:
        return verdict
    problem = subject_of(table, table.column(candidate.column), rule)
    if not isinstance(problem, Finding):
        return verdict
    empty = Rule("null", rule.domain)
    if not check(empty, candidate.shape):
        return Verdict(verdict.column, verdict.domain, verdict.confidence, empty, verdict.reasons)
    reasons = (*verdict.reasons, problem.what)
    return Verdict(verdict.column, verdict.domain, verdict.confidence, None, reasons, undecidable=True)


def _proposed(place: Place, rule: Rule, origin: str) -> ProposedRule:
    table, column = place
    domain = None if strategy(rule.strategy).needs_subject else rule.domain  # those take their subject's
    return ProposedRule(table.column(column), (table.schema, table.name, column), rule.strategy, domain, origin)


@dataclass(frozen=True)
class Surveyed:
    """What was seen in the tables of one environment, and what would be done with them."""

    environment: str
    tables: tuple[Table, ...]
    verdicts: Mapping[Place, Verdict]
    decisions: Mapping[Place, Decision]
    """What would be done with each column; none where a person must decide."""
    undecided: Mapping[Place, str]
    """Those, and why."""
    unseen: tuple[Table, ...]
    """Tables judged by names alone: their values could not be read."""
    values: Mapping[Place, pa.Array] = field(repr=False)
    """The samples: shown only where somebody asks for it."""


def surveyed(environment: str, tables: Sequence[Table], source: Schema, sample: Sample, default_schema: str | None
             ) -> Surveyed:  # fmt: skip
    """Survey some tables of a source."""
    values: dict[Place, pa.Array] = {}

    def remembered(table: Table, columns: Sequence[str]) -> Mapping[str, pa.Array]:
        found = sample(table, columns)
        values.update({(table.name, column): array for column, array in found.items()})
        return found

    verdicts = survey(tables, source, remembered)
    rules, _ = propose(tables, source, verdicts)
    waiting = undecided(tables, source, verdicts)
    decided, _ = decide(tables, source, {}, rules, default_schema, REST)
    decisions = {(table, found.column): found for table, columns in decided.items() for found in columns}
    sampled = {place[0] for place in values}
    return Surveyed(
        environment,
        tuple(tables),
        verdicts,
        {place: found for place, found in decisions.items() if place not in waiting},
        waiting,
        tuple(table for table in tables if table.copied and table.name not in sampled),
        values,
    )
