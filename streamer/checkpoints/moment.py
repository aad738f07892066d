"""Moments of learning, and the newest that is on disk with its position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from w2v_online.learning.learner import OnlineWord2Vec


@dataclass(frozen=True)
class Moment:
    """What a checkpoint is of: a state of the learner and the next record to read."""

    records: int
    words: int
    vocabulary: int
    is_new: bool
    position: dict[str, Any]
    muted: frozenset[str]

    @classmethod
    def of(cls, learner: OnlineWord2Vec, position: dict[str, Any], muted: frozenset[str]) -> Moment:
        """The present one; ``muted`` are the kinds of alerts that somebody wants no more of."""
        vocabulary = learner.vocabulary
        return cls(
            vocabulary.total_records,
            vocabulary.total_words,
            len(vocabulary),
            learner.is_new,
            position,
            muted,
        )


class Durable:
    """What is on disk, since when, and how much is not.

    Parameters
    ----------
    learner : OnlineWord2Vec
        All that it has learned so far counts as saved.
    clock : callable
        Returns seconds.
    """

    def __init__(self, learner: OnlineWord2Vec, clock: Callable[[], float]) -> None:
        self._learner = learner
        self._clock = clock
        self.moment: Moment | None = None
        """That of the newest checkpoint, None before the first."""
        self._position: dict[str, Any] | None = None
        self._written_at: float | None = None
        self._safe_at = clock()
        self._safe_words = learner.total_words

    def write(self, moment: Moment) -> None:
        """A checkpoint of this moment has reached the disk."""
        self.moment, self._position, self._safe_words = moment, moment.position, moment.words
        self._written_at = self._safe_at = self._clock()

    def confirm(self) -> None:
        """One was due, and nothing was learned since the last."""
        self._safe_at = self._clock()

    def take_position(self) -> dict[str, Any] | None:
        """The position of the newest checkpoint, once; None if there is no new one."""
        position, self._position = self._position, None
        return position

    def age_seconds(self) -> float | None:
        """Seconds since the last checkpoint was written, None before the first."""
        return None if self._written_at is None else self._clock() - self._written_at

    def unsaved_seconds(self) -> float:
        """Seconds since all that was learned was on disk."""
        return self._clock() - self._safe_at

    def unsaved_words(self) -> int:
        """Words that were learned since the last checkpoint."""
        return self._learner.total_words - self._safe_words
