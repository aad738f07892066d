"""The read side: word vectors of a snapshot, memory-mapped, in step with a live daemon.

What is known of one snapshot is one immutable :class:`VectorTable`, swapped whole: every query
takes it once, so threads may ask while another refreshes. Imports no training code. Names follow
gensim's KeyedVectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.reading.snapshot_table import table_of
from w2v_online.reading.table import VectorTable
from w2v_online.reading.watch import Watch
from w2v_online.reading.word2vec_format import read_word2vec
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path

Query = str | NDArray[np.float32]
"""A word, or a vector float32[D]."""

_OPEN_ATTEMPTS = 3


@dataclass(frozen=True)
class _Loaded:
    """One snapshot (or file) in memory."""

    path: Path
    manifest: dict[str, Any]
    table: VectorTable


def _load(opened: reader.Snapshot, verify: bool) -> _Loaded:
    if verify:
        opened.verify(sorted(reader.REQUIRED_FILES))
    return _Loaded(opened.path, opened.manifest, table_of(opened))


def _load_newest(source: Path, verify: bool) -> _Loaded:
    """Open and load; a snapshot that is pruned meanwhile is no error if a newer one is there."""
    for _ in range(_OPEN_ATTEMPTS - 1):
        opened = reader.read(source)
        try:
            return _load(opened, verify)
        except SnapshotError:
            if reader.read(source).path == opened.path:
                raise
    return _load(reader.read(source), verify)


class WordVectors:
    """Words, counts and vectors of one snapshot, and questions to them; safe in threads.

    ``table`` is what holds them at this moment: take it once where several of its arrays must
    belong together while another thread refreshes.
    """

    def __init__(
        self, loaded: _Loaded, source: Path | None = None, *, verify: bool = False
    ) -> None:
        self._loaded = loaded
        self._source = source
        self._verify = verify

    @classmethod
    def from_arrays(
        cls, words: Sequence[str], vectors: NDArray[np.float32], counts: Any = None
    ) -> WordVectors:
        """Vectors that lie in memory: float32[V, D]; without counts they are zeros, for unknown."""
        vectors = np.ascontiguousarray(vectors, np.float32)
        counts = np.zeros(len(words), np.int64) if counts is None else np.asarray(counts)
        return cls(_Loaded(Path(), {}, VectorTable(list(words), vectors, counts, "these vectors")))

    @property
    def table(self) -> VectorTable:
        """The words, counts and vectors of this moment, immutable."""
        return self._loaded.table

    @property
    def path(self) -> Path:
        """The snapshot's folder, or the file."""
        return self._loaded.path

    @property
    def manifest(self) -> dict[str, Any]:
        """The snapshot's manifest; empty for a file."""
        return self._loaded.manifest

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
        """int64[V], or float64[V] if counts decay: how often each word was seen."""
        return self.table.counts

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[V, D], read-only; row i is the vector of ``words[i]``."""
        return self.table.vectors

    @property
    def vector_size(self) -> int:
        """Dimensions of a vector."""
        return self.table.vector_size

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, word: object) -> bool:
        return word in self.table.rows

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """float32[vector_size], read-only; UnknownWordError (a KeyError) if there is none."""
        table = self.table
        return table.vector(table.row(word))

    # --- a live daemon -----------------------------------------------------------------------

    def refresh(self) -> bool:
        """Load the newest snapshot if there is a newer one; return whether there was.

        Vectors that were loaded from one snapshot or a file, not from a folder of snapshots, stay.
        Everything a query needs is ready before the swap. Raises SnapshotError if the folder holds
        no complete snapshot any more; the one that is loaded stays.
        """
        if self._source is None or reader.newest_name(self._source) == self.path.name:
            return False
        if reader.read(self._source).path == self.path:
            return False
        loaded = _load_newest(self._source, self._verify)
        loaded.table.prepare()
        self._loaded = loaded
        return True

    def watch(
        self,
        callback: Callable[[WordVectors], object] | None = None,
        interval_seconds: float = 0.2,
    ) -> Watch[WordVectors]:
        """Follow the folder in a thread: each new snapshot is loaded, then ``callback(self)`` runs.

        Returns the watch; it ends with ``stop()`` or as a context manager. What goes wrong, in the
        folder or in the callback, is logged, and watching goes on.
        """
        return Watch(self, callback, interval_seconds)

    # --- questions ---------------------------------------------------------------------------

    def vectors_for(self, words: Sequence[str]) -> NDArray[np.float32]:
        """float32[len(words), D], a copy; UnknownWordError for the first that has no vector."""
        table = self.table
        return table.take([table.row(word) for word in words])

    def similarity(self, a: str, b: str) -> float:
        """Cosine of the angle between two words' vectors."""
        table = self.table
        unit_a, unit_b = table.unit([table.row(a), table.row(b)])
        return float(unit_a @ unit_b)

    def rank(self, a: str, b: str) -> int:
        """Where ``b`` stands among the words nearest to ``a``, from 1 on."""
        table = self.table
        row_a, row_b = table.row(a), table.row(b)
        cosines = table.cosines(table.unit([row_a]), slice(None))[:, 0]
        is_nearer = cosines > cosines[row_b]
        is_nearer[row_a] = False
        return int(np.count_nonzero(is_nearer)) + 1

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word farthest from the mean of all (unit vectors); ValueError for no words."""
        if not words:
            raise ValueError("doesnt_match needs at least one word")
        table = self.table
        units = table.unit([table.row(word) for word in words])
        return words[int(np.argmin(units @ _unit(units.mean(axis=0))))]

    def most_similar(
        self,
        positive: Query | Sequence[Query] = (),
        negative: Query | Sequence[Query] = (),
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[tuple[str, float]]:
        """The ``topn`` words nearest to the sum of the positive less that of the negative.

        Words, which count with length one, or vectors as they are, one or several; words that were
        asked with are left out of the answers.
        ``restrict_vocab``: only among so many most frequent words. ValueError without a query.
        """
        table = self.table
        asked = [(item, 1.0) for item in _as_list(positive)]
        asked += [(item, -1.0) for item in _as_list(negative)]
        if not asked:
            raise ValueError("most_similar needs at least one word or vector")
        rows = [table.row(item) for item, _ in asked if isinstance(item, str)]
        units = [
            weight * (table.unit([table.row(item)])[0] if isinstance(item, str) else item)
            for item, weight in asked
        ]
        query = _unit(np.sum(units, axis=0, dtype=np.float32))
        excluded = set(rows)
        found, cosines = table.nearest(query[None], topn + len(excluded), restrict_vocab)
        answers = zip(found[0].tolist(), cosines[0].tolist(), strict=True)
        return [(table.words[row], cosine) for row, cosine in answers if row not in excluded][:topn]

    def most_similar_batch(
        self,
        queries: Sequence[str] | NDArray[np.float32],
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[list[tuple[str, float]]]:
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
            rows = [table.row(word) for word in queries]
            units = table.unit(np.array(rows, np.int64))
            asked = topn + 1
        found, cosines = table.nearest(units, asked, restrict_vocab)
        return [
            [(table.words[r], c) for r, c in zip(near, values, strict=True) if r != row][:topn]
            for row, near, values in zip(rows, found.tolist(), cosines.tolist(), strict=True)
        ]

    def analogy(self, a: str, b: str, c: str, topn: int = 10) -> list[tuple[str, float]]:
        """Answers to "a is to b as c is to ?" by 3CosAdd (Mikolov et al. 2013), best first."""
        return self.most_similar([b, c], [a], topn)

    def embed(self, tokens: Iterable[str], weight: float = 1e-3) -> NDArray[np.float32]:
        """One vector for a text, float32[D]: the mean of its words' vectors, rare words first.

        Weights are a / (a + p(word)), a being ``weight`` and p the share of the word in all counts
        (smooth inverse frequency, Arora, Liang & Ma 2017). Tokens without a vector are left out;
        a text without any other gives zeros.
        """
        table = self.table
        rows = [row for token in tokens if (row := table.rows.get(token)) is not None]
        if not rows:
            return np.zeros(self.vector_size, np.float32)
        weights = weight / (weight + table.frequencies(rows))
        mean: NDArray[np.float32] = (weights @ table.take(rows) / len(rows)).astype(np.float32)
        return mean


def _as_list(items: Query | Sequence[Query]) -> list[Query]:
    if isinstance(items, str) or (isinstance(items, np.ndarray) and items.ndim == 1):
        return [items]
    return list(items)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = np.linalg.norm(vector)
    unit: NDArray[np.float32] = np.asarray(vector / (norm if norm > 0 else 1.0), np.float32)
    return unit


def load_vectors(path: str | Path, *, verify: bool = False) -> WordVectors:
    """Word vectors of the snapshot at ``path``, or of the newest complete one in that folder.

    Of a URL (``s3://bucket/prefix``) the newest complete one is copied to this machine. A file is
    read as word2vec text or binary, whole and without counts. Manifest and sizes are
    checked at once, words, counts and vectors when they are used, with ``verify`` by their
    checksums here and at each refresh, which reads them all. Raises SnapshotError if there is no
    snapshot or it is damaged, as every question may later that meets damage; FileFormatError for
    a file that is neither format.
    """
    path = local_path(path)
    if path.is_file():
        words, vectors = read_word2vec(path)
        table = VectorTable(words, vectors, np.zeros(len(words), np.int64), str(path))
        return WordVectors(_Loaded(path, {}, table))
    loaded = _load_newest(path, verify)
    return WordVectors(loaded, None if loaded.path == path else path, verify=verify)
