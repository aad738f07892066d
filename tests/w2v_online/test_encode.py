"""Encoding against Python's own split and Counter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_online.config import LearnerConfig
from w2v_online.kernels.encode import MAX_SENTENCE_WORDS
from w2v_online.learning.vocabulary import WHITESPACE, Vocabulary, padded_text

_TEXT = st.lists(
    st.one_of(
        st.sampled_from([b"a", b"b", b"abcdefgh", b"abcdefghi", b"\xc3\xa9t\xc3\xa9", b"\x00"]),
        st.sampled_from([b" ", b"\n", b"\t", b"\r\n", b"\x0b", b"\x0c"]),
        st.binary(max_size=20),
    ),
    max_size=60,
).map(b"".join)


def _encode_all(vocabulary: Vocabulary, text: bytes, stop_every: int = 10**9) -> list[list[int]]:
    buffer = padded_text(text)
    state = np.array([1], np.uint64)
    position, sentences = 0, []
    while position < len(text):
        stop = vocabulary.total_words + stop_every
        begin = position
        position, ids, ends = vocabulary.encode(buffer, begin, len(text), WHITESPACE, stop, state)
        assert position > begin
        sentences += [ids[i:j].tolist() for i, j in zip([0, *ends[:-1]], ends, strict=True)]
    return sentences


def _vocabulary(**options: object) -> Vocabulary:
    defaults = {"min_count": 1, "sample": 0.0, "max_vocab_size": 5000}
    return Vocabulary(LearnerConfig.model_validate(defaults | options))


def _counts(vocabulary: Vocabulary) -> Counter[bytes]:
    counted = {
        vocabulary.entry_bytes(row): int(vocabulary.counts[row]) for row in range(len(vocabulary))
    }
    counted.update(vocabulary.candidate_counts())
    return Counter(counted)


@given(_TEXT, st.integers(1, 4), st.integers(1, 50))
@settings(deadline=None)
def test_words_and_counts_equal_split_and_counter(text: bytes, min_count: int, stop: int) -> None:
    """Any bytes: tokens are bytes.split()'s, counts Counter's, records the lines."""
    vocabulary = _vocabulary(min_count=min_count, max_token_bytes=12)
    sentences = _encode_all(vocabulary, text, stop)
    words = text.split()
    expected = Counter(word for word in words if len(word) <= 12)
    assert _counts(vocabulary) == expected
    assert vocabulary.total_words == len(words)
    assert vocabulary.dropped_tokens == sum(len(word) > 12 for word in words)
    assert vocabulary.total_records == text.count(b"\n") + (
        not text.endswith(b"\n") and text != b""
    )
    assert len(vocabulary) == sum(count >= min_count for count in expected.values())
    decoded = [[vocabulary.entry_bytes(row) for row in sentence] for sentence in sentences]
    seen: Counter[bytes] = Counter()
    for line, sentence in zip(text.split(b"\n"), decoded, strict=False):
        admitted = []
        for word in line.split():
            if len(word) <= 12:
                seen[word] += 1
                if seen[word] >= min_count:
                    admitted.append(word)
        assert sentence == admitted


def test_a_long_record_becomes_sentences_and_one_record() -> None:
    vocabulary = _vocabulary()
    sentences = _encode_all(vocabulary, b"x " * (2 * MAX_SENTENCE_WORDS + 5) + b"\n")
    assert [len(sentence) for sentence in sentences] == [MAX_SENTENCE_WORDS] * 2 + [5]
    assert vocabulary.total_records == 1


def test_the_table_grows_and_every_word_is_found_again() -> None:
    """A hundred thousand words, each seen twice, have exactly two occurrences each."""
    vocabulary = _vocabulary(max_vocab_size=200_000)
    text = b" ".join(b"w%d" % i for i in range(100_000))
    _encode_all(vocabulary, text + b"\n" + text)
    assert len(vocabulary) == 100_000
    assert set(vocabulary.counts.tolist()) == {2}


def test_rows_end_at_max_vocab_size_and_counting_goes_on() -> None:
    vocabulary = _vocabulary(max_vocab_size=3)
    sentences = _encode_all(vocabulary, b"a b c d d d a d e")
    assert vocabulary.words() == ["a", "b", "c"]
    assert sentences == [[0, 1, 2, 0]]
    assert _counts(vocabulary)[b"d"] == 4


def test_endless_new_words_stay_in_bounds_and_keep_what_is_frequent() -> None:
    """Candidates are forgotten rarest and oldest first, so a recurring word still gets its row."""
    vocabulary = _vocabulary(min_count=5, max_vocab_size=100)
    size = vocabulary.max_bytes
    for block in range(40):
        words = b" ".join(b"once%d" % (block * 10_000 + i) for i in range(10_000))
        _encode_all(vocabulary, words + b" again\n")
    assert "again" in vocabulary.words()
    assert vocabulary.candidates <= vocabulary.max_candidates
    assert vocabulary.forgotten_words >= 40 * 10_000 - vocabulary.max_candidates
    assert vocabulary.max_bytes == size


def test_words_are_kept_as_often_as_the_formula_says() -> None:
    """Keep probability sqrt(t/f) + t/f, here 0.11, within five standard deviations."""
    vocabulary = _vocabulary(sample=1e-3)
    sentences = _encode_all(vocabulary, b"x y\n" * 100_000)
    kept = sum(map(len, sentences)) / 200_000
    expected = np.sqrt(1e-3 / 0.5) + 1e-3 / 0.5
    assert kept == pytest.approx(expected, abs=5 * np.sqrt(expected / 200_000) + 1e-3)


def test_state_restores_to_the_same_vocabulary() -> None:
    vocabulary = _vocabulary(min_count=3)
    _encode_all(vocabulary, b"a b c a b a d e f g a b c c")
    copy = _vocabulary(min_count=3)
    copy.restore(vocabulary.state())
    more = b"d d e a zz zz zz c"
    assert _encode_all(copy, more) == _encode_all(vocabulary, more)
    assert _counts(copy) == _counts(vocabulary)
    assert copy.words() == vocabulary.words()
