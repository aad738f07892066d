"""Which document of a batch each record came from, for those few that somebody asks about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streamer.text.batch import Batch, Origin


class Trace:
    """The way of one batch's records through the decoder; filled by it."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._ends: list[int] = []
        self._documents: list[tuple[Origin | None, int]] = []
        self._records_of: Callable[[bytes], int] | None = None
        self._begins: NDArray[np.int64] | None = None

    def lines(self, records_of: Callable[[bytes], int] | None) -> None:
        """Each line of the batch is a record; with ``records_of`` so many as that says of it."""
        self._records_of = records_of

    def document(self, origin: Origin | None, begin: int, records: int) -> None:
        """The next ``records`` come from the document that begins at this byte of the batch."""
        self._ends.append((self._ends[-1] if self._ends else 0) + records)
        self._documents.append((origin, begin))

    def origin(self, record: int) -> Origin:
        """Where a record came from, by its index among the decoded ones."""
        if not self._ends:
            self._find_lines()
        if self._begins is not None:
            begin, within = int(self._begins[record]), 0
            origin: Origin | None = None
        else:
            index = bisect_right(self._ends, record)
            origin, begin = self._documents[index]
            within = record - (self._ends[index - 1] if index else 0)
        if origin is None:
            origin, within = self._origin_of_line(begin, within)
        return {**origin, "record": within + 1} if within else origin

    def _find_lines(self) -> None:
        if self._begins is not None:
            return
        records = self._batch.records
        ends = np.flatnonzero(np.frombuffer(records, np.uint8) == ord("\n")) + 1
        begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        if self._records_of is None:
            self._begins = begins
            return
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            self.document(None, begin, self._records_of(records[begin:end]))

    def _origin_of_line(self, begin: int, within: int) -> tuple[Origin, int]:
        batch = self._batch
        if batch.messages is not None:
            origin, first = batch.messages.at(begin)
            return origin, within + batch.records.count(b"\n", first, begin)
        return ({} if batch.places is None else batch.places.at(begin)), within
