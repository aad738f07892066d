"""One snapshot or vector file in memory: path, manifest, table, and how it was asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.reading.fasttext_format import is_fasttext, read_fasttext
from w2v_online.reading.fitted import Progress, fitted
from w2v_online.reading.inference import Inference
from w2v_online.reading.lines import Lines
from w2v_online.reading.snapshot_table import table_of
from w2v_online.reading.subwords import SubwordTable
from w2v_online.reading.table import Key, VectorTable
from w2v_online.reading.word2vec_format import counts_of, read_word2vec, vocabulary_beside
from w2v_online.snapshots import reader
from w2v_online.snapshots.reader import PUBLISHED_VECTORS, SUBWORD_VECTORS, VECTORS

Unknown = Literal["error", "infer"]
"""What words without a vector get: an UnknownWordError, or a vector inferred from the spelling."""

_OPEN_ATTEMPTS = 3


@dataclass(frozen=True)
class Options:
    """Arguments of :func:`w2v_online.reading.vectors.load_vectors`."""

    verify: bool = False
    vocabulary: Path | None = None
    tokenizer: str | None = None
    tokenizer_options: Mapping[str, str] | None = None
    unknown: Unknown = "error"


class _Prepared:
    """What infers vectors, once it is there."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inference: Inference | None = None


@dataclass(frozen=True)
class Loaded:
    """What is known of one snapshot or file; ``path`` is empty for vectors made in memory."""

    path: Path
    manifest: dict[str, Any]
    table: VectorTable
    options: Options = Options()
    own_subwords: SubwordTable | None = None
    """The n-grams of a file that has some."""

    _prepared: _Prepared = field(default_factory=_Prepared, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.options.unknown == "infer":
            self.table.infer = self.infer

    @property
    def has_subwords(self) -> bool:
        """Whether n-grams were learned together with the vectors."""
        return self.own_subwords is not None or SUBWORD_VECTORS in self.manifest.get("files", {})

    @cached_property
    def subwords(self) -> SubwordTable | None:
        """The n-grams that were learned with the vectors; None where there are none."""
        if self.own_subwords is None and self.has_subwords:
            return SubwordTable.of(reader.Snapshot(self.path, self.manifest))
        return self.own_subwords

    @property
    def has_inferred(self) -> bool:
        """Whether what infers vectors is there already."""
        return self._prepared.inference is not None

    def prepare_infer(self, progress: Progress | None = None) -> Inference:
        """What infers vectors; n-grams are fitted now where there are none."""
        with self._prepared.lock:
            if self._prepared.inference is None:
                subwords = self.subwords
                if subwords is None:
                    subwords = fitted(self.table, self.path, self.manifest, progress)
                self._prepared.inference = Inference(self.table, subwords)
            return self._prepared.inference

    def trained(self, keys: Sequence[Key]) -> NDArray[np.float32]:
        """float32[n, D]: the vectors of keys that the output vectors were trained with.

        With subwords, the table has these with the n-grams of each word added. Words without a
        vector get the inferred one.
        """
        vectors = self.table.vectors_of(keys)
        if PUBLISHED_VECTORS in self.manifest["files"]:
            rows, _ = self.table.rows_or_vectors(keys)
            known = np.flatnonzero(rows >= 0)
            saved = reader.Snapshot(self.path, self.manifest).checked(VECTORS)
            vectors[known] = saved.take(rows[known])
        return vectors

    def infer(self, word: str) -> NDArray[np.float32]:
        """float32[D]: see :meth:`Inference.vector`."""
        return self.prepare_infer().vector(word)

    @cached_property
    def lines(self) -> Lines:
        """What splits and embeds lines."""
        return Lines(
            self.path,
            self.manifest,
            self.table,
            tokenizer=self.options.tokenizer,
            tokenizer_options=self.options.tokenizer_options,
        )


def load_snapshot(opened: reader.Snapshot, options: Options) -> Loaded:
    """An open snapshot; SnapshotError if it is damaged."""
    if options.verify:
        read = {*reader.REQUIRED_FILES, PUBLISHED_VECTORS} & set(opened.manifest["files"])
        opened.verify(sorted(read))
    return Loaded(opened.path, opened.manifest, table_of(opened), options)


def load_newest(source: Path, options: Options) -> Loaded:
    """The newest snapshot of a folder, or the one at ``source``.

    One that is pruned meanwhile is no error if a newer one is there.
    """
    for _ in range(_OPEN_ATTEMPTS - 1):
        opened = reader.read(source)
        try:
            return load_snapshot(opened, options)
        except SnapshotError:
            if reader.read(source).path == opened.path:
                raise
    return load_snapshot(reader.read(source), options)


def load_file(path: Path, options: Options) -> Loaded:
    """A word2vec file, with counts if there is a vocabulary, or a fastText model; FileFormatError.

    fastText's models have counts and n-grams of their own.
    """
    if is_fasttext(path):
        model = read_fasttext(path)
        counts = model.counts
        if options.vocabulary is not None:
            counts = counts_of(model.words, options.vocabulary)
        table = VectorTable(model.words, model.vectors, counts, str(path))
        return Loaded(path, {}, table, options, model.subwords)
    words, vectors = read_word2vec(path)
    vocabulary = options.vocabulary or vocabulary_beside(path)
    has_counts = options.vocabulary is not None or vocabulary.is_file()
    counts = counts_of(words, vocabulary) if has_counts else np.zeros(len(words), np.int64)
    return Loaded(path, {}, VectorTable(words, vectors, counts, str(path)), options)
