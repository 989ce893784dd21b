"""The domains `faker` knows: how a token becomes a realistic value that belongs to nobody.

A token's first word chooses the entries; one more in that word is the next entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizers.alphabet import BASE10, BASE36
from anonymizers.buffers import Bytes, Flags, Positions, Text, Words, fixed
from anonymizers.dictionaries import words

EMAIL_SUFFIX = 12
"""Base-36 characters that keep e-mail addresses apart."""
EMAIL_HOSTS = ("@example.com", "@example.net", "@example.org")
"""Reserved by RFC 2606: no address there is anybody's."""


@dataclass(frozen=True)
class Fake:
    """One domain: (n, 2) tokens to n values."""

    render: Callable[[Words], pa.Array]
    lists: tuple[pa.Array, ...]
    """What the values are made of, one entry of each; their sizes multiply to the number of values."""
    around: int = 0
    """Characters of a value besides those entries."""

    @property
    def length(self) -> int:
        """The longest value's characters."""
        return self.around + sum(max(len(entry) for entry in entries.to_pylist()) for entries in self.lists)

    def holds(self, values: pa.Array) -> Flags:
        """Which texts are one entry of each list with blanks between. For domains that are made so."""
        if not len(values):
            return np.zeros(0, np.bool_)
        parts, entries = len(self.lists), self._spelled
        codes = pc.index_in(_split(Text.of(values), parts), value_set=entries).fill_null(len(entries)).to_numpy()
        found = np.ones(len(values), np.bool_)
        for part in range(parts):
            found &= self._list_of[codes[part::parts]] == part
        return found

    @cached_property
    def _list_of(self) -> Positions:
        """By number in `_spelled`: the list that the entry is from; behind the last one: none."""
        return np.repeat([*range(len(self.lists)), -1], [*map(len, self.lists), 1])

    @cached_property
    def ends(self) -> tuple[Flags, Flags]:
        """By byte: whether values begin with it, and whether they end with it."""
        first, last = Text.of(self.lists[0]), Text.of(self.lists[-1])
        every = np.arange(256)
        return np.isin(every, first.data[first.starts]), np.isin(every, last.data[last.ends - 1])

    @cached_property
    def _spelled(self) -> pa.Array:
        """Every entry, all but those of the first list with the blank before it."""
        first, *others = self.lists
        return pa.concat_arrays([first, *(pc.binary_join_element_wise("", entries, " ") for entries in others)])


def _split(text: Text, parts: int) -> pa.Array:
    """Every value cut before its first blanks: so many parts each, the last ones empty where there are fewer blanks."""
    blanks = np.append(np.flatnonzero(text.data == ord(" ")), [len(text.data)] * parts)
    first = np.searchsorted(blanks, text.starts)
    bounds = np.empty((len(first), parts), np.int64)
    bounds[:, 0] = text.starts
    for part in range(1, parts):
        bounds[:, part] = np.minimum(blanks[first + part - 1], text.ends)
    return Text(text.data, np.append(bounds.reshape(-1), len(text.data))).array()


def _choose(numbers: Words, *sizes: int) -> list[NDArray[np.int64]]:
    """One index below each size, all from one number."""
    indexes = []
    for size in sizes:
        rest = numbers // np.uint64(size)
        indexes.append((numbers - rest * np.uint64(size)).astype(np.int64))
        numbers = rest
    return indexes


def _joined(*lists: pa.Array, by: str) -> Fake:
    """One entry of each list."""

    def render(tokens: Words) -> pa.Array:
        indexes = _choose(tokens[:, 0], *(len(entries) for entries in lists))
        picked = [entries.take(pa.array(index)) for entries, index in zip(lists, indexes, strict=True)]
        return pc.binary_join_element_wise(*picked, by) if len(picked) > 1 else picked[0]

    return Fake(render, lists, (len(lists) - 1) * len(by))


def _email() -> Fake:
    """`first.last.0123456789ab@example.com`: lower case, at most 43 characters, more than 80 bits."""
    firsts, lasts, hosts = words("people", "email_first"), words("people", "email_last"), pa.array(EMAIL_HOSTS)
    host_rows = np.frombuffer("".join(EMAIL_HOSTS).encode("ascii"), np.uint8).reshape(len(EMAIL_HOSTS), -1)

    def render(tokens: Words) -> pa.Array:
        first, last, host = _choose(tokens[:, 0], len(firsts), len(lasts), len(EMAIL_HOSTS))
        suffix: Bytes = np.concatenate([BASE36.spell(tokens[:, 1], EMAIL_SUFFIX), host_rows[host]], axis=1)
        return pc.binary_join_element_wise(firsts.take(pa.array(first)), lasts.take(pa.array(last)), fixed(suffix), ".")

    return Fake(render, (firsts, lasts, hosts), 2 + EMAIL_SUFFIX)


def _phone() -> Fake:
    """`+1-NXX-555-01XX`. The North American Numbering Plan keeps 555-0100 to 555-0199 for fiction in every area code;
    an area code is 2-9, 0-8, 0-9, not ending in 11."""
    areas = [f"{code}" for code in range(200, 1000) if code // 10 % 10 != 9 and code % 100 != 11]
    lines = [f"{line:02}" for line in range(100)]
    area_rows = np.frombuffer("".join(areas).encode("ascii"), np.uint8).reshape(-1, 3)
    form = np.frombuffer(b"+1-000-555-0100", np.uint8)

    def render(tokens: Words) -> pa.Array:
        line, area = _choose(tokens[:, 0], len(lines), len(areas))
        rows = np.tile(form, (len(tokens), 1))
        rows[:, 3:6] = area_rows[area]
        rows[:, 13:] = BASE10.spell(line.astype(np.uint64), 2)
        return fixed(rows)

    return Fake(render, (pa.array(areas), pa.array(lines)), len(form) - 5)


_NUMBERS = 9999
"""The highest house number."""

_MAKERS: Mapping[str, Callable[[], Fake]] = {
    "person": lambda: _joined(words("people", "first_names"), words("people", "last_names"), by=" "),
    "first_name": lambda: _joined(words("people", "first_names"), by=""),
    "last_name": lambda: _joined(words("people", "last_names"), by=""),
    "email": _email,
    "phone": _phone,
    "street": lambda: _joined(
        pa.array([str(number) for number in range(1, _NUMBERS + 1)]), words("places", "streets"), by=" "
    ),
    "city": lambda: _joined(words("places", "cities"), by=""),
    "zip": lambda: _joined(words("places", "zips"), by=""),
    "company": lambda: _joined(*(words("companies", part) for part in ("adjectives", "nouns", "suffixes")), by=" "),
}

DOMAINS = frozenset(_MAKERS)


@cache
def fake(domain: str) -> Fake:
    """The domain of that name, its word lists loaded. Raises KeyError."""
    return _MAKERS[domain]()
