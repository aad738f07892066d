"""Warm-up: every kernel that a learner calls is loaded, or compiled, before text comes."""

from __future__ import annotations

import numpy as np

from w2v_online.config import LearnerConfig
from w2v_online.kernels.rowfile import claim_rows, copy_rows, read_rows, save_rows
from w2v_online.kernels.training import Matrices
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.saving import publication
from w2v_online.learning.vocabulary import Vocabulary


def warm_up(config: LearnerConfig, *, scored: bool = False) -> None:
    """Load or compile every kernel that a learner with these options calls.

    With ``scored`` those of :meth:`OnlineWord2Vec.learn_scored` instead of ``learn``. Compiled code
    is kept on disk, so only the first call on a machine takes seconds.
    """
    small = config.model_copy(
        update={"max_vocab_size": 2, "min_count": 1, "sample": 1e-3, "threads": 1}
    )
    model = OnlineWord2Vec(small)
    learn = model.learn_scored if scored else model.learn
    learn([["a", "b", "a"], ["c"] * 9, ["c"]])  # c takes a row from b
    vocabulary = Vocabulary(small)
    vocabulary.restore(model.vocabulary.state())
    vocabulary.words()
    _warm_up_copies(model.embeddings.matrices)
    if model.averages is not None:
        model.averages.warm_up()
    publication.warm_up()
    if model.replay is not None:
        model.replay.warm_up()
    model.objective.warm_up()
    Vocabulary(small).enter([b"a"])


def _warm_up_copies(matrices: Matrices) -> None:
    """The kernels of :class:`BackgroundSnapshot`, without rows."""
    rows, flags, matrix = np.empty(0, np.int32), np.empty(0, np.uint8), matrices.syn0
    save_rows(matrix, rows, 0, flags, rows, matrix, 0)
    copy_rows(matrix, 0, 0, matrix)
    claim_rows(0, flags, flags == 1)
    read_rows(-1, 0, rows, matrix)
