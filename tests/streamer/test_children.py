"""Processes that the daemon starts of itself: those that anneal and that draw maps."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamer.checkpoints.annealer import Annealer
from streamer.config.settings import RunSettings
from streamer.config.types import Interval
from streamer.daemon import run
from streamer.http.map_process import MapProcess
from tests.integration.daemons import wait_until
from tests.streamer.followed import Reports
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.snapshots.retention import Retention

CONFIG = LearnerConfig(vector_size=8, min_count=1, max_vocab_size=100, replay=1)


def test_files_in_the_working_directory_are_not_taken_for_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the folder's name have to be text."""
    learner = OnlineWord2Vec(CONFIG)
    learner.learn([f"w{i % 40} w{i % 7} the of".split() for i in range(400)])
    snapshot = learner.snapshot(tmp_path / os.fsdecode(b"s\xe9"))
    (tmp_path / "copy.py").write_text("raise ImportError('not the module that is meant')\n")
    monkeypatch.chdir(tmp_path)
    assert len(MapProcess().draw(snapshot, 10, [], None).layout.words) == 10
    annealer = Annealer(
        "annealed", 1, lambda: 1, Interval(words=1), lambda: 1, set(), log := Reports()
    )
    annealer._timetable._due_words = 0
    annealer.offer(snapshot)
    wait_until(lambda: annealer.written + annealer.failures > 0)
    annealer.close()
    assert (annealer.written, annealer.failures) == (1, 0), log.events
    assert len(load_vectors("annealed")) > 0


def test_sighup_changes_how_many_annealed_snapshots_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    in_use: set[str] = set()

    def start(command: list[str], **_options: Any) -> Any:
        assert in_use == {"checkpoint"}  # it must not be deleted while it is read
        kept.append(command[command.index("--keep") + 1])
        return SimpleNamespace(pid=0, returncode=0, communicate=lambda: ("", ""), poll=lambda: 0)

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(os, "setpriority", lambda *_: None)
    settings = RunSettings.model_validate({"replay": 1, "anneal_every": "1words"})
    learner, checkpointer = SimpleNamespace(total_words=0), SimpleNamespace(keep=Retention())
    make: Any = run._make_annealer
    annealer = make(settings, learner, checkpointer, SimpleNamespace(in_use=in_use), Reports())
    for learner.total_words, checkpointer.keep in ((1, Retention()), (2, Retention(vectors=2))):
        annealer.offer(Path("checkpoint"))
        annealer._thread.join()
        assert not in_use
    assert kept == ["5", "2"]
