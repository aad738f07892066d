"""How an objective scores text: log p of each word by its contexts, with the training windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.score import score_pairs
from w2v_online.learning.scratch import make_score_scratch, score_tile


class Scoring(ABC):
    """Scores of encoded text.

    Parameters
    ----------
    config
        Model options.
    syn0, syn1
        float32[V, row_floats]: input and output vectors.

    """

    total_name: ClassVar[str] = "log_probability"
    """What a total is."""

    is_mean: ClassVar[bool] = False
    """Whether a total is a mean over predictions, not a sum."""

    def __init__(
        self, config: LearnerConfig, syn0: NDArray[np.float32], syn1: NDArray[np.float32]
    ) -> None:
        self.config = config
        self.syn0, self.syn1 = syn0, syn1
        self.tile = score_tile(config.vector_size)
        self.scratch = make_score_scratch(self.tile, config.window)

    @abstractmethod
    def windows(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Score sentences, of which each ends in ``ids`` where ``ends`` says.

        Returns by word the sum over its predictions, their number, and its mean log p.
        """

    def pairs(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64], log_noise: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """float64[3, n] and int64[n]: what :func:`score_pairs` adds up by word, and predictions.

        For objectives whose rows of syn1 are words; ``log_noise`` is float64[n].
        """
        sums = np.zeros((3, len(ids)))
        predictions = np.zeros(len(ids), np.int64)
        score_pairs(
            self.tile,
            self.config.cbow,
            ids,
            ends,
            self.config.window,
            self.syn0,
            self.syn1,
            log_noise,
            self.scratch,
            sums,
            predictions,
        )
        return sums, predictions
