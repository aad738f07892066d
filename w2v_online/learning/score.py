"""The probability of a sentence: how much a model expected the words that came.

Each word is predicted from its contexts, as in training. With hierarchical softmax and the exact
softmax that is a probability, log p(word | context); with negative sampling, which has none, it is
log sigmoid(x . y). A line's ``surprise`` is per word and takes words without a vector into
account; docs/concepts/equations.md derives both. Nothing is learned or counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.errors import SnapshotError
from w2v_online.kernels.score import ScoreScratch, Tokens, look_up, score_windows
from w2v_online.kernels.tree import MAX_PATH_NODES
from w2v_online.learning.embeddings import reserve
from w2v_online.learning.huffman import HuffmanTree
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.vocabulary import SEPARATED, WHITESPACE, padded_text, separated_text
from w2v_online.simd.tiles import Tile
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path

_BLOCK_INPUTS = 256
"""Inputs whose softmax is normalised at once."""

_PATH_TILE_NODES = 6
"""Inner nodes whose dot products with two inputs are computed together."""


@dataclass(frozen=True)
class Scores:
    """Scores of n records with m words in all, in natural logarithms.

    Words of record i are ``word_ends[i - 1]`` up to ``word_ends[i]`` in the arrays by word.
    """

    log_probability: NDArray[np.float64]
    """float64[n]: the sum of log p over all predictions of a record, 0 without any; with negative
    sampling the mean of log sigmoid(x . y), no probability."""
    predictions: NDArray[np.int64]
    """int64[n]: pairs of word and context, with CBOW words that have contexts."""
    surprise: NDArray[np.float64]
    """float64[n]: the mean of its words' surprise, 0 for a record without words."""
    words: NDArray[np.int64]
    """int64[n]: words of each record."""
    unknown_words: NDArray[np.int64]
    """int64[n]: those among them without a vector."""
    word_ends: NDArray[np.int64]
    word_log_probability: NDArray[np.float64]
    """float64[m]: as ``log_probability``, of the word's own predictions; nan without any."""
    word_surprise: NDArray[np.float64]
    """float64[m]: -log p(word | context), averaged over its contexts."""
    word_starts: NDArray[np.int64]
    word_lengths: NDArray[np.int64]
    """int64[m]: where in the text each word is, in bytes."""


class Scorer:
    """Scores text by a model, which must not go on learning meanwhile.

    Raises SnapshotError if the model's vectors are not finite.
    """

    def __init__(
        self, model: OnlineWord2Vec, manifest: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.model = model
        self.manifest = manifest
        """The manifest of the snapshot that the model is from, if it is from one."""
        config = self.config = model.config
        self._window = config.window
        has_tree = model.tree is not None
        self._tree = model.tree if model.tree is not None else HuffmanTree(1)
        outputs = _PATH_TILE_NODES if has_tree else 1
        self._tile = Tile(config.vector_size, outputs, mean=config.cbow)
        rows = len(model.embeddings)
        self._syn0 = reserve(max(1, rows), self._tile.row_floats, huge_pages=True)
        self._syn0[:rows, : config.vector_size] = model.vectors()
        self._syn1 = model.embeddings.matrices.syn1
        self._predicted = {
            "ns": rows,
            "hs": len(self._tree),
            "softmax": model.embeddings.predicted_rows,
        }[config.loss]
        self._scratch = _make_scratch(self._tile, config.window)
        if not (np.isfinite(self._syn0).all() and np.isfinite(self._syn1[:rows]).all()):
            raise SnapshotError(
                "the model has diverged, its vectors are not finite; train again with less --alpha"
            )
        self._log_z = np.zeros(max(1, rows))
        if config.loss == "softmax" and not config.cbow:
            self._log_z[:rows] = self._normalizers(self._syn0[:rows])
        counts = model.vocabulary.counts
        self._log_noise = np.zeros(max(1, rows))
        """Log of the expected draws as a negative (docs/concepts/equations.md)."""
        if config.loss == "ns" and rows:
            # A word adopted with its vector may have no count yet.
            weights = np.where(counts > 0, counts, 1.0) ** config.ns_exponent
            self._log_noise[:] = np.log(config.negative * weights / weights.sum())

    @property
    def total_name(self) -> str:
        """What :attr:`Scores.log_probability` is."""
        return "log_sigmoid" if self.config.loss == "ns" else "log_probability"

    def score(self, sentences: Iterable[Iterable[str]]) -> Scores:
        """Scores of tokenised sentences; see :meth:`OnlineWord2Vec.learn`."""
        return self.score_text(separated_text(sentences), separated=True)

    def score_text(self, text: bytes | bytearray, *, separated: bool = False) -> Scores:
        """Scores of UTF-8 text, each record in it; see :meth:`OnlineWord2Vec.learn_text`."""
        tokens = self._look_up(text, SEPARATED if separated else WHITESPACE)
        has_row = (tokens.entries >= 0) & (tokens.entries < self.model.vocabulary.max_rows)
        ids = tokens.entries[has_row].astype(np.int32)
        known_ends = np.concatenate([[0], np.cumsum(has_row)])[tokens.record_ends]
        totals, predictions, expected = self._score_windows(ids, known_ends)
        surprise = self._unconditional(tokens.entries)
        word_predictions = np.zeros(len(has_row), np.int64)
        word_predictions[has_row] = predictions
        is_predicted = word_predictions > 0
        surprise[is_predicted] = -expected[predictions > 0]
        word_totals = np.zeros(len(has_row))
        word_totals[has_row] = totals
        n_predictions = _sums_by_record(word_predictions, tokens.record_ends)
        log_probability = _sums_by_record(word_totals, tokens.record_ends)
        if self.config.loss == "ns":
            log_probability /= np.maximum(1, n_predictions)
            word_totals /= np.maximum(1, word_predictions)
        n_words = np.diff(tokens.record_ends, prepend=0)
        return Scores(
            log_probability=log_probability,
            predictions=n_predictions,
            surprise=_sums_by_record(surprise, tokens.record_ends) / np.maximum(1, n_words),
            words=n_words,
            unknown_words=n_words - np.diff(known_ends, prepend=0),
            word_ends=tokens.record_ends,
            word_log_probability=np.where(is_predicted, word_totals, np.nan),
            word_surprise=surprise,
            word_starts=tokens.starts,
            word_lengths=tokens.lengths,
        )

    def _look_up(self, text: bytes | bytearray, classes: NDArray[np.uint8]) -> Tokens:
        tokens = Tokens(*(np.empty(len(text) + 1, np.int64) for _ in range(4)))
        used = np.zeros(2, np.int64)
        look_up(
            padded_text(text),
            len(text),
            classes,
            self.model.vocabulary.arrays,
            self.config.max_token_bytes,
            tokens,
            used,
        )
        n_tokens, n_records = used.tolist()
        return Tokens(
            tokens.starts[:n_tokens],
            tokens.lengths[:n_tokens],
            tokens.entries[:n_tokens],
            tokens.record_ends[:n_records],
        )

    def _score_windows(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """By word: sums over its predictions, their number, and its mean log p."""
        sums = np.zeros((len(ids), 3))
        predictions = np.zeros(len(ids), np.int64)
        score_windows(
            self._tile,
            ids,
            ends,
            self._window,
            self._predicted,
            self.config.loss == "hs",
            self._syn0,
            self._syn1,
            self._tree.arrays,
            self._log_z,
            self._log_noise,
            self._scratch,
            sums,
            predictions,
        )
        some = np.maximum(1, predictions)
        if self.config.loss == "ns":
            return sums[:, 0], predictions, sums[:, 1] / some
        if self.config.loss == "hs":
            return sums[:, 0], predictions, sums[:, 0] / some
        totals = sums[:, 2]
        if self.config.cbow:
            totals -= self._normalizers_of_means(ids, ends, predictions > 0)
        return totals, predictions, totals / some

    def _normalizers(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64[n]: log of the sum over all words of exp(y . x), for each input."""
        outputs = self._syn1[: self._predicted]
        found = [
            _log_normalizers(inputs[first : first + _BLOCK_INPUTS], outputs)
            for first in range(0, len(inputs), _BLOCK_INPUTS)
        ]
        return np.concatenate([np.zeros(0), *found])

    def _normalizers_of_means(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64], wanted: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """The same for the mean of each wanted word's contexts; 0 for the others."""
        record = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        log_z = np.zeros(len(ids))
        positions = np.flatnonzero(wanted)
        for first in range(0, len(positions), _BLOCK_INPUTS):
            block = positions[first : first + _BLOCK_INPUTS]
            total = np.zeros((len(block), self._syn0.shape[1]), np.float32)
            contexts = np.zeros((len(block), 1), np.float32)
            for step in range(1, self._window + 1):
                for other in (block - step, block + step):
                    inside = (other >= 0) & (other < len(ids))
                    inside[inside] = record[other[inside]] == record[block[inside]]
                    total[inside] += self._syn0[ids[other[inside]]]
                    contexts[inside] += 1
            log_z[block] = self._normalizers(total / contexts)
        return log_z

    def _unconditional(self, entries: NDArray[np.int64]) -> NDArray[np.float64]:
        """-log p of words whatever stands beside them: (count + 1) / (all words + 1)."""
        vocabulary = self.model.vocabulary
        counts = np.where(entries >= 0, vocabulary.entry_counts(np.maximum(entries, 0)), 0.0)
        surprise: NDArray[np.float64] = np.log(vocabulary.decayed_words + 1.0) - np.log1p(counts)
        return surprise


def load_scorer(path: str | Path) -> Scorer:
    """A scorer of the snapshot at ``path``, or of the newest complete one in that folder, or URL.

    One of vectors alone has not what scoring takes: then the newest of the others. Every file of
    it is checked. Raises SnapshotError.
    """
    path = local_path(path, whole=True)
    if path.is_file():
        raise SnapshotError(
            f"{path} is a file; scoring takes a snapshot, which has more than the words' vectors"
        )
    opened = reader.read_whole(path)
    try:
        config = LearnerConfig.model_validate(opened.manifest["config"])
    except (KeyError, ValueError) as error:
        raise SnapshotError(f"{opened.path} has no options of a learner: {error}") from error
    # What only training needs is left out.
    reading = config.model_copy(update={"threads": 1, "replay": 0})
    return Scorer(OnlineWord2Vec.restore(opened.path, reading), opened.manifest)


def _log_normalizers(
    inputs: NDArray[np.float32], outputs: NDArray[np.float32]
) -> NDArray[np.float64]:
    scores = (inputs @ outputs.T).astype(np.float64)
    greatest = scores.max(axis=1)
    log_z: NDArray[np.float64] = greatest + np.log(np.exp(scores - greatest[:, None]).sum(axis=1))
    return log_z


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


def _sums_by_record(values: NDArray[Any], ends: NDArray[np.int64]) -> NDArray[Any]:
    """The sum of each record's values, which depends on nothing but these."""
    sizes = np.diff(ends, prepend=0)
    totals = np.zeros(len(ends), values.dtype)
    totals[sizes > 0] = np.add.reduceat(values, (ends - sizes)[sizes > 0]) if len(values) else 0
    return totals
