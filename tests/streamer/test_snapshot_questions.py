"""Questions about several snapshots where none is left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

from streamer.http.archive import Archive
from streamer.http.atlas import Atlas
from streamer.http.question import Kept
from streamer.http.scorer import KeptScorer
from streamer.http.snapshot_questions import Changes, Drift
from w2v_online import LearnerConfig, OnlineWord2Vec


def test_a_folder_that_was_deleted_is_told(tmp_path: Path) -> None:
    """The newest snapshot is still in memory, and there is nothing to compare it with."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1, max_vocab_size=9))
    model.learn([["a", "b"]])
    model.snapshot(tmp_path / "s")
    archive = Archive(tmp_path / "s")
    kept = Kept(archive.newest(), archive, Atlas(archive), KeptScorer(archive.folder))
    shutil.rmtree(tmp_path / "s")
    for question in (Drift(), Changes()):
        with pytest.raises(HTTPException, match="there are no snapshots any more"):
            question.answer(kept)
