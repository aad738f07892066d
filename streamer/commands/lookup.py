"""Words as users type them, found in a vocabulary: another case will do, and what is not there is
said without keeping the other answers back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import click
import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import UnknownWordError
from w2v_online.reading.vectors import WordVectors


def spelled(vectors: WordVectors, word: str) -> str | None:
    """The word, or the most frequent of its spellings in other cases; None if there is none."""
    forms = dict.fromkeys([word, word.lower(), word.title(), word.upper(), word.capitalize()])
    known = [form for form in forms if form in vectors]
    if not known or known[0] == word:
        return known[0] if known else None
    return min(known, key=vectors.table.row)


def find_all(vectors: WordVectors, words: Iterable[str]) -> dict[str, str]:
    """The words that have a vector, as the vocabulary spells them, by what was typed.

    The others, and words found in another case, are told of on stderr.
    """
    found: dict[str, str] = {}
    for word in words:
        form = spelled(vectors, word)
        if form is None:
            _tell(_missing(vectors, word))
            continue
        if form != word:
            _tell(f"{word} is not in the vocabulary: showing {form}")
        found[word] = form
    return found


def infer_missing(
    vectors: WordVectors, words: Iterable[str], found: Mapping[str, str]
) -> dict[str, NDArray[np.float32]]:
    """Vectors inferred for the words that were not found; none for a word of unknown spelling."""
    missing = [word for word in dict.fromkeys(words) if word not in found]
    if missing:
        prepare_infer(vectors)
    inferred: dict[str, NDArray[np.float32]] = {}
    for word in missing:
        vector = vectors.infer(word)
        if vector.any():
            _tell(f"{word}: showing neighbors of a vector inferred from its spelling")
            inferred[word] = vector
    return inferred


def prepare_infer(vectors: WordVectors) -> None:
    """Fit n-grams to the vectors if that has to be done, with progress on stderr."""
    if vectors.has_subwords:
        vectors.prepare_infer()
        return
    with click.progressbar(
        length=1000, label="w2v-stream: fitting character n-grams", file=sys.stderr
    ) as bar:
        vectors.prepare_infer(lambda share: bar.update(int(1000 * share) - bar.pos))


def _missing(vectors: WordVectors, word: str) -> str:
    try:
        vectors.table.row(word)
    except UnknownWordError as error:
        return str(error)
    return word


def _tell(message: str) -> None:
    click.echo(f"w2v-stream: {message}", err=True)
