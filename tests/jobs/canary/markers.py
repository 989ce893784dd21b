"""Canaries: markers that stand in the source's cells, its schema and every secret, and the search for them in any bytes.

A marker holds a core that nothing else in the world holds; which core says what the marker is. What cannot hold letters
(numbers, UUIDs, keys) has a beginning of its own. Each is searched for as it is, in capitals, in hex, Base64, UTF-16 and
backwards.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

MASKED, KEPT, SCHEMA, SECRET = "zqmaskedqz", "zqkeptvalqz", "zqschemaqz", "zqsecretqz"
"""Cores: of values that the policy replaces, of values it keeps, of literals in the schema, of passwords and keys."""

MASKED_NUMBER, KEPT_NUMBER = 0x0002A719C35E0000, 0x0003C58D41B70000
"""Numbers grow from here: five bytes and nine digits are the same in all of them."""
MASKED_UUID, KEPT_UUID = "5ec2e7ca-ba5e-4a11", "0ddba11a-ca5e-4b22"
MASKED_DECIMAL, KEPT_DECIMAL = "918273645546372819", "564738291982736455"
MASKED_DAY = "1913-02-27"
MASKED_MOMENT = datetime(1913, 2, 27, 3, 4, 5, 678901, timezone.utc)
EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)
MASTER_KEY = bytes((37 * n + 11) % 256 for n in range(32))

Patterns = Mapping[bytes, tuple[str, str]]
"""What to look for → which core it stands for, and in what form."""


def forms(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Bytes in every form in which they might be written down."""
    yield data, "as it is"
    yield data[::-1], "backwards"
    yield data.hex().encode(), "hex"
    yield data.hex().upper().encode(), "hex"
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + data)
            yield text[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6], "Base64"


def text_forms(text: str) -> Iterator[tuple[bytes, str]]:
    yield from forms(text.encode())
    yield text.upper().encode(), "capitals"
    yield text.encode("utf-16-le")[:-1], "UTF-16"  # without its last zero: of either byte order


def number_forms(first: int) -> Iterator[tuple[bytes, str]]:
    """A number's digits, and its bytes in either order."""
    yield str(first)[:9].encode(), "digits"
    yield from list(forms(first.to_bytes(8, "big")[1:6]))[:4]


def decimal_forms(digits: str) -> Iterator[tuple[bytes, str]]:
    """A decimal's digits, and its groups of four as a server of ours sends and keeps them."""
    yield digits.encode()[:15], "digits"
    groups = [int(digits[at : at + 4]) for at in (2, 6, 10)]
    for order in ("big", "little"):
        yield b"".join(group.to_bytes(2, order) for group in groups), "groups of digits"


def uuid_forms(start: str) -> Iterator[tuple[bytes, str]]:
    whole = uuid.UUID(f"{start}-8000-000000000000")
    yield from text_forms(start)
    yield from forms(whole.bytes[:8])
    yield whole.bytes_le[:8], "mixed order"


def patterns(keys: Iterable[bytes] = ()) -> dict[bytes, tuple[str, str]]:
    """Everything to look for; `keys` are secret keys derived from the master key."""
    found: dict[bytes, tuple[str, str]] = {}
    moment = (MASKED_MOMENT - EPOCH).days * 86_400_000_000 + (MASKED_MOMENT - EPOCH).seconds * 1_000_000 + 678901
    for core, several in (
        *((core, text_forms(core)) for core in (MASKED, KEPT, SCHEMA, SECRET)),
        *((SECRET, forms(key[:12])) for key in (MASTER_KEY, MASTER_KEY[16:], *keys)),
        (MASKED, number_forms(MASKED_NUMBER)), (KEPT, number_forms(KEPT_NUMBER)),
        (MASKED, decimal_forms(MASKED_DECIMAL)), (KEPT, decimal_forms(KEPT_DECIMAL)),
        (MASKED, uuid_forms(MASKED_UUID)), (KEPT, uuid_forms(KEPT_UUID)),
        (MASKED, text_forms(MASKED_DAY)), (MASKED, forms(moment.to_bytes(8, "big", signed=True))),
    ):  # fmt: skip
        for pattern, form in several:
            found.setdefault(pattern, (core, form))
    return found


class Search:
    """Looks for markers, and remembers where it has looked and what it has found."""

    def __init__(self, wanted: Patterns) -> None:
        self._wanted = wanted
        self.looked_at: dict[str, int] = {}
        """Place → bytes."""
        self.found: list[str] = []
        self.forms: set[tuple[str, str]] = set()
        """What was found: core and form."""

    def bytes(self, data: bytes, where: str, *, allowed: Iterable[str] = ()) -> None:
        """`allowed`: cores that may stand there."""
        self.looked_at[where] = max(len(data), self.looked_at.get(where, 0))
        here = set(allowed)
        for pattern, (core, form) in self._wanted.items():
            if core not in here and (at := data.find(pattern)) >= 0:
                self.forms.add((core, form))
                self.found.append(f"{where}: {core} ({form}): {data[max(0, at - 60) : at + 60]!r}")

    def tree(self, *places: Path, allowed: Iterable[str] = ()) -> None:
        """Every file of these folders; one that is gone meanwhile is fine."""
        for place in places:
            for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
                with suppress(OSError):
                    if path.is_file():
                        self.bytes(path.read_bytes(), str(path), allowed=allowed)
                        self.bytes(path.name.encode(), f"the name of {path.parent}/…", allowed=allowed)

    def assert_nothing(self) -> None:
        assert not self.found, "\n".join(self.found)
