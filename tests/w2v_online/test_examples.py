"""Words offered as examples: from different topics, and neither function words nor numbers."""

from __future__ import annotations

import numpy as np

from w2v_online import WordVectors
from w2v_online.analysis.examples import examples

_TOPICS, _WORDS = 12, 8


def _vectors() -> WordVectors:
    """Topics of words near each other, after function words that are like nothing."""
    generator = np.random.default_rng(5)
    centers = np.repeat(generator.normal(size=(_TOPICS, 24)), _WORDS, axis=0)
    topics = centers + 0.15 * generator.normal(size=centers.shape)
    others = generator.normal(size=(30, 24))
    words = [f"loose{i}" for i in range(27)] + ["<NUM>", "42", "x"]
    words += [f"topic{i // _WORDS}word{i % _WORDS}" for i in range(len(topics))]
    return WordVectors.from_arrays(words, np.concatenate([others, topics]).astype(np.float32))


def test_examples_are_one_word_of_each_topic() -> None:
    found = examples(_vectors().table, _TOPICS - 2)
    topics = {word.partition("word")[0] for word in found}
    assert len(topics) == _TOPICS - 2
    assert all(topic.startswith("topic") for topic in topics)


def test_numbers_signs_and_letters_are_none() -> None:
    assert not {"<NUM>", "42", "x"} & set(examples(_vectors().table, 1000))


def test_a_tiny_vocabulary_has_few() -> None:
    for count in (0, 1, 2, 3):
        vectors = np.eye(4, dtype=np.float32)[:count]
        words = ["国王", "queen", "king"][:count]
        if count:
            assert set(examples(WordVectors.from_arrays(words, vectors).table, 5)) <= set(words)
