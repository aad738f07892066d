"""The parts of a learner: how they are made for one another, and how much memory they take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import PRETOKENIZED, LearnerConfig
from w2v_online.learning.averages import REPLAY_PULL, Averages
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.objectives import objective_class
from w2v_online.learning.replay import Replay
from w2v_online.learning.saving.background import max_bytes
from w2v_online.learning.segments import Segments
from w2v_online.learning.subwords import Subwords
from w2v_online.learning.trainers import Trainers
from w2v_online.learning.vocabulary import Vocabulary


class Model:
    """Vocabulary, matrices, objective, trainers and what else learns with them."""

    def __init__(
        self, config: LearnerConfig | None = None, *, tokenizer: str = PRETOKENIZED
    ) -> None:
        self.config = config = config or LearnerConfig()
        self.tokenizer = tokenizer
        seeds = generator_seeds(config.threads, config.seed)
        # Replay subsamples text itself, differently in every pass.
        subsampling = {"sample": 0.0} if config.replay else {}
        self.vocabulary = Vocabulary(config.model_copy(update=subsampling))
        self.subsampling_generator = seeds[1:2]
        make_objective = objective_class(config.loss)
        self.embeddings = Embeddings(
            config.max_vocab_size,
            config.vector_size,
            int(seeds[0]),
            has_inner_nodes=make_objective.has_inner_nodes,
        )
        self.objective = make_objective(config, self.embeddings)
        pull = REPLAY_PULL if config.replay else 0.0
        self.averages = (
            Averages(self.embeddings, config.max_vocab_size, pull=pull)
            if config.averaging
            else None
        )
        self.subwords = (
            Subwords(config, self.vocabulary, self.embeddings) if config.subwords else None
        )
        self.replay = Replay(config, int(seeds[-1])) if config.replay else None
        self.trainers = Trainers(
            [
                self.objective.make_trainer(seeds[2 + 2 * i : 4 + 2 * i])
                for i in range(config.threads)
            ]
        )
        self.segments = Segments(
            self.vocabulary,
            self.embeddings,
            self.objective,
            self.trainers,
            self.averages,
            self.replay,
            self.subwords,
        )
        self.text_state: Mapping[str, NDArray[Any]] = {}
        """Arrays of whatever prepares the text; a snapshot holds them as they are at its moment."""
        self.alert_state: Mapping[str, NDArray[Any]] = {}
        """Arrays of what was made of records' surprise, for the same snapshots."""

    @property
    def total_words(self) -> int:
        """Tokens read so far."""
        return self.vocabulary.total_words

    @property
    def evicted_words(self) -> int:
        """Rows that were given to another word so far."""
        return self.segments.evicted_words

    @property
    def max_bytes(self) -> int:
        """Most memory that all of it can ever take, besides the text that is being learned."""
        learning = self.vocabulary.max_bytes + self.embeddings.max_bytes + self.trainers.max_bytes
        averages = 0 if self.averages is None else self.averages.max_bytes
        replay = 0 if self.replay is None else self.replay.max_bytes
        # Counted twice, because a snapshot copies it.
        text = 2 * sum(array.nbytes for array in self.text_state.values())
        snapshot = max_bytes(
            self._max_image_bytes,
            self.vocabulary.arrays.arena.nbytes,
            self.vocabulary.max_rows,
            4 * self.embeddings.row_floats,
            matrices=2 + (self.averages is not None) + (self.subwords is not None),
        )
        subwords = 0 if self.subwords is None else self.subwords.max_bytes
        return learning + self.objective.max_bytes + averages + subwords + replay + text + snapshot

    @property
    def _max_image_bytes(self) -> int:
        """Upper bound of the memory that copies of saved arrays take, without the words."""
        arrays = self.vocabulary.arrays
        saved = (arrays.arena, arrays.counts, arrays.errors, arrays.free)
        own_bytes = sum(array.nbytes for array in saved) + self.trainers.first.max_bytes
        replay_bytes = 0 if self.replay is None else self.replay.max_bytes
        subword_bytes = 0 if self.subwords is None else self.subwords.max_state_bytes
        return own_bytes + self.objective.max_state_bytes + replay_bytes + subword_bytes

    @property
    def is_new(self) -> bool:
        """Whether it is as it was made: no record was read, and no word has a row."""
        return not self.vocabulary.total_records and not len(self.vocabulary)

    def totals(self) -> dict[str, int]:
        """What was read so far, as it stands in the manifest of a snapshot."""
        vocabulary = self.vocabulary
        return {
            "records": vocabulary.total_records,
            "words": vocabulary.total_words,
            "dropped_tokens": vocabulary.dropped_tokens,
            "vocabulary": len(vocabulary),
            "candidates": vocabulary.candidates,
            "forgotten_candidates": vocabulary.forgotten_words,
            "evicted_words": self.evicted_words,
            "max_missed_count": math.ceil(vocabulary.max_missed),
        }


def generator_seeds(threads: int, *entropy: int) -> NDArray[np.uint64]:
    """Seeds of a learner's generators: two of its own, two of each trainer, one for replay."""
    sequence = np.random.SeedSequence(entropy if len(entropy) > 1 else entropy[0])
    return sequence.generate_state(3 + 2 * threads, np.uint64).astype(np.uint64)
