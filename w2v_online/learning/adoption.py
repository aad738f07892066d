"""Warm start: rows and vectors of words that were learned elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.training import MAX_UPDATES
from w2v_online.learning.model import Model
from w2v_online.separators import RECORD_SEPARATOR, TOKEN_SEPARATOR

ADOPTED_UPDATES = 500
"""Updates that the last of V adopted words counts as; the r-th one as V / r times as many, as by
Zipf's law. Chosen by measurement: high enough that nothing is unlearned, low enough to go on."""


def adopt(model: Model, words: Sequence[str], vectors: NDArray[np.float32]) -> int:
    """See :meth:`OnlineWord2Vec.adopt`."""
    if model.total_words or len(model.vocabulary):
        raise ValueError("vectors can only be adopted before anything is learned")
    vectors = np.asarray(vectors, np.float32)
    if vectors.shape != (len(words), model.config.vector_size):
        raise ValueError(
            f"{len(words)} words need vectors of shape "
            f"{(len(words), model.config.vector_size)}, not {vectors.shape}"
        )
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite; some have nan or infinite components")
    encoded = [word.encode(errors="replace") for word in words]
    index = {
        word: i
        for i, word in reversed(list(enumerate(encoded)))
        if 0 < len(word) <= model.config.max_token_bytes and not _is_split(word)
    }
    chosen = sorted(index.values())
    if len(chosen) > model.config.max_vocab_size:
        raise ValueError(
            f"{len(chosen)} words are more than max_vocab_size {model.config.max_vocab_size}"
        )
    rows = model.vocabulary.enter([encoded[i] for i in chosen])
    model.embeddings.grow(len(model.vocabulary))
    updates = ADOPTED_UPDATES * len(rows) / np.arange(1, len(rows) + 1)
    model.embeddings.adopt(
        rows, vectors[chosen], np.minimum(updates, MAX_UPDATES).astype(np.uint32)
    )
    for row in rows:
        model.vocabulary.pin(row)
    return len(rows)


def _is_split(word: bytes) -> bool:
    """Whether a word has what tokens and records of text end with."""
    return any(end in word for end in (b"\n", TOKEN_SEPARATOR, RECORD_SEPARATOR))
