"""What the group is told, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.structs import OffsetAndMetadata, TopicPartition

from streamer.cluster.worker_log import WorkerLog
from streamer.sources.kafka.commits import Commits
from streamer.sources.kafka.figures import Figures
from streamer.sources.kafka.handover import Handover
from streamer.sources.kafka.positions import Place

_P = TopicPartition("t", 0)
_OLD, _NEW = Place(1200, "old"), Place(0, "new")


class _Group:
    """A consumer that remembers what was committed, and when that was answered."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        self.answer: Any = None

    def assignment(self) -> set[TopicPartition]:
        return {_P}

    def commit_async(self, news: Mapping[TopicPartition, OffsetAndMetadata]) -> Any:
        self.commit(news)
        self.answer = SimpleNamespace(is_done=False, succeeded=lambda: True)
        return self.answer

    def commit(self, news: Mapping[TopicPartition, OffsetAndMetadata], **_options: int) -> None:
        self.told += [(one.offset, one.metadata.split()[-1]) for one in news.values()]


@pytest.mark.parametrize("is_release", [False, True])
def test_offsets_of_a_topic_that_was_made_anew_are_told_though_they_are_smaller(
    is_release: bool,
) -> None:
    """Also where the commit of the topic before was on its way when the new one began."""
    group, handover = _Group(), Handover({_P: Place(1000, "old")})
    commits = Commits("me", handover, Figures(), WorkerLog())
    commits.consumer = group  # type: ignore[assignment]
    commits.begin({_P: (Place(1000, "old"), 1000)})
    handover.begin(_P, Place(1000, "old"))
    handover.set_durable({_P: _OLD})
    commits.step()
    assert group.told == [(1200, "old")]
    commits.begin({_P: (_NEW, None)})
    handover.begin(_P, _NEW)
    handover.take(1, 0.0)
    group.answer.is_done = True
    handover.set_durable({_P: _OLD})  # of a checkpoint that was under way
    commits.step()
    assert group.told[1:] == [(0, "new")]
    handover.set_durable({_P: Place(50, "new")})
    if is_release:

        def commit_at_once(news: Mapping[TopicPartition, OffsetAndMetadata]) -> Any:
            group.commit(news)
            return SimpleNamespace(is_done=True, succeeded=lambda: True)

        group.commit_async = commit_at_once  # type: ignore[method-assign]
        asyncio.run(commits.release({_P}))
    else:
        commits.step()
    assert group.told[2:] == [(50, "new")]
