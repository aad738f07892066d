"""Snapshots made behind the learner's back are of one moment, to the last byte."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.errors import SnapshotError
from w2v_online.learning import huffman
from w2v_online.learning.saving import rowcopy
from w2v_online.learning.saving.background import BackgroundSnapshot

SMALL = LearnerConfig(vector_size=12, min_count=1, max_vocab_size=800)


def _texts(seed: int, words: int = 1500) -> Iterator[bytes]:
    rng = np.random.default_rng(seed)
    while True:
        numbers = rng.zipf(1.2, (40, 20)) % words
        yield b"".join(" ".join(f"w{n}" for n in line).encode() + b"\n" for line in numbers)


def _wait(snapshot: BackgroundSnapshot) -> Path:
    deadline = time.monotonic() + 180
    while (path := snapshot.result()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return path


def _wait_ready(snapshot: BackgroundSnapshot) -> None:
    deadline = time.monotonic() + 180
    while not snapshot.is_ready():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _files(path: Path) -> dict[str, bytes]:
    names = [file for file in path.rglob("*.*") if file.name != "manifest.json"]
    return {str(file.relative_to(path)): file.read_bytes() for file in names}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying in so small pieces that learning overtakes it everywhere."""
    monkeypatch.setattr(rowcopy, "_STEP_ROWS", 16)
    monkeypatch.setattr(rowcopy, "_SAVED_BYTES", 2000)
    write = rowcopy.RowCopy._write

    def slowly(copy: rowcopy.RowCopy, *args: object) -> None:
        time.sleep(0.0005)
        write(copy, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(rowcopy.RowCopy, "_write", slowly)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("options", [{}, {"threads": 3}, {"loss": "hs"}])
def test_it_is_of_the_moment_of_the_cut(
    tmp_path: Path, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words are learned, evicted and forgotten while it is written; none of that is in it.

    Nor are words that are grouped anew, which they are all the time.
    """
    monkeypatch.setattr(huffman, "GROUPING_WORDS", 1)
    monkeypatch.setattr(huffman, "GROUPING_GROWTH", 1)
    learner = OnlineWord2Vec(SMALL.model_copy(update=options))
    texts = _texts(1)
    for _ in range(30):
        learner.learn_text(next(texts))
    evicted, saved, groupings = learner.evicted_words, 0, 0
    for number in range(3):
        background = learner.begin_snapshot(tmp_path / "background")
        while not background.is_ready():
            learner.learn_text(next(texts), wait=False)
        expected = _files(learner.snapshot(tmp_path / "at once"))
        background.cut()
        rows = len(learner.embeddings)
        outputs = learner.embeddings.matrices.syn1
        for _ in range(10):
            learner.learn_text(next(texts), wait=False)
        groupings += learner.embeddings.matrices.syn1 is not outputs
        learner.forget([f"w{number}", f"w{number + 50}"])
        learner.flush()
        assert _files(_wait(background)) == expected
        saved += background._vectors._next_place - rows
    assert saved > 0
    assert groupings == (3 if learner.config.loss == "hs" else 0)
    assert learner.evicted_words > evicted
    OnlineWord2Vec.restore(tmp_path / "background")


@pytest.mark.usefixtures("small_steps")
def test_the_model_does_not_depend_on_snapshots(tmp_path: Path) -> None:
    quiet, disturbed = OnlineWord2Vec(SMALL), OnlineWord2Vec(SMALL)
    texts = _texts(2)
    running: BackgroundSnapshot | None = None
    for _ in range(60):
        text = next(texts)
        quiet.learn_text(text)
        disturbed.learn_text(text)
        if running is None:
            running = disturbed.begin_snapshot(tmp_path / "s")
        elif running.is_ready():
            running.cut()
        elif running.result() is not None:
            running = None
    if running is not None:
        running.cancel()
    one, two = quiet.snapshot(tmp_path / "a"), disturbed.snapshot(tmp_path / "b")
    assert _files(one) == _files(two)


def test_a_change_that_was_not_announced_is_noticed(tmp_path: Path) -> None:
    """Whoever forgets to save rows first gets no snapshot, instead of a wrong one."""
    learner = OnlineWord2Vec(SMALL)
    learner.learn_text(next(_texts(3)))
    background = learner.begin_snapshot(tmp_path)
    _wait_ready(background)
    background._start = lambda work: work  # type: ignore[assignment, method-assign, return-value]
    background.cut()
    write = background._thread
    learner.embeddings.matrices.syn0[3] += 1.0
    learner.embeddings.matrices.updates0[3] += 1
    with pytest.raises(SnapshotError, match="without being saved"):
        write()  # type: ignore[operator]


@pytest.mark.parametrize("after", [0, 5])
def test_a_full_disk_costs_the_snapshot_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    learner = OnlineWord2Vec(SMALL)
    texts = _texts(4)
    learner.learn_text(next(texts))
    calls = iter(range(1000))

    def full(*_args: object) -> int:
        if next(calls) < after:
            return 1
        raise OSError(28, os.strerror(28))

    background = learner.begin_snapshot(tmp_path)
    _wait_ready(background)
    monkeypatch.setattr(os, "pwrite", full)
    background.cut()
    learner.learn_text(next(texts))
    with pytest.raises(SnapshotError, match=r"vectors\.rows cannot be written: No space left"):
        _wait(background)
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())
    learner.learn_text(next(texts))
    OnlineWord2Vec.restore(learner.snapshot(tmp_path))


@pytest.mark.parametrize("name", ["vectors", "output_vectors", "averages"])
def test_a_file_that_cannot_be_opened_costs_the_snapshot_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """For want of descriptors, say."""
    learner = OnlineWord2Vec(SMALL)
    learner.learn_text(next(_texts(4)))
    really_open = os.open

    def refuse(path: Path, *rest: int, **options: int) -> int:
        if Path(path).name == f"{name}.rows":
            raise OSError(24, os.strerror(24))
        return really_open(path, *rest, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SnapshotError, match=rf"{name}\.rows"):
        learner.begin_snapshot(tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def test_a_cancelled_one_leaves_nothing(tmp_path: Path) -> None:
    learner = OnlineWord2Vec(SMALL)
    learner.learn_text(next(_texts(5)))
    for is_cut in (False, True):
        background = learner.begin_snapshot(tmp_path)
        if is_cut:
            _wait_ready(background)
            background.cut()
        path = background.cancel()
        assert [path] == list(tmp_path.glob("0*")) or (path, list(tmp_path.iterdir())) == (None, [])
