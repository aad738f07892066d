"""Segments of a stream, and the upkeep at the end of each.

Within a segment noise weights, the tree, averages and rates stay as they are, so training may
follow encoding after any number of sentences and gives the same bytes. A segment ends after so
many words, never after so many seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.learning.averages import SWEEP_VISITS, Averages
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.objectives.base import Objective
from w2v_online.learning.replay import Replay
from w2v_online.learning.subwords import Subwords
from w2v_online.learning.trainers import Trainers
from w2v_online.learning.vocabulary import Vocabulary

SEGMENT_GROWTH = 128
"""A segment ends when the stream has grown by one part in so many since the last one."""

MAX_SEGMENT_WORDS = 65_536


class Segments:
    """Where the present segment ends, and what is done then."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        embeddings: Embeddings,
        objective: Objective,
        trainers: Trainers,
        averages: Averages | None,
        replay: Replay | None,
        subwords: Subwords | None,
    ) -> None:
        self._vocabulary = vocabulary
        self._embeddings = embeddings
        self._objective = objective
        self._trainers = trainers
        self._averages = averages
        self._replay = replay
        self._subwords = subwords
        self.end = 0
        """Words of the stream at the end of the present segment."""
        self.evicted_words = 0
        """Rows that were given to another word so far."""
        self.rate_scale = 1.0
        """Factor of all learning rates, above 1 for one of several learners."""
        self._is_shared = False
        self._others_words = 0
        self._averaged_words = 0

    @property
    def words(self) -> int:
        """Length of a segment at this point of the stream."""
        return min(MAX_SEGMENT_WORDS, max(1, self._vocabulary.total_words // SEGMENT_GROWTH))

    def grow(self) -> None:
        """Give the words that are new in the vocabulary their rows."""
        first, rows = len(self._embeddings), len(self._vocabulary)
        self._embeddings.grow(rows)
        if self._subwords is not None and rows > first:
            self._subwords.start(np.arange(first, rows, dtype=np.int32))

    @property
    def is_over(self) -> bool:
        """Whether upkeep is due."""
        return self._vocabulary.total_words >= self.end

    def upkeep(self) -> None:
        """Reassign rows, update what follows the counts, and begin the next segment."""
        self._evict()
        total_words = self._vocabulary.total_words
        self.update_outputs()
        words = self.words
        # What others read ends segments too; parts of one count towards the next.
        late = min(total_words - self.end, self._others_words)
        if self._subwords is not None:
            self._subwords.fit()
        if self._averages is not None and not self._is_shared:
            self._averages.visit()
        if self._replay is not None:
            self._replay.set_counts(
                self._vocabulary.weighted_counts, self._vocabulary.weighted_total
            )
        self._others_words = 0
        self.end = total_words + words - late % words
        self.set_age()

    def _evict(self) -> None:
        """Give rows of rare words to candidates that are more frequent by now."""
        evicted = self._vocabulary.evict()
        if not len(evicted):
            return
        self._trainers.wait()
        self._embeddings.reset(evicted)
        if self._subwords is not None:
            self._subwords.start(evicted)
        if self._averages is not None:
            self._averages.reset(evicted)
        if self._replay is not None:
            self._replay.reset(evicted)
        self._trainers.remap(evicted, np.full(len(evicted), -1, np.int32))
        self.evicted_words += len(evicted)

    def remove(self, row: int, last: int) -> None:
        """A word was removed from the vocabulary: the word of row ``last`` moves to ``row``."""
        self._embeddings.remove(row, self._objective.remove(row, last))
        if self._averages is not None:
            self._averages.remove(row, last)
        if self._replay is not None:
            self._replay.remove(row, last)
        rows: NDArray[np.int32] = np.array([row, last][: 1 + (row != last)], np.int32)
        self._trainers.remap(rows, np.array([-1, row], np.int32)[: len(rows)])
        self.update_outputs()

    def update_outputs(self) -> None:
        """Let the objective follow the counts."""
        vocabulary = self._vocabulary
        self._embeddings.predicted_rows = len(vocabulary)
        self._objective.set_counts(
            vocabulary.steady_counts,  # in a unit that stays, while a tree is balanced in parts
            vocabulary.total_words,
            self._trainers.wait,
        )

    def set_age(self) -> None:
        """Set rates by the end of the segment: they change where the stream says, not a batch."""
        self._trainers.set_age(self.end, self.rate_scale)

    def share(self, learners: int, rate_scale: float) -> None:
        """From now on the learner is one of so many and its rates are ``rate_scale`` times as high.

        Among several, averages are updated by :meth:`merged`, after every merge.
        """
        self._is_shared = learners > 1
        self._averaged_words = self._vocabulary.total_words
        self.rate_scale = rate_scale
        self.set_age()

    def merged(self, others_words: int) -> None:
        """Counts and rows of others, who read so many words, were added."""
        self._others_words += others_words
        if self._averages is not None and self._is_shared:
            turns = (self._vocabulary.total_words - self._averaged_words) // self.words
            for _ in range(min(turns, SWEEP_VISITS)):
                self._averages.visit()
            self._averaged_words += turns * self.words
