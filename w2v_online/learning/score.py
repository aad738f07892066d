"""The probability of a sentence: how much a model expected the words that came.

Each word is predicted from its contexts, as in training. With hierarchical softmax and the exact
softmax that is a probability, log p(word | context); with negative sampling, which has none, it is
log sigmoid(x . y). A line's ``surprise`` is per word and takes words without a vector into
account; docs/concepts/equations.md derives both. Nothing is learned or counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import Of
from w2v_online.errors import SnapshotError
from w2v_online.kernels.live import WORDS_PER_DOUBTFUL
from w2v_online.kernels.lookup import Tokens, look_up
from w2v_online.learning.boundaries import with_boundaries
from w2v_online.learning.distribution import SurpriseDistribution, saved_distribution
from w2v_online.learning.embeddings import reserve
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.scoring import Scoring
from w2v_online.learning.state import saved_options
from w2v_online.learning.surprise import Measure, Surprise
from w2v_online.learning.vocabulary import SEPARATED, WHITESPACE, padded_text, separated_text
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path


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
    word_rarity: NDArray[np.float64]
    """float64[m]: -log of the word's share of the stream, whatever stands beside it."""
    word_starts: NDArray[np.int64]
    word_lengths: NDArray[np.int64]
    """int64[m]: where in ``text`` each word is, in bytes."""
    word_rows: NDArray[np.int32]
    """int32[m]: the row of each word, -1 for one without a vector."""
    text: bytes | bytearray
    """What was scored; with ``boundaries`` the start and end of records are words in it."""

    @property
    def by_word(self) -> Surprise:
        """What makes words surprising, for records' surprise in other ways than ``surprise``."""
        context = np.where(np.isnan(self.word_log_probability), np.nan, self.word_surprise)
        return Surprise(context, self.word_rarity, self.word_ends)

    def word(self, i: int) -> str:
        """The i-th word of the text."""
        start = int(self.word_starts[i])
        return self.text[start : start + int(self.word_lengths[i])].decode(errors="replace")


class Scorer:
    """Scores text by a model, which must not go on learning meanwhile.

    Raises SnapshotError if the model's vectors are not finite.
    """

    def __init__(self, model: OnlineWord2Vec, snapshot: reader.Snapshot | None = None) -> None:
        self.model = model
        self.snapshot = snapshot
        """The snapshot that the model is from, if it is from one."""
        self.config = model.config
        rows = len(model.embeddings)
        syn0 = reserve(max(1, rows), model.embeddings.row_floats, huge_pages=True)
        syn0[:rows, : self.config.vector_size] = model.vectors()
        syn1 = model.embeddings.matrices.syn1[:rows]
        if not (np.isfinite(syn0).all() and np.isfinite(syn1).all()):
            raise SnapshotError(
                "the model has diverged, its vectors are not finite; train again with less --alpha"
            )
        self._scoring = model.objective.scoring(self.config, syn0, model.vocabulary.counts)

    @cached_property
    def _recent(self) -> tuple[Measure, SurpriseDistribution] | None:
        return saved_distribution(self.model.alert_state)

    @property
    def measure(self) -> Measure | None:
        """What p-values are of, as ``run --alerts`` measured it; None if it did not run."""
        return None if self._recent is None else self._recent[0]

    def p_values(self, scores: Scores) -> NDArray[np.float64] | None:
        """float64[n]: the share of the stream's recent records at least as surprising as each.

        By :attr:`measure`, and None without. Records are compared with recent ones as these were
        scored when they came, see :meth:`OnlineWord2Vec.learn_scored`: by the vectors that are
        trained, so that :attr:`Scores.surprise`, by those that are published, may order two records
        differently.
        """
        if self._recent is None:
            return None
        measure, distribution = self._recent
        has_row = scores.word_rows >= 0
        context = np.full(len(has_row), np.nan)
        ends = np.concatenate([[0], np.cumsum(has_row)])[scores.word_ends]
        context[has_row] = self._live.surprise(scores.word_rows[has_row], ends, measure.of)
        surprise = Surprise(context, scores.word_rarity, scores.word_ends)
        return distribution.shares(measure.of_records(surprise))

    @cached_property
    def _live(self) -> _AsLearned:
        return _AsLearned(self.model)

    @property
    def total_name(self) -> str:
        """What :attr:`Scores.log_probability` is."""
        return self._scoring.total_name

    def score(self, sentences: Iterable[Iterable[str]]) -> Scores:
        """Scores of tokenised sentences; see :meth:`OnlineWord2Vec.learn`."""
        return self.score_text(separated_text(sentences), separated=True)

    def score_text(self, text: bytes | bytearray, *, separated: bool = False) -> Scores:
        """Scores of UTF-8 text, each record in it; see :meth:`OnlineWord2Vec.learn_text`."""
        classes = SEPARATED if separated else WHITESPACE
        if self.config.boundaries:
            text = with_boundaries(text, classes)
        tokens = self._look_up(text, classes)
        has_row = (tokens.entries >= 0) & (tokens.entries < self.model.vocabulary.max_rows)
        rows = np.where(has_row, tokens.entries, -1).astype(np.int32)
        ids = rows[has_row]
        known_ends = np.concatenate([[0], np.cumsum(has_row)])[tokens.record_ends]
        totals, predictions, expected = self._scoring.windows(ids, known_ends)
        rarity = self._rarity(tokens.entries)
        surprise = rarity.copy()
        word_predictions = np.zeros(len(has_row), np.int64)
        word_predictions[has_row] = predictions
        is_predicted = word_predictions > 0
        surprise[is_predicted] = -expected[predictions > 0]
        word_totals = np.zeros(len(has_row))
        word_totals[has_row] = totals
        n_predictions = _sums_by_record(word_predictions, tokens.record_ends)
        log_probability = _sums_by_record(word_totals, tokens.record_ends)
        if self._scoring.is_mean:
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
            word_rarity=rarity,
            word_starts=tokens.starts,
            word_lengths=tokens.lengths,
            word_rows=rows,
            text=text,
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

    def _rarity(self, entries: NDArray[np.int64]) -> NDArray[np.float64]:
        """-log of words' share of the stream: (count + 1) / (all words + 1)."""
        vocabulary = self.model.vocabulary
        counts = np.where(entries >= 0, vocabulary.entry_counts(np.maximum(entries, 0)), 0.0)
        rarity: NDArray[np.float64] = np.log(vocabulary.decayed_words + 1.0) - np.log1p(counts)
        return rarity


def load_scorer(path: str | Path) -> Scorer:
    """A scorer of the snapshot at ``path``, or of the newest complete one in that folder, or URL.

    Snapshots of vectors alone have not what scoring takes and are passed over; annealed ones have.
    Every file of it is checked. Raises SnapshotError.
    """
    path = local_path(path, whole=True)
    if reader.is_file(path):
        raise SnapshotError(
            f"{path} is a file; scoring takes a snapshot, which has more than the words' vectors"
        )
    opened = reader.read_with_output(path)
    config, _ = saved_options(opened)
    # What only training needs is left out.
    reading = config.model_copy(update={"threads": 1, "replay": 0})
    return Scorer(OnlineWord2Vec.of_snapshot(opened, reading), opened)


class _AsLearned:
    """Surprise by context as learning measures it, see :meth:`OnlineWord2Vec.learn_scored`."""

    def __init__(self, model: OnlineWord2Vec) -> None:
        by_mean = model.config
        if by_mean.loss != "softmax":
            by_mean = by_mean.model_copy(update={"cbow": True})
        self._by_mean, self._by_each = (
            model.objective.scoring(config, model.embeddings.matrices.syn0, model.vocabulary.counts)
            for config in (by_mean, model.config)
        )

    def surprise(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64], of: Of
    ) -> NDArray[np.float64]:
        """float64[n]: that of each word of sentences, nan of one without contexts."""
        surprise = _surprise(self._by_mean, ids, ends)
        config = self._by_each.config
        if of == "context" and config.loss == "hs" and not config.cbow:
            most = _most_surprising(surprise, ends)
            surprise[most] = _surprise(self._by_each, ids, ends)[most]
        return surprise


def _surprise(
    scoring: Scoring, ids: NDArray[np.int32], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    _, predictions, expected = scoring.windows(ids, ends)
    return np.where(predictions > 0, -expected, np.nan)


def _most_surprising(surprise: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[n]: the words of each sentence that learning scores by each of their contexts."""
    sizes = np.diff(ends, prepend=0)
    sentences = np.repeat(np.arange(len(ends)), sizes)
    order = np.lexsort((-surprise, sentences))
    rank = np.empty(len(surprise), np.int64)
    rank[order] = np.arange(len(surprise)) - np.repeat(ends - sizes, sizes)
    doubtful = np.maximum(1, (sizes + WORDS_PER_DOUBTFUL // 2) // WORDS_PER_DOUBTFUL)
    most: NDArray[np.bool_] = rank < doubtful[sentences]
    return most & ~np.isnan(surprise)


def _sums_by_record(values: NDArray[Any], ends: NDArray[np.int64]) -> NDArray[Any]:
    """The sum of each record's values, which depends on nothing but these."""
    sizes = np.diff(ends, prepend=0)
    totals = np.zeros(len(ends), values.dtype)
    totals[sizes > 0] = np.add.reduceat(values, (ends - sizes)[sizes > 0]) if len(values) else 0
    return totals
