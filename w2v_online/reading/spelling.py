"""Words that are spelled almost like one that is unknown.

Optimal string alignment (Damerau's edits, each part of a word edited once), in proportion to the
words' lengths. A search compares with every word, so it takes milliseconds to a second: it is made
when an answer is read, never on a look-up that fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LEAST = 0.6
"""Least similarity of a spelling: the share of letters that stay."""

CHUNK_WORDS = 2_000
"""Words compared in one go: between two of them other threads get their turn."""


def near_spellings(
    word: str,
    words: Sequence[str],
    rows: Mapping[str, int],
    *,
    topn: int,
    most_frequent: int | None = None,
) -> list[str]:
    """At most ``topn`` of ``words``; parameters and order are those of :func:`spelled_alike`."""
    found = spelled_alike(word, words, rows, topn=topn, most_frequent=most_frequent)
    return [words[row] for row, _ in found]


def spelled_alike(
    word: str,
    words: Sequence[str],
    rows: Mapping[str, int],
    *,
    topn: int,
    most_frequent: int | None = None,
    least: float = LEAST,
) -> list[tuple[int, float]]:
    """Rows of similar spellings and similarities: the word in another case (1), then by similarity.

    Of equally similar words the more frequent one comes first.

    Parameters
    ----------
    word
        The word that was asked for.
    words, rows
        The vocabulary in descending order of counts, and the row of each word.
    topn
        Answers, at most.
    most_frequent
        Compare with so many most frequent words; with all if None.
    least
        Least similarity of an answer, the share of letters that stay.

    """
    # Imported here: who never misspells a word needs no string metrics.
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    cases = dict.fromkeys([word.lower(), word.upper(), word.title()])
    found = [(-1.0, rows[case]) for case in cases if case != word and case in rows]
    end = len(words) if most_frequent is None else min(most_frequent, len(words))
    for first in range(0, end, CHUNK_WORDS):
        near = process.extract(
            word,
            words[first : min(first + CHUNK_WORDS, end)],
            scorer=OSA.normalized_similarity,
            score_cutoff=least,
            limit=topn,
        )
        found += [(-similarity, first + place) for _, similarity, place in near]
    best: dict[int, float] = {}
    for negative, row in sorted(found):
        best.setdefault(row, -negative)
    return list(best.items())[:topn]
