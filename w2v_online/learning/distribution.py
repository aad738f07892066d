"""How surprising recent records were: a sketch that turns a surprise into a p-value.

A DDSketch (Masson et al. 2019): counts of values in bins whose width is a fixed share of the value,
so memory is bounded and the order of the values does not matter. Two sketches take turns: the one
that is filled and the one before it, so that what is compared with is always between one and two
windows of records long.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson
from ddsketch.mapping import LogarithmicMapping
from ddsketch.store import CollapsingLowestDenseStore
from numpy.typing import NDArray

from w2v_online.learning.surprise import Measure

WINDOW_RECORDS = 1_000_000
"""Records after which a new sketch begins."""

MIN_BLOCK_RECORDS, MAX_BLOCK_RECORDS = 256, 1024
"""Records whose p-values come from the same state, so that they do not depend on batches."""

_BLOCK_SHARE = 64
"""Within those bounds a block is one in so many of the records before it."""

RELATIVE_ERROR = 0.01
"""Largest relative error of a value in the sketch."""

_BINS = 2048
_LEAST = 1e-9
"""Nats; smaller surprises count as this one."""


class _Table(NamedTuple):
    """The bins of both sketches, added up; replaced as a whole."""

    keys: NDArray[np.int64]
    """int64[b], ascending."""
    at_least: NDArray[np.float64]
    """float64[b]: records in a bin or a higher one."""
    records: int


class SurpriseDistribution:
    """The distribution of recent records' surprise; feed it in the order of the stream."""

    def __init__(self) -> None:
        self._mapping = LogarithmicMapping(RELATIVE_ERROR)
        self._scale = 1.0 / math.log(self._mapping.gamma)
        self._current = CollapsingLowestDenseStore(_BINS)
        self._previous = CollapsingLowestDenseStore(_BINS)
        self._waiting: list[NDArray[np.float64]] = []
        self._waiting_records = 0
        self._table = _Table(np.empty(0, np.int64), np.empty(0), 0)
        self.records = 0
        """Records seen in all."""

    @property
    def compared_records(self) -> int:
        """Records that p-values are shares of."""
        return self._table.records

    def p_values(self, surprises: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n]: the share of recent records at least as surprising, for each record.

        Adds the records, too. A p-value is (r + 1) / (m + 1), where r of the m records before the
        current block were at least as surprising; so it is never 0.
        """
        values = _known(surprises)
        result = np.empty(len(values))
        begin = 0
        while begin < len(values):
            block_records = self._block_records()
            end = min(len(values), begin + block_records - self._waiting_records)
            result[begin:end] = self._shares(values[begin:end])
            self._waiting.append(values[begin:end])
            self._waiting_records += end - begin
            self.records += end - begin
            begin = end
            if self._waiting_records == block_records:
                self._take_block()
        return result

    def shares(self, surprises: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n]: the same of records that are not added."""
        return self._shares(_known(surprises))

    def surprise_at(self, p: float) -> float:
        """The least surprise, in nats, whose p-value is at most ``p``; infinity if none has.

        May be asked from another thread.
        """
        table = self._table
        enough = np.flatnonzero((table.at_least + 1.0) / (table.records + 1.0) <= p)
        return float(self._mapping.value(int(table.keys[enough[0]]))) if len(enough) else math.inf

    def _block_records(self) -> int:
        """Records of the current block; depends on those before it alone."""
        share = (self.records - self._waiting_records) // _BLOCK_SHARE
        return min(max(MIN_BLOCK_RECORDS, share), MAX_BLOCK_RECORDS)

    def _key(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """The mapping's key of many values at once."""
        return np.ceil(np.log(values) * self._scale).astype(np.int64)

    def _shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        table = self._table
        places = np.searchsorted(table.keys, self._key(values))
        at_least = np.append(table.at_least, 0.0)[places]
        shares: NDArray[np.float64] = (at_least + 1.0) / (table.records + 1.0)
        return shares

    def _take_block(self) -> None:
        keys, counts = np.unique(self._key(np.concatenate(self._waiting)), return_counts=True)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            self._current.add(key, float(count))
        self._waiting, self._waiting_records = [], 0
        if self._current.count >= WINDOW_RECORDS:
            self._previous = self._current
            self._current = CollapsingLowestDenseStore(_BINS)
        self._refresh()

    def _refresh(self) -> None:
        """Add up the bins of both sketches from the highest down."""
        (keys, counts), (old_keys, old_counts) = _bins(self._current), _bins(self._previous)
        all_keys, places = np.unique(np.concatenate([keys, old_keys]), return_inverse=True)
        totals = np.bincount(places, np.concatenate([counts, old_counts]), len(all_keys))
        at_least = np.cumsum(totals[::-1], dtype=np.float64)[::-1]
        records = int(self._current.count + self._previous.count)
        self._table = _Table(all_keys, at_least, records)

    def state(self) -> dict[str, NDArray[Any]]:
        """All that :meth:`restore` needs, as arrays."""
        state: dict[str, NDArray[Any]] = {
            "waiting": np.concatenate([*self._waiting, np.empty(0)]),
            "records": np.array([self.records], np.int64),
        }
        for name, store in (("current", self._current), ("previous", self._previous)):
            state[f"{name}_keys"], state[f"{name}_counts"] = _bins(store)
        return state

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state."""
        self.records = int(state["records"][0])
        self._waiting = [np.array(state["waiting"], np.float64)]
        self._waiting_records = len(self._waiting[0])
        for name, store in (("current", self._current), ("previous", self._previous)):
            keys, counts = state[f"{name}_keys"].tolist(), state[f"{name}_counts"].tolist()
            for key, count in zip(keys, counts, strict=True):
                store.add(int(key), float(count))
        self._refresh()


def _known(surprises: NDArray[np.float64]) -> NDArray[np.float64]:
    """Surprises as the sketch takes them: records without words surprise nobody."""
    return np.maximum(np.nan_to_num(surprises, nan=_LEAST), _LEAST)


ABOUT = "about"
"""The array of a checkpoint that holds, as JSON, what is no array; its ``measure`` is what
surprises are of."""


def about_of(state: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """What a checkpoint says of its surprises; ``{}`` if it holds none."""
    if ABOUT not in state:
        return {}
    about: dict[str, Any] = orjson.loads(np.asarray(state[ABOUT], np.uint8).tobytes())
    return about


def saved_distribution(
    state: Mapping[str, NDArray[Any]],
) -> tuple[Measure, SurpriseDistribution] | None:
    """The distribution that a checkpoint holds, with what it is of; None if there is none."""
    if ABOUT not in state:
        return None
    distribution = SurpriseDistribution()
    distribution.restore(state)
    return Measure(**about_of(state)["measure"]), distribution


def _bins(store: CollapsingLowestDenseStore) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Keys and counts of a sketch's bins that are not empty."""
    counts = np.array(store.bins, np.float64)
    filled = np.flatnonzero(counts)
    return filled.astype(np.int64) + int(store.offset), counts[filled]
