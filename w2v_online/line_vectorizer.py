"""Lines to vectors as a step of a scikit-learn pipeline; needs scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from w2v_online.reading.vectors import WordVectors, load_vectors


class LineVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Embeds lines of text, see :meth:`WordVectors.embed_lines`; nothing is fitted.

    Parameters
    ----------
    vectors
        Word vectors, or the path of a snapshot, a folder of snapshots or a word2vec file. Pickles
        hold the path: the snapshot must still be there when they are loaded.

    """

    def __init__(self, vectors: WordVectors | str | Path) -> None:
        self.vectors = vectors

    def fit(self, lines: Iterable[str], labels: Any = None) -> LineVectorizer:
        """Open the vectors."""
        given = self.vectors
        self.vectors_ = load_vectors(given) if isinstance(given, str | Path) else given
        self.n_features_out_ = self.vectors_.vector_size
        return self

    def transform(self, lines: Iterable[str]) -> NDArray[np.float32]:
        """float32[n, D]: a vector for each line; NotFittedError before :meth:`fit`."""
        check_is_fitted(self)
        return self.vectors_.embed_lines(lines)
