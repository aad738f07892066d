"""The read side: word vectors of a snapshot, memory-mapped, in step with a live daemon.

What is known of one snapshot is one immutable :class:`VectorTable`, swapped whole: every query
takes it once, so threads may ask while another refreshes. Imports no training code. Names follow
gensim's KeyedVectors.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.reading.lookups import key_list
from w2v_online.reading.similarities import Similarities
from w2v_online.reading.snapshot_table import table_of
from w2v_online.reading.table import Key, VectorTable
from w2v_online.reading.watch import Watch
from w2v_online.reading.word2vec_format import counts_of, read_word2vec, vocabulary_beside
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path

_OPEN_ATTEMPTS = 3


@dataclass(frozen=True)
class _Loaded:
    """One snapshot (or file) in memory."""

    path: Path
    manifest: dict[str, Any]
    table: VectorTable
    vocabulary: Path | None = None
    """Where a file's counts are from, if that was given."""


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


class WordVectors(Similarities):
    """Words, counts and vectors of one snapshot, and questions to them; safe in threads.

    Reads like gensim's KeyedVectors and changes nothing. ``table`` is what holds the arrays at this
    moment: take it once where several of them must belong together while another thread refreshes.
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

    def __repr__(self) -> str:
        table = self.table
        return f"<WordVectors: {len(table):,} words x {table.vector_size} of {table.name}>"

    def vectors_for_all(
        self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> WordVectors:
        """The vectors of those keys that have one, each once and in their order, on their own.

        ``allow_inference`` is gensim's and changes nothing: only words of the vocabulary have
        vectors. With ``copy_vecattrs`` counts go along.
        """
        table = self.table
        words = dict.fromkeys(key_list(keys, "vectors_for_all"))
        rows = [row for word in words if (row := table.find(word)) >= 0]
        counts = [self.get_vecattr(row, "count") for row in rows] if copy_vecattrs else None
        return WordVectors.from_arrays([table.words[r] for r in rows], table.take(rows), counts)

    # --- copies and pickles ------------------------------------------------------------------

    def __copy__(self) -> WordVectors:
        return WordVectors(self._loaded, self._source, verify=self._verify)

    def __deepcopy__(self, _memo: object) -> WordVectors:
        return self.__copy__()  # nothing of what is loaded ever changes

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """By path: what is unpickled opens the same snapshot again. Vectors in memory go along."""
        table = self.table
        if self.path == Path():
            return WordVectors.from_arrays, (list(table.words), table.vectors, table.counts)
        source = None if self._source is None else self._source.absolute()
        vocabulary = self._loaded.vocabulary
        return _reopen, (
            str(self.path.absolute()),
            None if source is None else str(source),
            self._verify,
            None if vocabulary is None else str(vocabulary.absolute()),
        )

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """KeyedVectors once gensim is imported: some of its classes take no other type."""
        gensim = sys.modules.get("gensim.models.keyedvectors")
        return type(self) if gensim is None else gensim.KeyedVectors

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

    # --- texts -------------------------------------------------------------------------------

    def embed(self, tokens: Iterable[str], weight: float = 1e-3) -> NDArray[np.float32]:
        """One vector for a text, float32[D]: the mean of its words' vectors, rare words first.

        Weights are a / (a + p(word)), a being ``weight`` and p the share of the word in all counts
        (smooth inverse frequency, Arora, Liang & Ma 2017). Tokens without a vector are left out;
        a text without any other gives zeros.
        """
        table = self.table
        tokens = key_list(tokens, "embed")
        rows = [row for token in tokens if (row := table.rows.get(token)) is not None]
        if not rows:
            return np.zeros(self.vector_size, np.float32)
        weights = weight / (weight + table.frequencies(rows))
        mean: NDArray[np.float32] = (weights @ table.take(rows) / len(rows)).astype(np.float32)
        return mean


def _reopen(path: str, source: str | None, verify: bool, vocabulary: str | None) -> WordVectors:
    """What was pickled; the folder's newest snapshot, with a warning, if its own was pruned."""
    if source is None:
        return load_vectors(path, verify=verify, vocabulary=vocabulary)
    try:
        loaded = _load(reader.read(Path(path)), verify)
    except SnapshotError:
        loaded = _load_newest(Path(source), verify)
        warnings.warn(f"{path} is not there any more: loaded {loaded.path.name}", stacklevel=2)
    return WordVectors(loaded, Path(source), verify=verify)


def load_vectors(
    path: str | Path, *, verify: bool = False, vocabulary: str | Path | None = None
) -> WordVectors:
    """Word vectors of the snapshot at ``path``, or of the newest complete one in that folder.

    Manifest and sizes are checked at once, words, counts and vectors when they are used.

    Parameters
    ----------
    path
        A snapshot, a folder of snapshots, a URL (``s3://bucket/prefix``) of which the newest
        complete one is copied to this machine, or a word2vec file, text or binary, which is read
        whole.
    verify
        Compare the checksums of words, counts and vectors here and at each refresh, which reads
        them all.
    vocabulary
        A word2vec file's vocabulary file, with the counts that it lacks. One with the file's name
        and ``.vocab`` behind it is read if it is there.

    Raises
    ------
    SnapshotError
        If there is no snapshot or it is damaged; every question that meets damage raises it later.
    FileFormatError
        For a file that is neither format, or a vocabulary of other words.

    """
    path = local_path(path)
    if not path.is_file():
        loaded = _load_newest(path, verify)
        return WordVectors(loaded, None if loaded.path == path else path, verify=verify)
    words, vectors = read_word2vec(path)
    given = None if vocabulary is None else Path(vocabulary)
    found = given or vocabulary_beside(path)
    has_counts = given is not None or found.is_file()
    counts = counts_of(words, found) if has_counts else np.zeros(len(words), np.int64)
    return WordVectors(_Loaded(path, {}, VectorTable(words, vectors, counts, str(path)), given))
