"""Phrases: joined where words come together more often than chance, in bounded memory."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.tokenizers.phrases import PhraseTokenizer
from streamer.tokenizers.whitespace import WhitespaceTokenizer
from w2v_online.errors import SnapshotError


def _phrases(threshold: float = 100.0, min_count: int = 5, max_token_bytes: int = 64):
    return PhraseTokenizer(
        WhitespaceTokenizer(),
        threshold=threshold,
        min_count=min_count,
        max_token_bytes=max_token_bytes,
    )


def _text(records: int = 2000) -> bytes:
    rng = np.random.default_rng(1)
    lines = []
    for i in range(records):
        words = [f"w{w}" for w in rng.zipf(1.3, 12) if w < 5000]
        if i % 20 == 0:
            words += ["new", "york", "city", "hall"]
        lines.append(" ".join(words))
    return ("\n".join(lines) + "\n").encode()


def _reference(records: list[list[str]], threshold: float, min_count: int) -> list[list[str]]:
    """One level with exact counts, as plainly as can be."""
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    result = []
    for record in records:
        out: list[str] = []
        is_joined = False
        for i, word in enumerate(record):
            words[word] += 1
            if i == 0:
                out.append(word)
                continue
            before = record[i - 1]
            pairs[before, word] += 1
            count_before = words[before] - (before == word)
            score = (pairs[before, word] - min_count) * words.total()
            is_joined = not is_joined and score > threshold * count_before * words[word]
            if is_joined:
                out[-1] += "_" + word
            else:
                out.append(word)
        result.append(out)
    return result


def test_phrases_are_those_of_exact_counts() -> None:
    """While there is room, the bounded counts are exact: both levels agree with plain ones."""
    text = _text()
    records = [line.split() for line in text.decode().split("\n")[:-1]]
    for _ in range(2):
        records = _reference(records, 100.0, 5)
    tokens = _phrases().tokenize(text).decode().split("\x1e")[:-1]
    assert [[t for t in record.split("\x1f") if t] for record in tokens] == records
    assert "new_york_city_hall" in records[-20]


def test_batches_and_a_restart_change_nothing() -> None:
    text = _text()
    whole = _phrases().tokenize(text)
    cut = text.index(b"\n", len(text) // 3) + 1
    first, second = _phrases(), _phrases()
    begun = first.tokenize(text[:cut])
    second.restore({name: array.copy() for name, array in first.state().items()})
    assert begun + second.tokenize(text[cut:]) == whole
    with pytest.raises(SnapshotError, match="text_phrases1_words"):
        second.restore({})


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "cc", " ", "\n", "_", "é"]), max_size=80).map("".join))
def test_no_record_is_lost_and_no_token_grows_beyond_the_limit(text: str) -> None:
    tokenizer = _phrases(threshold=0.5, min_count=0, max_token_bytes=6)
    tokens = tokenizer.tokenize(text.encode()).decode()
    lines = text.split("\n")[: None if text[-1:] not in ("", "\n") else -1]
    records = tokens.split("\x1e")[:-1]
    assert len(records) == len(lines)
    for line, record in zip(lines, records, strict=True):
        assert record.replace("\x1f", "").replace("_", "") == "".join(line.split()).replace("_", "")
        longest = max((len(word.encode()) for word in line.split()), default=0)
        assert all(len(t.encode()) <= max(6, longest) for t in record.split("\x1f"))


def test_separators_in_words_make_neither_words_nor_records() -> None:
    """Text may hold them, as JSON text sequences (RFC 7464) begin each document with RS."""
    text = b'\x1e{"a" b\nc\x1ed e\x1ff\n\x1e \x1f\n'
    assert _phrases().tokenize(text) == b'{"a"\x1fb\x1ecd\x1fef\x1e\x1e'


def test_memory_does_not_grow() -> None:
    tokenizer = _phrases()
    size = tokenizer.max_bytes
    rng = np.random.default_rng(2)
    for _ in range(3):
        words = rng.integers(0, 1 << 40, 300_000)
        tokenizer.tokenize(" ".join(map(str, words)).encode() + b"\n")
    assert tokenizer.max_bytes == size == sum(a.nbytes for a in tokenizer.state().values())
    assert size < 50 * 2**20
