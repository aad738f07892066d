"""Vectors, rows and counts of words, one by one and all together; names are gensim's.

What ``KeyedVectors`` offers for reading, with the same arguments and results, on a table that
cannot be changed. Questions about similarity are in :mod:`w2v_online.reading.similarities`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.codes import BLOCK_ROWS
from w2v_online.reading.table import Key, VectorTable

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

T = TypeVar("T")


class Lookups(ABC):
    """Look-ups in :attr:`table`. A key is a word, or the number of a row."""

    @property
    @abstractmethod
    def table(self) -> VectorTable:
        """The words, counts and vectors of this moment, immutable."""

    @property
    def words(self) -> Sequence[str]:
        """The words in descending order of their counts."""
        return self.table.words

    @property
    def index_to_key(self) -> Sequence[str]:
        """The words, by gensim's name."""
        return self.table.words

    @property
    def key_to_index(self) -> Mapping[str, int]:
        """The row of each word, by gensim's name."""
        return self.table.rows

    @property
    def counts(self) -> NDArray[Any]:
        """int64[V], or float64[V] if counts decay: occurrences of each word; zeros if unknown."""
        return self.table.counts

    @property
    def ids(self) -> NDArray[np.int64]:
        """int64[V]: a number for each word, which stays the word's in every snapshot.

        Rows do not: nearly every word has another one in the next snapshot. Made from the word
        alone, so a word that leaves and comes back has its old id. See
        :func:`w2v_online.reading.words.word_id`. Raises ExportError if two words have the same.
        """
        return self.table.ids

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[V, D], read-only; row i is the vector of ``words[i]``.

        Mapped from the snapshot, not read into memory: see :meth:`to_numpy` for a copy to change.
        """
        return self.table.vectors

    @property
    def vector_size(self) -> int:
        """Dimensions of a vector."""
        return self.table.vector_size

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.words)

    def __contains__(self, key: object) -> bool:
        return self.table.find(key) >= 0

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> NDArray[np.float32]:
        """float32[D] of one key, read-only; float32[n, D] of several, a copy. UnknownWordError."""
        table = self.table
        if isinstance(key_or_keys, str) or not isinstance(key_or_keys, Iterable):
            row = table.find(key_or_keys)
            return table.vector(row) if row >= 0 else self.get_vector(key_or_keys)
        return table.vectors_of(list(key_or_keys))

    def get_vector(self, key: Key, norm: bool = False) -> NDArray[np.float32]:
        """float32[D]: the vector of a key, of length one with ``norm``. UnknownWordError."""
        table = self.table
        if not norm and (row := table.find(key)) >= 0:
            return table.vector(row)
        vectors = table.units_of([key]) if norm else table.vectors_of([key])
        vector: NDArray[np.float32] = vectors[0]
        vector.flags.writeable = False
        return vector

    def get_index(self, key: Key, default: T | None = None) -> int | T:
        """The row of a key; ``default`` if there is none and one is given, or UnknownWordError."""
        table = self.table
        if default is None:
            return table.row(key)
        row = table.find(key)
        return row if row >= 0 else default

    def has_index_for(self, key: object) -> bool:
        """Whether a key has a row."""
        return self.table.find(key) >= 0

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """The attribute "count" of a key; KeyError for any other.

        Where counts are unknown it is, as in gensim, V less the row: in the order of the words.
        """
        if attr != "count":
            raise KeyError(f"{attr!r}: the only attribute of a word is its 'count'")
        table = self.table
        row = table.row(key)
        return table.counts[row] if table.has_counts else len(table) - row

    def spellings(self, word: str, topn: int = 8) -> list[str]:
        """At most ``topn`` known words that are spelled almost like ``word``, nearest first.

        Compares with all words: up to a second for a million.
        """
        return self.table.spellings(word, topn)

    # --- several words -----------------------------------------------------------------------

    def vectors_for(self, words: Iterable[Key]) -> NDArray[np.float32]:
        """float32[n, D], a copy; UnknownWordError for the first that has no vector."""
        return self.table.vectors_of(key_list(words, "vectors_for"))

    def get_mean_vector(
        self,
        keys: Iterable[Key | NDArray[np.float32]],
        weights: Sequence[float] | NDArray[np.floating] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> NDArray[np.float32]:
        """float32[D]: the weighted mean of vectors, as gensim's.

        Parameters
        ----------
        keys
            Keys, or vectors, float32[D], which are taken as they are.
        weights
            One for each key; ones if None.
        pre_normalize
            Bring the vectors of keys to length one before.
        post_normalize
            Bring the mean to length one.
        ignore_missing
            Leave out keys without a vector; or else UnknownWordError for the first of them.

        Raises
        ------
        ValueError
            If there are no keys, or not as many weights.

        """
        table = self.table
        asked = key_list(keys, "get_mean_vector")
        if not asked:
            raise ValueError("cannot compute mean with no input")
        given = np.ones(len(asked), np.float32) if weights is None else np.asarray(weights)
        if given.shape != (len(asked),):
            raise ValueError(
                f"{len(asked)} keys need {len(asked)} weights: the shape is {given.shape}"
            )
        mean = np.zeros(table.vector_size, np.float32)
        total = 0.0
        for key, weight in zip(asked, given.tolist(), strict=True):
            if isinstance(key, np.ndarray):
                vector = key
            elif ignore_missing and not table.has_vector(key):
                continue
            else:
                vector = (table.units_of([key]) if pre_normalize else table.vectors_of([key]))[0]
            mean += np.float32(weight) * vector
            total += abs(weight)
        if total > 0:
            mean /= np.float32(total)
        return unit(mean) if post_normalize else mean

    # --- the whole matrix --------------------------------------------------------------------

    def to_numpy(self, copy: bool = True) -> NDArray[np.float32]:
        """float32[V, D]: all vectors, in memory of your own unless ``copy`` is off.

        For whatever writes in place: faiss.normalize_L2, torch.from_numpy with an optimizer. It
        takes 4 V D bytes.
        """
        vectors = self.table.vectors
        return np.array(vectors) if copy else vectors

    def unit_vectors(self) -> NDArray[np.float32]:
        """float32[V, D]: all vectors, brought to length one, in memory of your own.

        Inner products of these are cosines. A vector of zeros stays zeros.
        """
        table = self.table
        units = np.empty((len(table), table.vector_size), np.float32)
        for first in range(0, len(table), BLOCK_ROWS):
            rows = np.arange(first, min(first + BLOCK_ROWS, len(table)))
            units[first : first + len(rows)] = table.unit(rows)
        return units

    def get_normed_vectors(self) -> NDArray[np.float32]:
        """The same by gensim's name."""
        return self.unit_vectors()

    def to_gensim(self) -> KeyedVectors:
        """A copy as gensim's KeyedVectors, with counts where they are known; ImportError.

        For what changes vectors, and for programs that take nothing else.
        """
        table = self.table
        counts = table.counts if table.has_counts else None
        return keyed_vectors(list(table.words), table.vectors, counts)


def keyed_vectors(
    words: list[str], vectors: NDArray[np.float32], counts: NDArray[Any] | None = None
) -> KeyedVectors:
    """Copies of these arrays as gensim's KeyedVectors; ImportError without gensim."""
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(vectors.shape[1], count=0)
    keyed.add_vectors(words, np.array(vectors))
    if counts is not None:
        keyed.expandos["count"] = np.array(counts)
    return keyed


def key_list(keys: Iterable[T], name: str) -> list[T]:
    """The keys as a list; TypeError for one string, whose letters would be taken for words."""
    if isinstance(keys, str | bytes):
        raise TypeError(f"{name} takes a list of words, not one string: [{keys!r}]")
    return list(keys)


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """A vector brought to length one; zeros stay zeros."""
    norm = np.linalg.norm(vector)
    scaled: NDArray[np.float32] = np.asarray(vector / (norm if norm > 0 else 1.0), np.float32)
    return scaled
