"""Anonymizers for the contract suite: so simple that a test computes the expected values itself."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa


def disguised(value: str | int | None) -> str | int | None:
    if value is None:
        return None
    if isinstance(value, int):
        return value * 7 + 3
    return "m" + hashlib.md5(value.encode()).hexdigest()[:12]


@dataclass
class Masker:
    """Disguises `columns` and turns `nulled` into NULL. Kills its process at the call `dies_at`."""

    columns: tuple[str, ...]
    nulled: tuple[str, ...] = ()
    dies_at: int = 0
    calls: int = 0

    @property
    def masked(self) -> tuple[str, ...]:
        return self.columns + self.nulled

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mapping[str, int]]:
        self.calls += 1
        if self.calls == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        arrays = [pa.array([disguised(value) for value in column.to_pylist()], column.type) for column in batch.columns]
        nulls = [pa.nulls(batch.num_rows) for _ in self.nulled]
        return pa.RecordBatch.from_arrays(arrays + nulls, names=list(self.masked)), dict.fromkeys(self.masked, 0)
