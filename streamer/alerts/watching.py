"""Scores each batch before it is learned and hands what is unexpected to the alerts.

Joins learner, decoder and alerts; what an alert says is put together here, for those few records
that become one.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.alerts.alerts import MAX_WORDS, Alerts, Record
from streamer.text.batch import Origin
from w2v_online.learning.boundaries import END, START
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.surprise import Measure, Surprise
from w2v_online.separators import RECORD_SEPARATOR, TOKEN_SEPARATOR
from w2v_online.stats import BatchStats


class Traced(Protocol):
    """Records that remember where they came from."""

    def origin(self, record: int) -> Origin:
        """Where a record came from, by its index."""


class Watching:
    """Learns through ``learner`` and tells ``alerts`` what it had not expected."""

    def __init__(self, learner: OnlineWord2Vec, alerts: Alerts) -> None:
        self._learner = learner
        self.alerts = alerts

    def learn(
        self, tokens: bytes | bytearray, *, separated: bool, text: bytes, trace: Traced
    ) -> BatchStats:
        """Score and learn ``tokens``, which are the records of ``text``; see ``learn_text``."""
        measure = self.alerts.measure
        stats, surprise = self._learner.learn_scored_text(
            tokens, separated=separated, by_each_context=measure.of == "context"
        )
        scored = _Scored(
            tokens, text, trace, surprise, measure, separated, self._learner.config.boundaries
        )
        self.alerts.consider(measure.of_records(surprise), scored.record, scored.text_of)
        return stats

    def settle(self) -> bool:
        """Make the alerts so far, and what they depend on, part of the next checkpoint."""
        is_settled = self.alerts.settle()
        self._learner.alert_state = self.alerts.state()
        return is_settled


class _Scored:
    """The records of a batch, described one by one when that is wanted."""

    def __init__(
        self,
        tokens: bytes | bytearray,
        text: bytes,
        trace: Traced,
        surprise: Surprise,
        measure: Measure,
        is_separated: bool,
        has_boundaries: bool,
    ) -> None:
        self._tokens = tokens
        self._text = text
        self._trace = trace
        self._surprise = surprise
        self._measure = measure
        self._record_end = RECORD_SEPARATOR if is_separated else b"\n"
        self._token_end = TOKEN_SEPARATOR if is_separated else None
        self._has_boundaries = has_boundaries

    @cached_property
    def _text_ends(self) -> NDArray[np.int64]:
        return _ends(self._text, b"\n")

    @cached_property
    def _token_ends(self) -> NDArray[np.int64]:
        if self._tokens is self._text:
            return self._text_ends
        return _ends(self._tokens, self._record_end)

    def record(self, i: int) -> Record:
        """What an alert says of the i-th record."""
        return Record(self.text_of(i), self._trace.origin(i), self._words(i))

    def text_of(self, i: int) -> bytes:
        """The text of the i-th record."""
        return _part(self._text, self._text_ends, i)

    def _words(self, i: int) -> list[tuple[str, float]]:
        """Its words that made it surprising, with their surprise, the greatest first."""
        tokens = _part(self._tokens, self._token_ends, i)
        words = [word for word in tokens.split(self._token_end) if word]
        if self._has_boundaries and words:
            words = [START, *words, END]
        values = self._surprise.record(i).of_words(self._measure.of)
        order = np.argsort(-values, kind="stable")[:MAX_WORDS]
        return [(words[n].decode(errors="replace"), float(values[n])) for n in order.tolist()]


def _ends(text: bytes | bytearray, end: bytes) -> NDArray[np.int64]:
    """Where each record ends."""
    return np.flatnonzero(np.frombuffer(text, np.uint8) == ord(end))


def _part(text: bytes | bytearray, ends: NDArray[np.int64], i: int) -> bytes:
    """The i-th record."""
    return bytes(text[int(ends[i - 1]) + 1 if i else 0 : int(ends[i])])
