"""How an objective scores text: log p of each word by its contexts, with the training windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.score import ScoreScratch, score_windows
from w2v_online.kernels.tree import MAX_PATH_NODES
from w2v_online.learning.embeddings import reserve
from w2v_online.learning.huffman import HuffmanTree
from w2v_online.simd.tiles import Tile


class Scoring(ABC):
    """Scores of encoded text.

    Parameters
    ----------
    config
        Model options.
    syn0, syn1
        float32[V, row_floats]: input and output vectors.
    predicted
        So many words are predicted, the others are only contexts.
    tree
        Where rows of syn1 are inner nodes.
    outputs
        Rows of syn1 whose dot products are computed together.

    """

    total_name: ClassVar[str] = "log_probability"
    """What a total is."""

    is_mean: ClassVar[bool] = False
    """Whether a total is a mean over predictions, not a sum."""

    def __init__(
        self,
        config: LearnerConfig,
        syn0: NDArray[np.float32],
        syn1: NDArray[np.float32],
        predicted: int,
        *,
        tree: HuffmanTree | None = None,
        outputs: int = 1,
    ) -> None:
        self.config = config
        self.syn0, self.syn1 = syn0, syn1
        self.predicted = predicted
        self._has_tree = tree is not None
        self._tree = tree or HuffmanTree(1)
        self._tile = Tile(config.vector_size, outputs, mean=config.cbow)
        self._scratch = _make_scratch(self._tile, config.window)
        self.log_z = np.zeros(len(syn0))
        """float64[V]: by row the log of what exp(x . y) is normalised by."""
        self.log_noise = np.zeros(len(syn0))
        """float64[V]: by row the log of the expected number of draws as a negative."""

    @abstractmethod
    def windows(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Score sentences, of which each ends in ``ids`` where ``ends`` says.

        Returns by word the sum over its predictions, their number, and its mean log p.
        """

    def sums(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """float64[n, 3] and int64[n]: what the kernel adds up by word, and its predictions."""
        sums = np.zeros((len(ids), 3))
        predictions = np.zeros(len(ids), np.int64)
        score_windows(
            self._tile,
            ids,
            ends,
            self.config.window,
            self.predicted,
            self._has_tree,
            self.syn0,
            self.syn1,
            self._tree.arrays,
            self.log_z,
            self.log_noise,
            self._scratch,
            sums,
            predictions,
        )
        return sums, predictions


def _make_scratch(tile: Tile, window: int) -> ScoreScratch:
    outputs = -(-MAX_PATH_NODES // tile.outputs) * tile.outputs
    # Pages, because vectors are loaded from whole cache lines.
    dots, mean_row, zero_row = (
        reserve(1, floats, huge_pages=False)[0]
        for floats in (tile.error_floats, tile.row_floats, tile.row_floats)
    )
    return ScoreScratch(
        contexts=np.zeros(2 * window + 2, np.int64),
        outputs=np.zeros(outputs, np.int64),
        signs=np.zeros(outputs, np.float64),
        dots=dots,
        mean_row=mean_row,
        mean_rows=np.array([mean_row.ctypes.data], np.int64),
        zero_row=zero_row,
    )
