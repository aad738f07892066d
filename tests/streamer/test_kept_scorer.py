"""The model that answers /v1/score: loaded for the first question, let go when none has come."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from streamer.http import scorer
from streamer.http.archive import Archive
from streamer.http.scorer import KeptScorer
from streamer.scoring import newest
from tests.integration.daemons import wait_until
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.snapshots import reader


def test_one_timer_serves_all_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1, max_vocab_size=9))
    model.learn([["a", "b"]])
    model.snapshot(tmp_path)
    started: list[threading.Thread] = []

    class Timer(threading.Timer):
        def start(self) -> None:
            started.append(self)
            super().start()

    monkeypatch.setattr(threading, "Timer", Timer)
    kept = KeptScorer(tmp_path)
    first = kept.get()
    assert all(kept.get() is first for _ in range(20))
    assert len(started) == 1
    kept.close()
    started[0].join(10)
    monkeypatch.setattr(scorer, "IDLE_SECONDS", 0.2)
    second = kept.get()
    assert second is not first  # loaded again
    wait_until(lambda: not any(timer.is_alive() for timer in started))
    assert kept.get() is not second
    kept.close()


def test_a_newer_snapshot_is_found_where_no_file_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LATEST is a hint: snapshots that were copied from elsewhere come without it."""
    monkeypatch.setattr(newest, "LOOK_SECONDS", 0.0)
    model = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1, max_vocab_size=9))
    kept, archive = KeptScorer(tmp_path), Archive(tmp_path)
    for word in "ab":
        model.learn([[word]])
        path = model.snapshot(tmp_path)
        (tmp_path / reader.LATEST).unlink()
        (tmp_path / "00000009-20260131T235959Z").mkdir(exist_ok=True)
        found = kept.get().snapshot
        assert found is not None
        assert (found.path, archive.newest(at_once=True).path) == (path, path)
        assert reader.newest_name(tmp_path) == path.name
    kept.close()
    assert reader.newest_name(path) == ""


def test_a_newer_snapshot_that_could_not_be_read_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before answers meanwhile."""
    monkeypatch.setattr(newest, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(newest, "RETRY_FACTOR", 0.0)
    model = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1, max_vocab_size=9))
    model.learn([["a"]])
    first = model.snapshot(tmp_path)
    kept = KeptScorer(tmp_path)
    assert _path(kept) == first
    second = model.snapshot(tmp_path)
    words = (second / "words.txt").read_bytes()
    (second / "words.txt").write_bytes(b"b\n")
    assert _path(kept) == first
    (second / "words.txt").write_bytes(words)
    assert _path(kept) == second
    kept.close()


def _path(kept: KeptScorer) -> Path:
    snapshot = kept.get().snapshot
    assert snapshot is not None
    return snapshot.path
