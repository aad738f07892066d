"""A watch goes on, whatever goes wrong when it looks for what is new."""

from __future__ import annotations

import errno
import logging
import os
import queue
import threading
from pathlib import Path

import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.errors import SnapshotError
from w2v_online.reading.watch import Watch


class _Scripted:
    """Each look at the folder fails, finds something new (True), or finds nothing (False)."""

    def __init__(self, *outcomes: Exception | bool) -> None:
        self._outcomes = list(outcomes)

    def refresh(self) -> bool:
        outcome = self._outcomes.pop(0) if self._outcomes else False
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_what_goes_wrong_is_logged_once_and_watching_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = SnapshotError("the folder is away")
    refused = PermissionError(errno.EACCES, "Permission denied")
    vectors = _Scripted(away, away, refused, refused, MemoryError(), False, away, True)
    has_changed = threading.Event()
    with caplog.at_level(logging.WARNING), Watch(vectors, lambda _: has_changed.set(), 0.001):
        assert has_changed.wait(timeout=30)
    told = [(record.getMessage(), record.exc_info is not None) for record in caplog.records]
    assert told == [
        ("the folder is away", False),
        (f"a newer snapshot cannot be loaded: {refused!r}", True),
        ("a newer snapshot cannot be loaded: MemoryError()", True),
        ("the folder is away", False),
    ]


def test_a_folder_that_cannot_be_read_for_a_while_is_followed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As that of a file server that restarts."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1))
    model.learn([["a", "b"]])
    model.snapshot(tmp_path)
    wv, counts = load_vectors(tmp_path), queue.Queue[list[int]]()
    has_failed = threading.Event()

    def stale(_: Path, **_options: object) -> os.stat_result:
        has_failed.set()
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with wv.watch(lambda new: counts.put(new.counts.tolist()), interval_seconds=0.001):
        model.learn([["a", "b"]])
        with monkeypatch.context() as patched:
            (tmp_path / "LATEST").unlink()  # so that each look is one at the folder itself
            patched.setattr(Path, "stat", stale)
            assert has_failed.wait(timeout=30)
        model.snapshot(tmp_path)
        assert counts.get(timeout=30) == [2, 2]
    assert "cannot be read: Stale file handle" in caplog.text
