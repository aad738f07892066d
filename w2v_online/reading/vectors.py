"""The read side: word vectors of a snapshot, memory-mapped, in step with a live daemon.

What is known of one snapshot is one immutable :class:`VectorTable`, swapped whole: every query
takes it once, so threads may ask while another refreshes. Imports no training code. Names follow
gensim's KeyedVectors.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.reading.changes import THRESHOLD, Changes, changes
from w2v_online.reading.lines import WEIGHT, Lines, warn_of_no_counts
from w2v_online.reading.loaded import (
    Loaded,
    Options,
    Unknown,
    load_file,
    load_newest,
    load_snapshot,
)
from w2v_online.reading.lookups import key_list
from w2v_online.reading.prediction import probabilities
from w2v_online.reading.similarities import Similarities
from w2v_online.reading.subwords import SubwordTable
from w2v_online.reading.table import Key, VectorTable
from w2v_online.reading.watch import Watch
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path


class WordVectors(Similarities):
    """Words, counts and vectors of one snapshot, and questions to them; safe in threads.

    Reads like gensim's KeyedVectors and changes nothing. ``table`` is what holds the arrays at this
    moment: take it once where several of them must belong together while another thread refreshes.
    """

    def __init__(self, loaded: Loaded, source: Path | None = None) -> None:
        self._loaded = loaded
        self._source = source

    @classmethod
    def from_arrays(
        cls, words: Sequence[str], vectors: NDArray[np.float32], counts: Any = None
    ) -> WordVectors:
        """Vectors that lie in memory: float32[V, D]; without counts they are zeros, for unknown."""
        vectors = np.ascontiguousarray(vectors, np.float32)
        counts = np.zeros(len(words), np.int64) if counts is None else np.asarray(counts)
        return cls(Loaded(Path(), {}, VectorTable(list(words), vectors, counts, "these vectors")))

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

        With ``allow_inference``, also those inferred for unknown words, if they were loaded so.
        With ``copy_vecattrs`` counts go along; those of unknown words are 0.
        """
        table = self.table
        asked = list(dict.fromkeys(key_list(keys, "vectors_for_all")))
        has_vector = table.has_vector if allow_inference else lambda key: table.find(key) >= 0
        known = [key for key in asked if has_vector(key)]
        rows = [table.find(key) for key in known]
        words = [str(k) if r < 0 else table.words[r] for k, r in zip(known, rows, strict=True)]
        counts = None
        if copy_vecattrs:
            counts = [0 if row < 0 else self.get_vecattr(row, "count") for row in rows]
        return WordVectors.from_arrays(words, table.vectors_of(known), counts)

    @property
    def lines(self) -> Lines:
        """What :meth:`tokenize` and :meth:`embed_lines` work with, of this moment."""
        return self._loaded.lines

    @property
    def has_subwords(self) -> bool:
        """Whether n-grams were learned together with the vectors: by --subwords, or fastText."""
        return self._loaded.has_subwords

    @property
    def subwords(self) -> SubwordTable | None:
        """The vectors of n-grams that were learned with the words; None where there are none."""
        return self._loaded.subwords

    def infer(self, word: str) -> NDArray[np.float32]:
        """float32[D], read-only: a vector for any word, inferred from its spelling.

        From its character n-grams and, as misspelled words need it, from known words that are
        spelled alike; zeros if nothing is known of either. Of a word that has a vector it is that
        and the mean of the n-grams, the former more the more often the word occurred.

        Without ``--subwords`` the first call fits n-grams to the vectors, which takes a second for
        20,000 words and is kept in the user's cache; see :meth:`prepare_infer`.
        """
        if not isinstance(word, str):
            raise TypeError(f"infer takes a word as str, not {word!r}")
        return self._loaded.infer(word)

    def prepare_infer(self, progress: Callable[[float], None] | None = None) -> None:
        """Do now what the first call of :meth:`infer` would wait for.

        ``progress`` is told the share of the fit that is done, if there is one to make.
        """
        self._loaded.prepare_infer(progress)

    # --- texts -------------------------------------------------------------------------------

    def embed(self, tokens: Iterable[str], weight: float = WEIGHT) -> NDArray[np.float32]:
        """One vector for a list of tokens, float32[D]: the weighted mean of their vectors.

        A word weighs a / (a + p), a being ``weight`` and p its share of all counts (smooth inverse
        frequency, Arora, Liang & Ma 2017): rare words weigh most. Without counts, as in most vector
        files, all words weigh the same, and a warning says so. Tokens without a vector are left
        out, or inferred if the vectors were loaded so; where there is none the vector is zeros.
        """
        table = self.table
        known = [token for token in key_list(tokens, "embed") if table.has_vector(token)]
        if not known:
            return np.zeros(table.vector_size, np.float32)
        if not table.has_counts:
            warn_of_no_counts(table)
        rows, _ = table.rows_or_vectors(known)
        frequencies = np.where(rows < 0, 0.0, table.frequencies(np.maximum(rows, 0).tolist()))
        weights = weight / (weight + frequencies)
        vectors = table.vectors_of(known)
        mean: NDArray[np.float32] = (weights @ vectors / len(known)).astype(np.float32)
        return mean

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text by the snapshot's own tokenizer, known ones and unknown ones.

        In lower case, with phrases joined and out of JSON if the model's text was prepared so. Of a
        vector file white space splits. Raises ConfigurationError (a W2VError) if the tokenizer is
        not installed, not the same any more, or a function that was not named to
        :func:`load_vectors`.
        """
        return self.lines.tokenize(text)

    def embed_lines(
        self, lines: Iterable[str | bytes], weight: float = WEIGHT
    ) -> NDArray[np.float32]:
        """float32[n, D]: a vector for each line, as :meth:`embed` of what :meth:`tokenize` gives.

        Much faster than one line after the other. A line feed inside a line is white space. Raises
        what :meth:`tokenize` raises, TypeError for one string in the place of lines.
        """
        if isinstance(lines, str | bytes):
            raise TypeError(f"embed_lines takes a list of lines, not one string: [{lines!r}]")
        parts = [part.vectors for part in self.lines.embed_blocks(lines, weight)]
        return np.concatenate(parts) if parts else np.zeros((0, self.vector_size), np.float32)

    def predict(self, context: Iterable[Key], topn: int | None = 10) -> list[tuple[str, float]]:
        """The words that the model expects in the middle of a context, with probabilities.

        From the output vectors, which whole snapshots hold: SnapshotError for others. Words without
        a vector are left out of the context; without any there are no answers.
        """
        loaded = self._loaded
        table = loaded.table
        known = [key for key in key_list(context, "predict") if table.has_vector(key)]
        if loaded.path == Path() or reader.is_file(loaded.path):
            raise SnapshotError(f"{table.name} has no output vectors to predict from")
        if not known:
            return []
        found = probabilities(reader.read(loaded.path), loaded.trained(known).mean(axis=0))
        best = np.argsort(-found, kind="stable")[:topn]
        return [(table.words[row], float(found[row])) for row in best.tolist()]

    def predict_output_word(
        self, context_words_list: Iterable[Key], topn: int | None = 10
    ) -> list[tuple[str, float]] | None:
        """:meth:`predict` by gensim's name; None if no word of the context is known, as there."""
        return self.predict(context_words_list, topn) or None

    def changes(self, since: WordVectors | str | Path, threshold: float = THRESHOLD) -> Changes:
        """Words that are new, moved or gone since an earlier snapshot, with their vectors.

        A vector moved if its cosine with the old one is below ``threshold``. ValueError if vectors
        are of different sizes; what :func:`load_vectors` raises for a path.
        """
        earlier = load_vectors(since) if isinstance(since, str | Path) else since
        return changes(earlier.table, self.table, threshold)

    # --- a live daemon -----------------------------------------------------------------------

    def refresh(self) -> bool:
        """Load the newest snapshot if there is a newer one; return whether there was.

        Vectors that were loaded from one snapshot, a file or a URL, not from a folder of snapshots
        on this machine, stay. Everything a query needs is ready before the swap, n-grams too if
        vectors have been inferred before. Raises SnapshotError if the folder holds no complete
        snapshot any more; the one that is loaded stays.
        """
        if self._source is None or reader.newest_name(self._source) == self.path.name:
            return False
        if reader.read(self._source).path == self.path:
            return False
        loaded = load_newest(self._source, self._loaded.options)
        loaded.table.prepare()
        if self._loaded.has_inferred:
            loaded.prepare_infer()
        self._loaded = loaded
        return True

    def watch(
        self,
        callback: Callable[..., object] | None = None,
        interval_seconds: float = 0.2,
    ) -> Watch[WordVectors]:
        """Follow the folder in a thread: each new snapshot is loaded, then the callback runs.

        ``callback(self)``, or ``callback(old, new)`` if it needs two arguments: the vectors before
        and after, neither of which changes any more, for ``new.changes(old)``. Returns the watch;
        it ends with ``stop()`` or as a context manager. What goes wrong, in the folder or in the
        callback, is logged, and watching goes on.
        """
        if callback is None or not _takes_two(callback):
            return Watch(self, callback, interval_seconds)
        before = WordVectors(self._loaded)

        def hand_over(vectors: WordVectors) -> None:
            nonlocal before
            old, before = before, WordVectors(vectors._loaded)
            callback(old, before)

        return Watch(self, hand_over, interval_seconds)

    # --- copies and pickles ------------------------------------------------------------------

    def __copy__(self) -> WordVectors:
        return WordVectors(self._loaded, self._source)

    def __deepcopy__(self, _memo: object) -> WordVectors:
        return self.__copy__()  # nothing of what is loaded ever changes

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """By path: what is unpickled opens the same snapshot again. Vectors in memory go along."""
        table = self.table
        if self.path == Path():
            return WordVectors.from_arrays, (list(table.words), table.vectors, table.counts)
        source = None if self._source is None else self._source.absolute()
        return _reopen, (self.path.absolute(), source, self._loaded.options)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """KeyedVectors once gensim is imported: some of its classes take no other type."""
        gensim = sys.modules.get("gensim.models.keyedvectors")
        return type(self) if gensim is None else gensim.KeyedVectors


def _takes_two(callback: Callable[..., object]) -> bool:
    """Whether it needs two arguments; those with a default are the callback's own."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    needed = [p for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]
    return len(needed) == 2


def _reopen(path: Path, source: Path | None, options: Options) -> WordVectors:
    """What was pickled; the folder's newest snapshot, with a warning, if its own was pruned."""
    if reader.is_file(path):
        return WordVectors(load_file(path, options))
    try:
        loaded = load_snapshot(reader.read(path), options)
    except SnapshotError:
        if source is None:
            raise
        loaded = load_newest(source, options)
        warnings.warn(f"{path} is not there any more: loaded {loaded.path.name}", stacklevel=2)
    return WordVectors(loaded, source)


def load_vectors(
    path: str | Path,
    *,
    verify: bool = False,
    vocabulary: str | Path | None = None,
    tokenizer: str | None = None,
    tokenizer_options: Mapping[str, str] | None = None,
    unknown: Unknown = "error",
) -> WordVectors:
    """Word vectors of the snapshot at ``path``, or of the newest complete one in that folder.

    Manifest and sizes are checked at once, words, counts and vectors when they are used.

    Parameters
    ----------
    path
        A snapshot, a folder of snapshots, a URL (``s3://bucket/prefix``) of which the newest
        complete one is copied to this machine, or a word2vec file, text or binary, which is read
        whole, or a fastText model (``.bin``), whose n-grams are mapped.
    verify
        Compare the checksums of words, counts and vectors here and at each refresh, which reads
        them all.
    vocabulary
        A word2vec file's vocabulary file, with the counts that it lacks. One with the file's name
        and ``.vocab`` behind it is read if it is there.
    tokenizer
        Name of the tokenizer that lines are split by, where that is a function of your own
        (``module:function``): a snapshot that names one does not get to run it.
    tokenizer_options
        The tokenizer's options, where the snapshot does not tell them, as of a dictionary.
    unknown
        "infer": words without a vector get one inferred from their spelling, wherever a vector is
        asked for, in :meth:`WordVectors.embed_lines`, too; see :meth:`WordVectors.infer`.
        ``word in vectors`` still tells which words have a vector of their own. "error": asking for
        them is an UnknownWordError, and texts leave them out.

    Raises
    ------
    SnapshotError
        If there is no snapshot or it is damaged; every question that meets damage raises it later.
    FileFormatError
        For a file that is neither format, or a vocabulary of other words.

    """
    path = local_path(path)
    given = None if vocabulary is None else Path(vocabulary).absolute()
    if unknown not in get_args(Unknown):
        raise ValueError(f"unknown must be 'error' or 'infer', not {unknown!r}")
    options = Options(verify, given, tokenizer, tokenizer_options, unknown)
    if reader.is_file(path):
        return WordVectors(load_file(path, options))
    loaded = load_newest(path, options)
    return WordVectors(loaded, None if loaded.path == path else path)
