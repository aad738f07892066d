"""A worker's session without a cluster: how far it learns while an exchange is under way."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from streamer.cluster.messages import Beginning
from streamer.cluster.worker_log import WorkerLog
from streamer.config.cluster_settings import ClusterSettings
from streamer.daemon import build
from streamer.sources.base import Piece
from w2v_online.sharing.exchange import Exchange

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

from streamer.cluster import session
from streamer.cluster.relay import Relay

_INTERVAL = 8000


class _SlowRelay(Relay):
    """Has no answer before it is waited for; keeps how many words were learned at each moment."""

    begun: ClassVar[list[int]] = []
    finished: ClassVar[list[int]] = []
    _is_under_way = False

    def begin(self, *, everything: bool = False) -> None:
        assert not self._is_under_way
        self._is_under_way = True
        self.begun.append(self._exchange.learner.total_words)

    @property
    def is_under_way(self) -> bool:
        return self._is_under_way

    def is_answered(self) -> bool:
        return False

    def finish(self) -> None:
        assert self._is_under_way
        self._is_under_way = False
        self.finished.append(self._exchange.learner.total_words)


def test_a_late_answer_is_waited_for_after_a_small_part_of_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that is applied a whole exchange late makes the workers overshoot."""
    monkeypatch.setattr(session, "Relay", _SlowRelay)
    monkeypatch.setattr(Exchange, "interval", lambda self, sync_every: sync_every)
    monkeypatch.setattr(_SlowRelay, "begun", [])
    monkeypatch.setattr(_SlowRelay, "finished", [])
    log = tmp_path / "a.log"
    log.write_text("one two three four five\n" * 20_000)
    settings = ClusterSettings(
        source="file", path=str(log), snapshot_dir=str(tmp_path / "s"), vector_size=8,
        max_vocab_size=100, min_count=1, sync_every=_INTERVAL,
    )  # fmt: skip
    events = WorkerLog()
    tokenizer = build.warm_tokenizer(settings, events)
    share = frozenset([Piece(str(log))])
    beginning = Beginning(epoch=1, share=share, readers=2, snapshot=None)
    worker = session.Session(1, settings, beginning, [None], tokenizer, events)
    try:
        while not worker.report().has_ended:
            worker._turn()
    finally:
        worker.end()
    finished = _SlowRelay.finished
    late = [
        after - before
        for before, after in zip(_SlowRelay.begun[: len(finished)], finished, strict=True)
    ]
    assert len(late) >= 10
    assert max(late) < _INTERVAL / 16
    assert max(b - a for a, b in pairwise(_SlowRelay.begun)) < _INTERVAL * 5 / 4
