"""Hierarchical softmax (Mikolov et al. 2013, section 2.1): a word is a path through a binary tree.

Rows of syn1 are inner nodes of a Huffman tree that follows the counts and what vectors mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.hs import train_hs
from w2v_online.kernels.score import score_paths
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.huffman import HuffmanTree
from w2v_online.learning.objectives.base import Objective
from w2v_online.learning.rates import RateProfile
from w2v_online.learning.scoring import Scoring
from w2v_online.learning.scratch import make_scratch
from w2v_online.learning.trainer import Trainer
from w2v_online.simd.tiles import Tile
from w2v_online.stats import BatchStats, Figures


class HierarchicalSoftmax(Objective):
    """Predicts the branches on the way to a word's leaf."""

    skip_gram = RateProfile(0.5, 1.0)
    cbow = RateProfile(8.0, 2.0)
    figures = Figures(counters=("nodes",))
    has_inner_nodes = True

    def __init__(self, config: LearnerConfig, embeddings: Embeddings) -> None:
        super().__init__(config, embeddings)
        self.tree = HuffmanTree(config.max_vocab_size)

    @property
    def max_bytes(self) -> int:
        """See :class:`Objective`.

        When the tree was rebuilt, a snapshot may still need the inner vectors of the one before.
        """
        matrices = self.embeddings.matrices
        return self.tree.max_bytes + matrices.syn1.nbytes + matrices.updates1.nbytes

    @property
    def max_state_bytes(self) -> int:
        """See :class:`Objective`."""
        return self.tree.max_state_bytes(self.embeddings.row_floats)

    def make_trainer(self, seeds: NDArray[np.uint64]) -> Trainer:
        """See :class:`Objective`."""
        return HierarchicalSoftmaxTrainer(self, seeds)

    def set_counts(
        self, counts: NDArray[np.float64], total_words: int, wait: Callable[[], None]
    ) -> None:
        """Give new words their leaves, and let the tree follow counts and vectors."""
        tree = self.tree
        is_due = tree.is_due(total_words)
        if is_due or len(tree) < len(counts):
            wait()
        tree.grow(counts)
        if is_due:
            matrices = tree.follow(counts, total_words, self.embeddings.matrices)
            if matrices is not None:
                self.embeddings.matrices = matrices

    def remove(self, row: int, last: int) -> int | None:
        """See :class:`Objective`; the node above the leaf goes."""
        self.tree.grow(np.ones(last + 1))
        return self.tree.remove(row)

    def scoring(
        self, config: LearnerConfig, syn0: NDArray[np.float32], counts: NDArray[np.float64]
    ) -> Scoring:
        """See :class:`Objective`."""
        return HierarchicalSoftmaxScoring(config, syn0, self.embeddings.matrices.syn1, self.tree)

    def warm_up(self) -> None:
        """See :class:`Objective`."""
        self.tree.warm_up()

    def state(self) -> dict[str, NDArray[Any]]:
        """See :class:`Objective`."""
        return self.tree.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`Objective`."""
        self.tree.restore(state, self.embeddings.matrices)


class HierarchicalSoftmaxTrainer(Trainer):
    """Skip-gram or CBOW along the paths of the tree."""

    def __init__(self, objective: HierarchicalSoftmax, seeds: NDArray[np.uint64]) -> None:
        config = objective.config
        super().__init__(config, objective.embeddings, objective.profile, int(seeds[1]))
        self._tree = objective.tree
        self._tile = Tile(config.vector_size, 1, mean=config.cbow)
        self._scratch = make_scratch(self._tile, config.window)

    @property
    def max_bytes(self) -> int:
        """See :class:`Trainer`."""
        return sum(array.nbytes for array in self._scratch) + super().max_bytes

    def train_fresh(self, encoded: Encoded) -> BatchStats:
        """See :class:`Trainer`."""
        if self.embeddings.before_change is not None:
            self.embeddings.announce(encoded.ids, self._tree.nodes_above(encoded.ids))
        figures = train_hs(
            self._tile,
            encoded.ids,
            encoded.sentence_ends,
            self.window,
            self.embeddings.matrices,
            self._tree.arrays,
            self.rates,
            self.generator,
            self._scratch,
            self.score_tile,
            self.live(encoded),
        )
        return BatchStats(
            positive_pairs=figures.pairs, positive_loss=figures.loss, nodes=figures.nodes
        )


class HierarchicalSoftmaxScoring(Scoring):
    """log p(word | context), the sum of log p over the nodes of the path."""

    def __init__(
        self,
        config: LearnerConfig,
        syn0: NDArray[np.float32],
        syn1: NDArray[np.float32],
        tree: HuffmanTree,
    ) -> None:
        super().__init__(config, syn0, syn1)
        self._tree = tree

    def windows(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """See :class:`Scoring`."""
        log_p = np.zeros(len(ids))
        predictions = np.zeros(len(ids), np.int64)
        score_paths(
            self.tile,
            self.config.cbow,
            ids,
            ends,
            self.config.window,
            self.syn0,
            self.syn1,
            self._tree.arrays,
            self.scratch,
            log_p,
            predictions,
        )
        return log_p, predictions, log_p / np.maximum(1, predictions)


OBJECTIVE = HierarchicalSoftmax
