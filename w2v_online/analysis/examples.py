"""Words worth asking for: frequent ones whose neighbours are near, from different parts of a text.

They show what a stream is about better than its most frequent words do.
"""

from __future__ import annotations

import numpy as np

from w2v_online.analysis.content_words import content_words
from w2v_online.reading.table import VectorTable

_CANDIDATES = 1000
"""Most frequent content words among which examples are looked for."""

_CONSIDERED = 20_000
"""Most frequent words among which neighbours are looked for."""

_NEIGHBORS = 5

_ALIKE = 0.5
"""Cosine from which two words are of the same part of the text: one of them is enough."""


def examples(table: VectorTable, count: int) -> list[str]:
    """At most ``count`` words, the most frequent first.

    Those come in first whose neighbours are near and not too frequent, which those of "usually"
    are; a word that is like one of them stays out. Numbers, signs, single ASCII letters and the log
    tokenizer's ``<NUM>`` and the like are none.
    """
    words = [word for word in content_words(table, _CANDIDATES) if _says_something(word)]
    n_considered = min(_CONSIDERED, len(table))
    n_neighbors = min(_NEIGHBORS, n_considered - 1)
    if len(words) < 2 or n_neighbors < 1:
        return words[:count]
    rows = [table.row(word) for word in words]
    cosines = table.unit(rows) @ table.unit(list(range(n_considered))).T
    own = np.array([(place, row) for place, row in enumerate(rows) if row < n_considered])
    cosines[own[:, 0], own[:, 1]] = -1.0
    near = np.argpartition(-cosines, n_neighbors - 1, axis=1)[:, :n_neighbors]
    scores = np.take_along_axis(cosines, near, axis=1).mean(axis=1) * np.log1p(near).mean(axis=1)
    units = table.unit(rows)
    chosen: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) == count:
            break
        if not chosen or (units[chosen] @ units[place]).max() < _ALIKE:
            chosen.append(place)
    return [words[place] for place in sorted(chosen)]


def _says_something(word: str) -> bool:
    is_placeholder = word.startswith("<") and word.endswith(">")
    is_letter = len(word) == 1 and word.isascii()
    return not is_placeholder and not is_letter and any(c.isalpha() for c in word)
