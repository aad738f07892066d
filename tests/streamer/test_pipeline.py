"""The loop with a scripted source: what is committed is on disk, and so are letters before it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamer.checkpoints.folder import SnapshotFolder
from streamer.cluster.worker_log import WorkerLog
from streamer.config.settings import RunSettings
from streamer.daemon import pipeline
from streamer.daemon import run as daemon
from streamer.daemon.runtime import Runtime
from streamer.errors import SourceError
from streamer.sources.base import LocalSource
from streamer.sources.registry import KINDS
from streamer.sources.stdin.kind import StdinKind
from streamer.telemetry.progress import Progress
from streamer.text.batch import Batch, MessageList, Origin
from streamer.tokenizers.registry import tokenizer_of
from w2v_online import load_vectors
from w2v_online.snapshots import reader

ABORT = "abort"
LOSES = "loses"
"""The source is about to lose what it reads from."""

_BAD = b"\xff"


class Scripted(LocalSource):
    """Hands over one record a batch, from ``position`` on; notes what is committed, and when."""

    name = "scripted"

    def __init__(self, script: list[Any], position: dict[str, Any], told: list[Any]) -> None:
        self._script = script
        self._next = int(position.get("record", 0))
        self.told = told

    @property
    def position(self) -> dict[str, Any]:
        return {"record": self._next}

    def next_batch(self) -> Batch | None:
        if self._next == len(self._script):
            return None
        item = self._script[self._next]
        if item == ABORT:
            raise SourceError("aborted")
        self._next += 1
        self.told.append(("read", self._next))
        text = b"" if item == LOSES else item
        origin: Origin = {"offset": self._next - 1}
        return Batch(text + b"\n", self.position, item == LOSES, MessageList([(origin, text)]))

    def stop(self) -> Batch | None:
        return None

    def commit(self, position: dict[str, Any]) -> None:
        self.told.append(("committed", position["record"]))

    def close(self) -> None:
        self.told.append("closed")


class Letters:
    """Dead letters that are stored, or are not."""

    def __init__(self, told: list[Any], *, are_stored: bool) -> None:
        self._told = told
        self._are_stored = are_stored

    def send(self, _document: bytes, origin: Origin, _reason: str) -> None:
        self._told.append(("sent", origin["offset"]))

    def settle(self) -> bool:
        self._told.append(("settled", self._are_stored))
        return self._are_stored

    def close(self) -> None:
        pass


@pytest.fixture
def told() -> list[Any]:
    return []


class Rig:
    """Runs the daemon's loop on a script, in one folder of snapshots."""

    def __init__(self, path: Path, patch: pytest.MonkeyPatch, told: list[Any]) -> None:
        self._path = path
        self._patch = patch
        self._told = told

    def run(self, script: list[Any], *, are_stored: bool = True) -> bool:
        settings = RunSettings(
            snapshot_dir=str(self._path), vector_size=8, min_count=1, max_vocab_size=100,
            progress="off",
        )  # fmt: skip
        log = WorkerLog()
        runtime = SimpleNamespace(
            settings=settings, log=log, kafka_config={}, quality_probe=None, waits=bool,
            folder=SnapshotFolder(settings.snapshot_dir, is_held=True),
            progress=Progress(settings, log), turned=lambda: None, ending=lambda: None,
            signals=SimpleNamespace(stop=False, take_snapshot_request=bool, descriptor=0),
        )  # fmt: skip
        letters = Letters(self._told, are_stored=are_stored)
        positions: list[dict[str, Any]] = []

        kind = StdinKind()
        self._patch.setattr(kind, "open", lambda *_: Scripted(script, positions[0], self._told))
        self._patch.setattr(kind, "open_dead_letters", lambda *_: letters)
        self._patch.setitem(KINDS, "stdin", kind)
        tokenizer = tokenizer_of(settings)
        learner, manifest = runtime.folder.open_learner(settings, tokenizer.identity, log)
        positions.append(manifest.get("positions", {}).get("scripted", {}))
        with ExitStack() as opened:
            made = cast(Runtime, runtime)
            parts = daemon._make_parts(made, learner, tokenizer, manifest, opened)
            return pipeline.run(parts, made)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[Any]) -> Rig:
    return Rig(tmp_path / "s", monkeypatch, told)


def _saved(path: Path) -> tuple[int, dict[str, int]]:
    """Position and words of the newest snapshot."""
    found = load_vectors(path / "s")
    counts = dict(zip(found.words, map(int, found.counts), strict=True))
    return found.manifest["positions"]["scripted"]["record"], counts


def test_what_is_read_is_committed_once_it_is_on_disk(
    rig: Rig, told: list[Any], tmp_path: Path
) -> None:
    assert rig.run([b"a b", b"a c"])
    assert told[-2:] == [("committed", 2), "closed"]
    assert _saved(tmp_path) == (2, {"a": 2, "b": 1, "c": 1})


def test_a_source_that_aborts_before_anything_was_read_is_no_end(rig: Rig) -> None:
    with pytest.raises(SourceError, match="aborted"):
        rig.run([ABORT])


def test_a_source_that_aborts_is_resumed_after_the_last_record(
    rig: Rig, told: list[Any], tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="aborted"):
        rig.run([b"a", b"b", ABORT, b"c"])
    assert _saved(tmp_path) == (2, {"a": 1, "b": 1})
    assert told[-2:] == [("committed", 2), "closed"]
    told.clear()
    assert rig.run([b"a", b"b", b"c"])
    assert told[0] == ("read", 3)
    assert _saved(tmp_path) == (3, {"a": 1, "b": 1, "c": 1})


def test_before_a_source_loses_what_it_reads_all_of_it_is_on_disk(
    rig: Rig, told: list[Any], tmp_path: Path
) -> None:
    assert rig.run([b"a", LOSES, b"b"])
    assert told.index(("committed", 2)) < told.index(("read", 3))
    assert len(reader.folders(tmp_path / "s")) == 2


def test_dead_letters_are_stored_before_the_checkpoint_that_passes_them(
    rig: Rig, told: list[Any], tmp_path: Path
) -> None:
    assert rig.run([b"a", _BAD, LOSES])
    order = [what for what in told if what[0] in ("sent", "settled", "committed")]
    assert order[:3] == [("sent", 1), ("settled", True), ("committed", 3)]
    assert load_vectors(tmp_path / "s").manifest["counters"] == {"invalid_records": 1}


def test_without_its_dead_letters_no_checkpoint_is_written(
    rig: Rig, told: list[Any], tmp_path: Path
) -> None:
    """After a restart the bad message is read again, and its letter sent again."""
    assert not rig.run([b"a", _BAD, LOSES], are_stored=False)
    assert ("settled", False) in told
    assert not [what for what in told if what[0] == "committed"]
    assert reader.folders(tmp_path / "s") == []
    assert rig.run([b"a", _BAD, LOSES])
    assert told.count(("sent", 1)) == 2
