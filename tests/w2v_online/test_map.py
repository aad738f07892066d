"""The map of a vocabulary: neighbourhoods kept, words that stay, function words out, clusters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v_online import WordVectors
from w2v_online.analysis.clusters import clusters
from w2v_online.analysis.content_words import content_words
from w2v_online.analysis.layout import Layout, lay_out
from w2v_online.reading.table import VectorTable

_TOPICS, _WORDS, _SIZE = 30, 20, 16


def _topics(noise: float = 0.25, seed: int = 3) -> tuple[VectorTable, NDArray[np.int64]]:
    """Words of thirty topics in random order, and the topic of each."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(_TOPICS, _SIZE))
    topic = np.random.default_rng(4).permutation(np.repeat(np.arange(_TOPICS), _WORDS))
    vectors = centers[topic] + noise * generator.normal(size=(len(topic), _SIZE))
    words = [f"t{number}w{i}" for i, number in enumerate(topic.tolist())]
    return WordVectors.from_arrays(words, vectors.astype(np.float32)).table, topic


@pytest.fixture(scope="module")
def drawn() -> tuple[VectorTable, Layout]:
    pytest.importorskip("sklearn", reason="needs scikit-learn: pip install '.[map]'")
    table, _ = _topics()
    return table, lay_out(table, table.words, method="tsne")


def test_a_map_keeps_neighbourhoods_that_principal_components_lose(
    drawn: tuple[VectorTable, Layout],
) -> None:
    from sklearn.manifold import trustworthiness

    table, layout = drawn
    units = table.unit(list(range(len(table))))
    plain = lay_out(table, table.words).positions
    assert trustworthiness(units, layout.positions, n_neighbors=10) > 0.95
    assert trustworthiness(units, plain, n_neighbors=10) < 0.95


def test_words_stay_where_they_were_and_new_ones_join_their_like(
    drawn: tuple[VectorTable, Layout],
) -> None:
    table, layout = drawn
    known = Layout(layout.words[:-5], layout.positions[:-5])
    again = lay_out(table, table.words, method="tsne", previous=known)
    moved = np.linalg.norm(again.positions - layout.positions, axis=1)
    width = np.ptp(layout.positions[:, 0])
    assert moved[:-5].mean() < 0.06 * width
    assert np.median(moved[-5:]) < 0.1 * width


def test_clusters_are_the_topics_and_named_by_their_words(
    drawn: tuple[VectorTable, Layout],
) -> None:
    table, layout = drawn
    found = clusters(table, layout.words, layout.positions)
    topics = {cluster.name[0].partition("w")[0] for cluster in found}
    assert len(topics) > 0.8 * _TOPICS
    for cluster in found:
        assert len({word.partition("w")[0] for word in cluster.name}) == 1


def test_function_words_are_left_out_by_their_neighbours() -> None:
    """The most frequent words near each other are; frequent ones among rare words are not."""
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(2000, 16))
    function_words = [*range(20), 23, 25, 27]
    vectors[function_words] = [5] * 16 + 0.5 * generator.normal(size=(len(function_words), 16))
    words = [f"w{number}" for number in range(2000)]
    table = WordVectors.from_arrays(words, vectors.astype(np.float32)).table
    kept = content_words(table, 500)
    assert len(kept) == 500
    assert not {f"w{number}" for number in function_words} & set(kept)
    assert {"w24", "w26"} <= set(kept)
    few = WordVectors.from_arrays(words[:8], vectors[:8].astype(np.float32)).table
    assert content_words(few, 100) == words[:8]
