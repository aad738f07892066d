"""A learner's side of learning together: what it has to tell the others, and what they told it.

Each of several learners has its own part of a stream and all of the words. After so many words it
takes what it counted and learned since the last time, hands it to shards (merge.py) and applies
what they have from the others. Who carries updates to and fro is no business of this module.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from w2v_online.config import LearnerConfig
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.objectives import objective_class
from w2v_online.sharing.merge import MergedRows
from w2v_online.sharing.shared_counts import SharedCounts
from w2v_online.sharing.shared_rows import Schedule, SharedRows
from w2v_online.sharing.update import Update

MAX_RATE_SCALE = 6.0
"""Most times its rates at which a worker learns: for eight. With more workers a word's part in the
model is smaller."""

STABLE_PART = 0.8
"""How much of the largest share that is stable is merged."""

INTERVAL_GROWTH = 128
"""Between two exchanges a worker reads one part in so many of what all have read, at most,"""

WORKER_GROWTH = 32
"""or all workers together one part in so many, if that is less;"""

YOUNG_WORDS = 32_000_000
"""half as much until so many were read, from there on by and by as much;"""

MIN_INTERVAL = 1000
"""but for the first so many words."""


def merged_share(workers: int) -> float:
    """Part of what each of so many workers learned that is merged.

    Say that every worker brings a row all the way to where it belongs, and that the row is e away
    from there. In turn each of n workers has the shard add a share s of the way that it saw, which
    is the one after its turn before: e(t) = e(t - 1) - s e(t - n). That dies out for
    s < 2 sin(pi / (4 n - 2)) (Levin & May 1976).
    """
    return min(1.0, STABLE_PART * 2.0 * math.sin(math.pi / (4 * workers - 2)))


def check_shareable(config: LearnerConfig) -> None:
    """ValueError for options that learners cannot share what they learn with."""
    if not objective_class(config.loss).is_shareable:
        raise ValueError(
            f"learners cannot share a model with loss {config.loss}: its output vectors cannot be "
            "merged by word"
        )
    if config.half_life:
        raise ValueError("learners with half_life cannot be merged: their counts decay")


def warm_up(config: LearnerConfig) -> None:
    """Load or compile the kernels of exchanges and shards; see :func:`warmup.warm_up`.

    For updates as they arrive from another process: their arrays cannot be written to.
    """
    small = config.model_copy(update={"max_vocab_size": 2, "min_count": 1, "threads": 1})
    shards = [MergedRows(small, workers=2, shards=2) for _ in range(2)]
    exchanges = [Exchange(OnlineWord2Vec(small), shards=2, workers=2) for _ in range(2)]
    for sequence, text in enumerate(["aab", "bccc"]):
        for worker, exchange in enumerate(exchanges):
            exchange.learner.learn([list(text)])
            updates = exchange.take(everything=bool(sequence))
            for shard, update in zip(shards, updates, strict=True):
                shard.push(worker, 0, sequence, _arrived(update))
            answers = [shard.pull(worker, 0, everything=bool(sequence)) for shard in shards]
            exchange.apply([_arrived(answer) for answer in answers])
    for shard, update in zip(shards, exchanges[0].whole(), strict=True):
        shard.load(_arrived(update))


def _arrived(update: Update) -> Update:
    for part in (update.counts, update.vectors, update.output_vectors):
        for value in vars(part).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
    return update


class Exchange:
    """What a learner shares with others.

    All that the learner holds when this is made counts as known to the shards, which must have
    been given it by :meth:`whole`, unless it is empty. Calls come between two of the learner's.

    Parameters
    ----------
    learner
        Whose ``learn`` goes on as usual.
    shards
        How many parts the words are in.
    workers
        How many learners learn, this one included.
    schedule
        Which rows are due when.
    share
        Part of what it learned that is merged, :func:`merged_share` if left out.
    rate_scale
        At how many times its rates the learner learns: if left out 1 / ``share``, so that all is
        merged in the end (MAX_RATE_SCALE at most).

    """

    def __init__(
        self,
        learner: OnlineWord2Vec,
        shards: int = 1,
        workers: int = 1,
        schedule: Schedule | None = None,
        *,
        share: float | None = None,
        rate_scale: float | None = None,
    ) -> None:
        check_shareable(learner.config)
        learner.wait()
        self.learner = learner
        self.shards = shards
        self.exchanges = 0
        """How often something was taken so far."""
        schedule = schedule or Schedule()
        embeddings, matrices = learner.embeddings, learner.embeddings.matrices
        self._counts = SharedCounts(learner.vocabulary)
        self._inputs = SharedRows(embeddings, matrices.syn0, matrices.updates0, schedule)
        self._outputs = SharedRows(embeddings, matrices.syn1, matrices.updates1, schedule)
        self.share_among(workers, share=share, rate_scale=rate_scale)

    def share_among(
        self, workers: int, *, share: float | None = None, rate_scale: float | None = None
    ) -> None:
        """Be one of so many that learn, from now on; parameters as of the class.

        Everything was taken before.
        """
        self.workers = workers
        share = share or merged_share(workers)
        self._inputs.share = self._outputs.share = share
        self.learner.learn_as_one_of(workers, rate_scale or min(1 / share, MAX_RATE_SCALE))

    @property
    def max_bytes(self) -> int:
        """Most memory that it takes besides the learner's and that of updates under way."""
        return self._inputs.max_bytes + self._outputs.max_bytes

    def take(self, *, everything: bool = False) -> list[Update]:
        """What is due since the last time (all there is, with ``everything``), for each shard.

        Must reach its shard once and before the shard is next asked for what is new: take, push,
        pull, apply, in this order, with learning in between as one likes.
        """
        self.learner.wait()
        vocabulary, shards = self.learner.vocabulary, self.shards
        self.exchanges += 1
        counts = self._counts.take(shards)
        rows = self._inputs.due(self.exchanges, everything=everything)
        output_rows = self._outputs.due(self.exchanges, everything=everything)
        self.learner.embeddings.announce(rows, output_rows)
        inputs = self._inputs.take(vocabulary, shards, rows, exact=everything)
        outputs = self._outputs.take(vocabulary, shards, output_rows, exact=everything)
        return [Update(*parts) for parts in zip(counts, inputs, outputs, strict=True)]

    def interval(self, sync_every: int) -> int:
        """Words to learn until the next exchange: ``sync_every``, fewer when little was read yet.

        Early in training, what was learned last is a larger part, and rows move faster. A single
        worker lacks nothing.
        """
        if self.workers == 1:
            return sync_every
        total_words = self.learner.total_words
        growth = max(INTERVAL_GROWTH, WORKER_GROWTH * self.workers)
        growth += min(growth, growth * YOUNG_WORDS // max(1, total_words))
        return min(sync_every, max(MIN_INTERVAL, total_words // growth))

    def whole(self) -> list[Update]:
        """All that the learner holds, for each shard, which begins with it (MergedRows.load)."""
        self.learner.wait()
        vocabulary, shards = self.learner.vocabulary, self.shards
        counts = self._counts.whole(shards)
        inputs = self._inputs.whole(vocabulary, shards)
        outputs = self._outputs.whole(vocabulary, shards)
        return [Update(*parts) for parts in zip(counts, inputs, outputs, strict=True)]

    def apply(self, updates: Sequence[Update]) -> None:
        """Add what the shards answered to what the learner has."""
        self.learner.wait()
        vocabulary, embeddings = self.learner.vocabulary, self.learner.embeddings
        for update in updates:
            self._counts.add(update.counts)
        embeddings.grow(len(vocabulary))
        for update in updates:
            rows = self._inputs.find(vocabulary, update.vectors)
            output_rows = self._outputs.find(vocabulary, update.output_vectors)
            embeddings.announce(rows, output_rows)
            self._inputs.apply(vocabulary, rows, update.vectors)
            self._outputs.apply(vocabulary, output_rows, update.output_vectors)
        self.learner.merged(sum(update.counts.total_words for update in updates))
