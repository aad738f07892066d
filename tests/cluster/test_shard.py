"""What a shard answers to who asks twice, late or too early; without Ray."""

from __future__ import annotations

import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.sharing.exchange import Exchange
from w2v_online.sharing.merge import EpochError

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

from streamer.cluster.shard import Shard

_CONFIG = LearnerConfig(vector_size=8, min_count=1, max_vocab_size=100)


def test_a_push_that_comes_again_is_merged_once_and_answered_again() -> None:
    """As when the answer was lost on its way."""
    shard = Shard(_CONFIG, workers=2, shards=1)
    shard.begin(1)
    learner, other = (Exchange(OnlineWord2Vec(_CONFIG)) for _ in range(2))
    learner.learner.learn([["a", "b", "a"]] * 20)
    (update,) = learner.take(everything=True)
    answers = [shard.exchange(0, 1, 1, update, False) for _ in range(3)]
    assert all(answer is answers[0] for answer in answers)
    other.apply([shard.exchange(1, 1, 1, None, True)])
    vocabulary = other.learner.vocabulary
    counts = dict(zip(vocabulary.words(), vocabulary.counts, strict=True))
    assert counts == {"a": 40.0, "b": 20.0}
    assert other.learner.total_words == 60


def test_a_request_that_arrives_after_the_next_one_takes_no_answer() -> None:
    """It was sent again meanwhile, and nobody waits for it any more."""
    shard = Shard(_CONFIG, workers=2, shards=1)
    shard.begin(1)
    learner, other = (Exchange(OnlineWord2Vec(_CONFIG)) for _ in range(2))
    for sequence in (1, 2):
        other.apply([shard.exchange(1, 1, sequence, None, False)])
    learner.learner.learn([["a", "b", "a"]] * 20)
    (update,) = learner.take(everything=True)
    shard.exchange(0, 1, 1, update, False)
    shard.exchange(1, 1, 1, None, False)
    other.apply([shard.exchange(1, 1, 3, None, True)])
    assert other.learner.total_words == 60


def test_another_epoch_is_refused() -> None:
    """A worker that was given up may be alive still."""
    shard = Shard(_CONFIG, workers=2, shards=1)
    with pytest.raises(EpochError):
        shard.exchange(0, 1, 1, None, False)
    shard.begin(2)
    for epoch in (1, 3):
        with pytest.raises(EpochError):
            shard.exchange(0, epoch, 1, None, False)
    shard.exchange(0, 2, 1, None, False)
