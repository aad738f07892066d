"""Questions about which words are alike, by cosine; names, arguments and results are gensim's."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.lookups import Lookups, key_list, keyed_vectors, unit
from w2v_online.reading.table import Key, VectorTable

_log = logging.getLogger(__name__)

Vector = NDArray[np.float32]
"""float32[D]."""

Query = Key | Vector | tuple[Key | Vector, float]
"""A key, which counts with length one, a vector as it is, or one of these with its weight."""

Answers = list[tuple[str, float]]
"""Words and cosines, best first."""

_COSMUL_EPSILON = 1e-6
"""Keeps 3CosMul from dividing by zero; gensim's and word2vec's."""


class Indexer(Protocol):
    """An approximate index, such as gensim's AnnoyIndexer."""

    def most_similar(self, vector: Vector, num_neighbors: int) -> Answers:
        """So many answers to float32[D]."""


class Similarities(Lookups):
    """Questions to :attr:`table`. ``topn=None`` means all cosines, float32[V], in row order."""

    # --- two words, or one and some ----------------------------------------------------------

    def similarity(self, w1: Key, w2: Key) -> float:
        """Cosine of the angle between two words' vectors; 0 where one is zeros."""
        return _cosine(*self.table.vectors_of([w1, w2]))

    def distance(self, w1: Key, w2: Key) -> float:
        """One less the cosine of two words' vectors."""
        return 1.0 - self.similarity(w1, w2)

    def distances(
        self, word_or_vector: Key | Vector, other_words: Iterable[Key] = ()
    ) -> NDArray[np.float32]:
        """float32[n]: one less the cosine with each of the others, with all V words if none."""
        table = self.table
        if isinstance(word_or_vector, np.ndarray):
            query = unit(word_or_vector)
        else:
            query = table.units_of([word_or_vector])[0]
        others = key_list(other_words, "distances")
        cosines = table.units_of(others) @ query if others else table.cosines_of(query, slice(None))
        distances: NDArray[np.float32] = 1 - cosines
        return distances

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """Cosine of the means of two lists of words; unknown ones are left out.

        ZeroDivisionError, as in gensim, if a list is empty.
        """
        lists = key_list(ws1, "n_similarity"), key_list(ws2, "n_similarity")
        if not all(lists):
            raise ZeroDivisionError("n_similarity needs words in both lists")
        first, second = (self.get_mean_vector(keys, pre_normalize=False) for keys in lists)
        return _cosine(first, second)

    def rank(self, key1: Key, key2: Key) -> int:
        """Where ``key2`` stands among the words nearest to ``key1``, from 1 on."""
        return len(self._closer(self.table, key1, key2)) + 1

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """All words that are nearer to ``key1`` than ``key2`` is, in row order."""
        table = self.table
        return [table.words[row] for row in self._closer(table, key1, key2).tolist()]

    @staticmethod
    def _closer(table: VectorTable, key1: Key, key2: Key) -> NDArray[np.int64]:
        row1, row2 = table.row(key1), table.row(key2)
        cosines = table.cosines_of(table.unit([row1])[0], slice(None))
        is_nearer = cosines > cosines[row2]
        is_nearer[row1] = False
        return np.flatnonzero(is_nearer)

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """The one of ``keys_list`` that is most similar to ``key1``; ValueError if it is empty."""
        keys = key_list(keys_list, "most_similar_to_given")
        if not keys:
            raise ValueError("most_similar_to_given needs at least one key to choose from")
        return keys[int(np.argmin(self.distances(key1, keys)))]

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """The cosine of two words over the sum of the ``topn`` highest ones of ``wa``.

        Above 1 / topn words are likely to be synonyms (Leeuwenberg et al. 2016).
        """
        highest = sum(cosine for _, cosine in self.similar_by_word(wa, topn))
        return float(self.similarity(wa, wb) / highest)

    @staticmethod
    def cosine_similarities(vector_1: Vector, vectors_all: NDArray[np.float32]) -> Vector:
        """float32[n]: cosines of float32[D] with the rows of float32[n, D]."""
        norms = np.linalg.norm(vectors_all, axis=1) * np.linalg.norm(vector_1)
        return np.asarray(vectors_all @ vector_1 / np.where(norms > 0, norms, 1.0), np.float32)

    def wmdistance(
        self, document1: Sequence[str], document2: Sequence[str], norm: bool = True
    ) -> float:
        """Word mover's distance of two lists of words, by gensim and POT; ImportError.

        ``inf`` if one has no word with a vector.
        """
        words = [*key_list(document1, "wmdistance"), *key_list(document2, "wmdistance")]
        known = [word for word in dict.fromkeys(words) if self.table.has_vector(word)]
        keyed = keyed_vectors(known, self.vectors_for(known))
        return float(keyed.wmdistance(document1, document2, norm=norm))

    # --- the odd one out ---------------------------------------------------------------------

    def rank_by_centrality(
        self, words: Sequence[Key], use_norm: bool = True
    ) -> list[tuple[float, Key]]:
        """Words with their cosines with the mean of all, highest first; unknown ones left out.

        ValueError if none is known.
        """
        table = self.table
        asked = key_list(words, "rank_by_centrality")
        known = [word for word in asked if table.has_vector(word)]
        if len(known) < len(asked):
            unknown = [word for word in asked if not table.has_vector(word)]
            _log.warning("left out words without a vector: %s", unknown)
        if not known:
            raise ValueError("cannot select a word from an empty list")
        vectors = table.units_of(known) if use_norm else table.vectors_of(known)
        cosines = vectors @ unit(vectors.mean(axis=0))
        order = np.argsort(-cosines, kind="stable")
        return [(float(cosines[i]), known[i]) for i in order.tolist()]

    def doesnt_match(self, words: Sequence[Key]) -> Key:
        """The word farthest from the mean of all; unknown ones are left out with a warning."""
        return self.rank_by_centrality(words)[-1][1]

    # --- nearest words -----------------------------------------------------------------------

    def most_similar(
        self,
        positive: Query | Sequence[Query] | None = None,
        negative: Query | Sequence[Query] | None = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> Any:
        """The ``topn`` words nearest to the sum of the positive less that of the negative.

        Parameters
        ----------
        positive, negative
            Words, rows or vectors, one or several, each also as ``(key, weight)`` with a weight
            of its own in the place of 1 or -1. Words that were asked with are no answers.
        topn
            Answers; None for the cosines of all rows, float32.
        clip_start, clip_end
            Look only at rows from the first to before the second.
        restrict_vocab
            Look only at so many most frequent words; overrides both.
        indexer
            Ask this approximate index instead, such as gensim's AnnoyIndexer.

        Returns
        -------
        list of (str, float)
            Words and cosines, best first. Exact, unless by an ``indexer``.

        Raises
        ------
        ValueError
            Without a query.
        UnknownWordError
            If a word has no vector.

        """
        if isinstance(topn, Integral) and topn < 1:
            return []
        table = self.table
        query, asked = _mean(table, _queries(positive), _queries(negative))
        if indexer is not None and topn is not None:
            return indexer.most_similar(query, int(topn))
        first = 0 if restrict_vocab else clip_start
        end = min(restrict_vocab or clip_end or len(table), len(table))
        if topn is None:
            return table.cosines_of(query, slice(first, end))
        wanted = int(topn) + len(asked)
        if first == 0:
            found, cosines = table.nearest(query[None], wanted, end)
            answers = zip(found[0].tolist(), cosines[0].tolist(), strict=True)
        else:
            clipped = table.cosines_of(query, slice(first, end))
            best = np.argsort(-clipped, kind="stable")[:wanted]
            answers = zip((best + first).tolist(), clipped[best].tolist(), strict=True)
        return [(table.words[row], cosine) for row, cosine in answers if row not in asked][:topn]

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """:meth:`most_similar` of one word."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_key(
        self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """:meth:`most_similar` of one key."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: Vector, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """:meth:`most_similar` of one vector, float32[D]."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self,
        positive: Query | Sequence[Query] | None = None,
        negative: Query | Sequence[Query] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Any:
        """:meth:`most_similar` by 3CosMul: cosines multiplied and divided, none outweighs the rest.

        Levy & Goldberg 2014, equation 4, with cosines moved to [0, 1]. Parameters are those of
        :meth:`most_similar`, without weights.
        """
        if isinstance(topn, Integral) and topn < 1:
            return []
        table = self.table
        sides = _queries(positive), _queries(negative)
        if not sides[0]:
            raise ValueError("cannot compute similarity with no input")
        scores = np.ones(len(table), np.float32)
        asked = set()
        for side, queries in enumerate(sides):
            product = np.ones(len(table), np.float32)
            for item in queries:
                row, vector = _query_vector(table, item)
                asked |= {row} - {-1}
                product *= (1 + table.cosines_of(vector, slice(None))) / 2
            scores = scores / (product + np.float32(_COSMUL_EPSILON)) if side else scores * product
        scores = scores[:restrict_vocab]
        if topn is None:
            return scores
        best = np.argsort(-scores, kind="stable")[: int(topn) + len(asked)]
        return [(table.words[r], float(scores[r])) for r in best.tolist() if r not in asked][:topn]

    def analogy(self, a: Key, b: Key, c: Key, topn: int = 10) -> Answers:
        """Answers to "a is to b as c is to ?" by 3CosAdd (Mikolov et al. 2013), best first."""
        answers: Answers = self.most_similar([b, c], [a], topn)
        return answers

    def most_similar_batch(
        self,
        queries: Sequence[Key] | NDArray[np.float32],
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[Answers]:
        """``most_similar`` of many words, or of the rows of float32[Q, D], multiplied at once.

        A word is not among its own answers.
        """
        table = self.table
        if isinstance(queries, np.ndarray):
            rows: list[int | None] = [None] * len(queries)
            norms = np.linalg.norm(queries, axis=1, keepdims=True)
            units = np.asarray(queries / np.where(norms > 0, norms, 1.0), np.float32)
            asked = topn
        else:
            words = key_list(queries, "most_similar_batch")
            rows = [table.find(word) for word in words]
            units = table.units_of(words)
            asked = topn + 1
        found, cosines = table.nearest(units, asked, restrict_vocab)
        return [
            [(table.words[r], c) for r, c in zip(near, values, strict=True) if r != row][:topn]
            for row, near, values in zip(rows, found.tolist(), cosines.tolist(), strict=True)
        ]


def _queries(items: Query | Sequence[Query] | None) -> list[Query]:
    """One query or several as a list."""
    if items is None:
        return []
    if isinstance(items, str | int | np.integer):
        return [items]
    if isinstance(items, np.ndarray) and items.ndim == 1 and items.dtype.kind == "f":
        return [items]
    return list(items)


def _query_vector(table: VectorTable, key: Any) -> tuple[int, Vector]:
    """A key's row and unit vector; -1 and the vector for a vector."""
    if isinstance(key, np.ndarray):
        return -1, np.asarray(key, np.float32)
    return table.find(key), table.units_of([key])[0]


def _mean(
    table: VectorTable, positive: list[Query], negative: list[Query]
) -> tuple[Vector, set[int]]:
    """The sum of queries by their weights, of length one, and the rows that were asked with."""
    asked = [(item, 1.0) for item in positive] + [(item, -1.0) for item in negative]
    if not asked:
        raise ValueError("most_similar needs at least one word or vector")
    total = np.zeros(table.vector_size, np.float32)
    rows = set()
    for item, sign in asked:
        key, weight = item if isinstance(item, tuple | list) else (item, sign)
        row, vector = _query_vector(table, key)
        rows |= {row} - {-1}
        total += np.float32(weight) * vector
    return unit(total), rows


def _cosine(first: Vector, second: Vector) -> float:
    """The cosine of two vectors, exactly 1 for equal ones."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    norms = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / norms if norms > 0 else 0.0
