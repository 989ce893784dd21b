"""One table's columns judged together: names, guarded, then values, then what stands beside them.

Fails closed. A name that says yes is only weakened by values that look otherwise, unless the name was doubtful from the
start; a column without values is judged by its name; what cannot be judged goes to a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anonymizers.contract import ColumnShape
from anonymizers.detection import evidence, guards, names
from anonymizers.detection.contract import Candidate, Verdict
from anonymizers.detection.lexicon import TRADE, VAGUE, alike
from anonymizers.detection.names import Hit, TableKind
from anonymizers.detection.proposals import propose
from anonymizers.detection.values import Look, look

SURE, LIKELY, MAYBE, UNLIKELY = 85, 70, 50, 35
AGREED = 97
"""Confidence: of a clear name; of a name its surroundings support; of one nothing supports; of one its values contradict;
of name and values that say the same."""
_OPAQUE = frozenset(("json", "binary", "other"))
"""Kinds whose values nobody sees into."""
_PLACED = frozenset(("city", "zip", "geo"))
"""What a table that lists places says of them, not of people."""


@dataclass(frozen=True)
class Guess:
    """What one column seems to hold, before its neighbours have been asked."""

    domain: str
    confidence: int
    reasons: tuple[str, ...]
    doubtful: bool = False
    """The name means other things too: values that look otherwise win over it."""
    vague: bool = False
    """Doubtful, and the name of somebody or something: where things are listed or traded, it is theirs."""


def detect_table(columns: Sequence[Candidate]) -> list[Verdict | None]:
    """A verdict for each column of one table, in their order; None: nothing personal was seen. Whoever wants the best
    judgement gives all columns of the table: they tell about each other."""
    table = names.table_kind(columns[0].table) if columns else "unknown"
    looks = [look(column.sample) for column in columns]
    guesses = [_guess(column, seen, table) for column, seen in zip(columns, looks, strict=True)]
    personal = sum(guess is not None and not guess.doubtful for guess in guesses)
    trade = any(set(names.split(column.column)) & TRADE for column in columns)
    verdicts = []
    for column, seen, guess in zip(columns, looks, guesses, strict=True):
        beside = personal - (guess is not None and not guess.doubtful)
        settled = _settled(guess, table, beside, trade) if guess else None
        verdicts.append(_verdict(column, seen, settled))
    return verdicts


def _guess(column: Candidate, seen: Look | None, table: TableKind) -> Guess | None:
    """By name and values. Words that the schema lists are nobody's, unless the name is clear that they are."""
    by_name = _by_name(column, table)
    if column.shape.kind == "enum":
        return None if by_name and by_name.doubtful else by_name
    if by_name and seen:
        by_name = _weighed(by_name, seen)
    by_values = evidence.claim(seen, column.shape, table) if seen else None
    if by_values and (
        by_name is None
        or by_name.doubtful
        or by_name.confidence <= UNLIKELY
        or (by_values.plain and by_name.confidence < AGREED)
    ):
        return Guess(by_values.domain, by_values.confidence, (by_values.reason,))
    return by_name


def _by_name(column: Candidate, table: TableKind) -> Guess | None:
    words = names.split(column.column)
    hit = names.best(words)
    if hit is None:
        return _by_generic_name(words, column.shape, table) or _by_role(words, column.shape)
    email_id = hit.domain == "email" and words[hit.end :] == ("id",)
    if not guards.possible(hit.domain, column.shape) or (guards.about(hit, words, column.shape.kind) and not email_id):
        return None
    if hit.domain in _PLACED and table == "places":
        return None
    doubtful = email_id or (hit.doubtful and hit.whole)
    vague = doubtful and alike(words[hit.start : hit.end]) in VAGUE
    return Guess(hit.domain, MAYBE if doubtful else SURE, (f"name: {hit.text(words)}",), doubtful, vague)


def _by_generic_name(words: tuple[str, ...], shape: ColumnShape, table: TableKind) -> Guess | None:
    """`name` and what it is the name of."""
    at = names.name_word(words)
    if at is None or not guards.possible("person", shape) or guards.about(Hit("person", at, at + 1), words):
        return None
    whose = names.whose(words, at)
    if whose == "person":
        return Guess("person", SURE, ("name: the name of a person",))
    if whose == "nobody" and table == "people":
        return Guess("person", SURE, ("name: name", "the table lists people"))
    if whose == "thing" or (whose == "nobody" and table in ("things", "places")):
        return None
    return Guess("person", MAYBE, ("name: the name of somebody or something",), doubtful=True, vague=True)


def _by_role(words: tuple[str, ...], shape: ColumnShape) -> Guess | None:
    """Somebody a column is called after. Doubtful: roles are given to things, too."""
    role = names.role(words)
    if role is None or not guards.possible("person", shape):
        return None
    domain = "username" if role.endswith(" by") else "person"
    return Guess(domain, MAYBE, (f"name: {role}",), doubtful=True, vague=True)


def _weighed(guess: Guess, seen: Look) -> Guess | None:
    """A name's guess after a look at the values: confirmed, weakened, or dropped where it was doubtful."""
    confirmed = evidence.confirms(guess.domain, seen)
    if confirmed:
        return replace(guess, confidence=AGREED, reasons=(*guess.reasons, confirmed), doubtful=False)
    denied = evidence.denies(guess.domain, seen)
    if not denied:
        return guess
    return None if guess.doubtful else replace(guess, confidence=UNLIKELY, reasons=(*guess.reasons, denied))


def _settled(guess: Guess, table: TableKind, beside: int, trade: bool) -> Guess | None:
    """A guess after a look at its neighbours. A doubtful one without support stays, but for the names of things."""
    if not guess.doubtful:
        near = beside >= 2 and guess.confidence >= LIKELY
        return replace(guess, confidence=min(99, guess.confidence + 2)) if near else guess
    if beside or table == "people":
        why = "other personal columns beside it" if beside else "the table lists people"
        return Guess(guess.domain, LIKELY, (*guess.reasons, why))
    return None if guess.vague and (trade or table in ("things", "places")) else guess


def _verdict(column: Candidate, seen: Look | None, guess: Guess | None) -> Verdict | None:
    name, shape = column.column, column.shape
    if shape.kind in _OPAQUE:
        domain, found = (guess.domain, guess.reasons) if guess else (shape.kind, ())
        why = f"{'values of this type' if shape.kind == 'other' else shape.kind} may hold anything"
        return Verdict(name, domain, guess.confidence if guess else 0, None, (*found, why), undecidable=True)
    if guess is None:
        free = evidence.free_text(names.split(name), shape, seen)
        return Verdict(name, "free_text", 0, None, (free,), undecidable=True) if free else None
    rule, refused = propose(guess.domain, shape)
    if rule is None:
        return Verdict(
            name, guess.domain, guess.confidence, None, (*guess.reasons, "; ".join(refused)), undecidable=True
        )
    return Verdict(name, guess.domain, guess.confidence, rule, guess.reasons)
