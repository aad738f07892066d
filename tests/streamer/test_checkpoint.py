"""Checkpoints: what is damaged is named and passed over, what fails is tried again."""

from __future__ import annotations

import errno
import os
import random
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamer.checkpoints.checkpointer import Checkpointer
from streamer.checkpoints.entries import Entries
from streamer.checkpoints.folder import SnapshotFolder
from streamer.checkpoints.timetable import GRACE_SECONDS, RETRY_SECONDS
from streamer.config.settings import RunSettings
from streamer.config.types import Interval
from streamer.errors import ConfigurationError
from w2v_online import OnlineWord2Vec, load_vectors
from w2v_online.errors import SnapshotError
from w2v_online.learning.score import load_scorer
from w2v_online.snapshots import reader
from w2v_online.snapshots.retention import Retention

_SETTINGS = RunSettings(vector_size=8, min_count=1, max_vocab_size=500)


class Log:
    """Remembers events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.events.append((event, values))

    warning = error = info

    def of(self, event: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == event]


class Rig:
    """A checkpointer with a learner and a clock of its own."""

    def __init__(
        self, path: Path, every: Interval, vectors_every: Interval | None = None, **options: bool
    ) -> None:
        self.now = 0.0
        self.log = Log()
        self.learner = OnlineWord2Vec(_SETTINGS.learner_config, tokenizer="whitespace")
        self.folder = SnapshotFolder(str(path))
        self.entries = Entries("test")
        self.checkpointer = Checkpointer(
            self.learner, self.folder, self.entries, every, Retention(3), self.log,
            vectors_every=vectors_every, settle=self.settle, clock=lambda: self.now, **options,
        )  # fmt: skip
        self.read = 0
        self.durable: dict[str, Any] | None = None
        """The newest position that was handed back,"""
        self.commits = 0
        """and how often one was."""
        self.has_settled = True
        self.settled_at: list[int] = []

    @property
    def position(self) -> dict[str, Any]:
        return {"record": self.read}

    def settle(self) -> bool:
        self.settled_at.append(self.read)
        return self.has_settled

    def turn(self, **wanted: bool) -> None:
        """One turn of the pipeline."""
        self.learner.learn_text(b"a b c %d\n" % self.read)
        self.read += 1
        durable = self.checkpointer.advance(self.position, **wanted)
        if durable is not None:
            self.durable = durable
            self.commits += 1

    def turn_until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 180
        while not condition():
            assert time.monotonic() < deadline
            self.turn()


def test_the_position_is_durable_only_when_its_snapshot_is(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Interval(seconds=60))
    rig.turn()
    assert rig.durable is None
    assert not rig.checkpointer.is_preparing
    rig.now = 61
    rig.turn_until(lambda: rig.durable)
    assert rig.durable is not None
    manifest = load_vectors(tmp_path).manifest
    assert manifest["positions"] == {"test": rig.durable}
    assert manifest["totals"]["records"] == rig.durable["record"] < rig.read
    assert "pause_seconds" in rig.log.of("snapshot_written")[0]
    assert not rig.checkpointer.is_saved(rig.position)
    for _ in range(20):
        rig.turn()
    assert rig.commits == 1


def test_vectors_alone_are_written_once_in_a_span(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Interval(seconds=1e9), vectors_every=Interval(seconds=60))
    rig.turn()
    rig.now = 61
    rig.turn_until(lambda: reader.folders(tmp_path) and not rig.checkpointer.is_writing)
    for _ in range(50):
        rig.turn()
    assert not rig.checkpointer.is_preparing
    assert not rig.checkpointer.is_writing


def test_a_checkpoint_waits_for_the_dead_letters_that_precede_it(tmp_path: Path) -> None:
    """One that is prepared is cut in the turn in which they are stored, not before."""
    rig = Rig(tmp_path, Interval(seconds=1e9))
    rig.has_settled = False
    rig.turn(is_wanted=True)
    rig.turn_until(lambda: rig.settled_at)
    for _ in range(5):
        rig.turn()
    assert not reader.folders(tmp_path)
    assert rig.checkpointer.is_preparing
    rig.has_settled = True
    rig.turn()
    cut_at = rig.settled_at[-1]
    assert cut_at == rig.read
    assert not rig.checkpointer.is_preparing
    rig.turn_until(lambda: rig.durable)
    assert rig.durable == {"record": cut_at}
    assert rig.settled_at[-1] == cut_at


def test_what_is_wanted_at_once_is_on_disk_unless_dead_letters_are_not(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Interval(seconds=1e9))
    rig.has_settled = False
    rig.turn(at_once=True)
    assert (rig.durable, reader.folders(tmp_path)) == (None, [])
    assert not rig.checkpointer.is_saved(rig.position)
    rig.has_settled = True
    rig.turn(is_wanted=True)
    rig.turn(at_once=True)  # does not wait for the other one
    assert rig.durable == rig.position == {"record": 3}
    assert rig.checkpointer.is_saved(rig.position)
    assert not rig.checkpointer.is_preparing
    assert not rig.checkpointer.is_writing
    written = reader.folders(tmp_path)
    assert load_vectors(tmp_path).manifest["positions"] == {"test": rig.position}
    assert rig.checkpointer.advance(rig.position, at_once=True) is None
    assert reader.folders(tmp_path) == written


def test_a_failed_one_is_counted_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path, Interval(words=10))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    rig.turn_until(lambda: rig.log.of("snapshot_failed"))
    assert rig.checkpointer.written.failures == 1
    assert "0 MiB free" in rig.log.of("snapshot_failed")[0]["reason"]
    for _ in range(20):
        rig.turn()
    assert rig.checkpointer.written.failures == 1
    monkeypatch.undo()
    rig.now += RETRY_SECONDS
    rig.turn_until(lambda: rig.log.of("snapshot_written"))


def test_snapshots_that_cannot_be_uploaded_do_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is whole on this machine, and tried again for as long as the store is away."""
    rig = Rig(tmp_path, Interval(words=10))

    def store(path: Path) -> None:
        raise SnapshotError("the store does not answer")

    monkeypatch.setattr(rig.folder, "store", store)
    for failures in range(1, 7):
        rig.now += RETRY_SECONDS
        rig.turn_until(lambda number=failures: len(rig.log.of("snapshot_failed")) == number)
    rig.checkpointer.cancel()
    assert len(reader.folders(tmp_path)) == 3


def test_old_ones_stay_until_whoever_may_go_back_to_them_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Interval(seconds=60), prunes=False)
    for _ in range(5):
        rig.turn(at_once=True)
    rig.checkpointer.cancel()
    assert len(reader.folders(tmp_path)) == 5
    rig.checkpointer.prune()
    rig.checkpointer.cancel()
    assert len(reader.folders(tmp_path)) == 3


def test_a_daemon_is_ready_while_checkpoints_come_as_often_as_they_should_by_now(
    tmp_path: Path,
) -> None:
    """By the interval that holds since it was changed; by words, until one fails."""
    rig = Rig(tmp_path, Interval(seconds=100))
    rig.now = 2 * 100 + GRACE_SECONDS - 1
    assert rig.checkpointer.is_recent()
    rig.now += 1
    assert not rig.checkpointer.is_recent()
    rig.checkpointer.change(Interval(seconds=101), Retention(), None)
    assert rig.checkpointer.is_recent()
    rig.now = 1e6
    rig.checkpointer.change(Interval(words=10), Retention(), None)
    assert rig.checkpointer.is_recent()
    with pytest.MonkeyPatch.context() as patch:
        usage = shutil.disk_usage(tmp_path)
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
        rig.turn_until(lambda: rig.log.of("snapshot_failed"))
        assert not rig.checkpointer.is_recent()
    rig.now += RETRY_SECONDS
    rig.turn_until(lambda: rig.log.of("snapshot_written"))
    assert rig.checkpointer.is_recent()


def test_one_that_is_wanted_while_another_is_prepared_comes_after_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Interval(seconds=1e9))
    rig.turn(is_wanted=True)
    assert rig.checkpointer.is_preparing or rig.checkpointer.is_writing
    rig.turn(is_wanted=True)
    rig.turn_until(lambda: rig.commits == 2)
    rig.turn(at_once=True)
    assert load_vectors(tmp_path).manifest["totals"]["records"] == rig.read


def test_vectors_alone_come_in_between_and_move_no_position(tmp_path: Path) -> None:
    """Readers get them as the newest; whoever resumes goes on from the checkpoint before."""
    rig = Rig(tmp_path, Interval(seconds=60), vectors_every=Interval(words=40))
    rig.turn(is_wanted=True)
    rig.turn_until(lambda: rig.log.of("snapshot_written"))
    durable = rig.durable
    assert durable is not None
    rig.turn_until(lambda: len(rig.log.of("vectors_written")) == 2)
    assert rig.commits == 1
    assert (rig.checkpointer.written.snapshots, rig.checkpointer.vectors_snapshots) == (1, 2)
    rig.turn()
    newest = load_vectors(tmp_path)
    assert str(newest.path) == rig.log.of("vectors_written")[-1]["path"]
    assert newest.path.name.endswith("-vectors")
    assert "positions" not in newest.manifest
    assert not (newest.path / "state").exists()
    assert newest.manifest["totals"]["words"] > 4 * durable["record"]
    learner, manifest = rig.folder.open_learner(_SETTINGS, "whitespace", Log())
    assert manifest["positions"] == {"test": durable}
    assert learner.total_words == 4 * durable["record"]
    with pytest.raises(SnapshotError, match="vectors only"):
        OnlineWord2Vec.restore(newest.path)
    assert OnlineWord2Vec.restore(tmp_path).total_words == learner.total_words
    assert load_scorer(tmp_path).model.total_words == learner.total_words


def test_what_readers_get_is_the_same_with_the_learners_state_and_without(tmp_path: Path) -> None:
    """Written at once or behind the learner's back, vectors alone are those of a checkpoint."""
    learner = OnlineWord2Vec(_SETTINGS.learner_config, tokenizer="whitespace")
    learner.learn_text(b"".join(b"w%d w%d\n" % (i % 90, i % 7) for i in range(3000)))
    whole = load_vectors(learner.snapshot(tmp_path / "s"))
    assert (whole.table.vectors != learner.embeddings.vectors[: len(whole)]).any()  # averages
    begun = learner.begin_snapshot(tmp_path / "s", vectors_only=True)
    while (path := begun.result()) is None:
        if begun.is_ready():
            begun.cut()
            learner.learn_text(b"w1 w2 w3 w4\n" * 50)
    learner = OnlineWord2Vec.restore(whole.path)
    for found in (path, learner.snapshot(tmp_path / "s", vectors_only=True)):
        for name in ("words.txt", "vectors.npy", "counts.npy", "norms.npy", "word_places.npy"):
            assert (found / name).read_bytes() == (whole.path / name).read_bytes()
        reader.read(found).verify()


def test_damage_at_any_place_is_named_and_the_snapshot_before_taken(tmp_path: Path) -> None:
    """A flipped bit or a cut at 200 places of the newest snapshot, in every kind of file."""
    learner = OnlineWord2Vec(_SETTINGS.learner_config, tokenizer="whitespace")
    for number in range(2):
        learner.learn_text(b"".join(b"w%d w%d\n" % (i % 300, i % 7) for i in range(500)))
        newest = learner.snapshot(tmp_path / "s", positions={"n": {"n": number}})
    files = sorted(file for file in newest.rglob("*.*"))
    folder = SnapshotFolder(str(tmp_path / "s"))
    chance = random.Random(1)
    for number in range(200):
        file = files[number % len(files)]
        intact = file.read_bytes()
        place = chance.randrange(len(intact))
        damaged = bytearray(intact)
        damaged[place] ^= 1 << chance.randrange(8)
        file.write_bytes(intact[:place] if number % 3 == 0 else damaged)
        log = Log()
        _, manifest = folder.open_learner(_SETTINGS, "whitespace", log)
        assert manifest["positions"] == {"n": {"n": 0}}, file
        assert [str(file) in event["reason"] for event in log.of("snapshot_damaged")] == [True]
        if file.name in ("manifest.json", "words.txt", "vectors.npy", "counts.npy"):
            with pytest.raises(SnapshotError, match=file.name.replace(".", r"\.")):
                load_vectors(newest, verify=True)
        file.write_bytes(intact)
    _, manifest = folder.open_learner(_SETTINGS, "whitespace", Log())
    assert manifest["positions"] == {"n": {"n": 1}}


def test_another_tokenizer_or_size_is_refused(tmp_path: Path) -> None:
    learner = OnlineWord2Vec(_SETTINGS.learner_config, tokenizer="words")
    learner.snapshot(tmp_path / "s")
    folder = SnapshotFolder(str(tmp_path / "s"))
    other = _SETTINGS.model_copy(update={"vector_size": 9})
    with pytest.raises(ConfigurationError, match=r"vector_size is 8 there and 9 here, tokenizer"):
        folder.open_learner(other, "whitespace", Log())
    assert reader.read(tmp_path / "s")


@pytest.mark.parametrize(
    ("number", "is_fatal"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_folders_that_cannot_be_synced_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_fatal: bool
) -> None:
    """CIFS, vboxsf and some of FUSE's file systems refuse it; their files are synced."""
    true_fsync, synced = os.fsync, []

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        synced.append(descriptor)
        true_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    rig = Rig(tmp_path, Interval(seconds=1))
    rig.learner.learn([["a", "b"]])
    rig.checkpointer.advance(rig.position, at_once=True)
    assert bool(rig.log.of("snapshot_failed")) == is_fatal
    assert len(synced) > 5


def test_a_folder_is_held_unless_its_file_system_has_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = SnapshotFolder(str(tmp_path / "a"))
    assert held.is_locked
    with pytest.raises(ConfigurationError, match="used by another w2v-stream"):
        SnapshotFolder(str(tmp_path / "a"))

    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    assert not SnapshotFolder(str(tmp_path / "b")).is_locked


def test_a_kind_that_is_muted_is_saved_though_nothing_was_read_since(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Interval(seconds=1e9))
    rig.turn(at_once=True)
    assert rig.checkpointer.is_saved(rig.position)
    rig.entries.muted = lambda: frozenset({"a kind"})
    assert not rig.checkpointer.is_saved(rig.position)
    rig.checkpointer.advance(rig.position, at_once=True)
    assert rig.checkpointer.is_saved(rig.position)
    assert len(reader.folders(tmp_path)) == 2


def test_a_folder_that_cannot_be_listed_does_not_end_a_run_without_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path, Interval(seconds=1))
    rig.learner.learn([[]])

    def refuse(_: Path) -> None:
        raise SnapshotError("it cannot be listed")

    monkeypatch.setattr(reader, "newest", refuse)
    rig.checkpointer.advance({"record": 1}, at_once=True)
    assert rig.checkpointer.is_saved({"record": 1})


def test_an_empty_learner_is_not_written_unless_positions_must_be_kept(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "a", Interval(seconds=1))
    rig.checkpointer.advance({"record": 7}, at_once=True)
    assert rig.checkpointer.is_saved({"record": 7})
    assert reader.newest(tmp_path / "a") is None
    folder = SnapshotFolder(str(tmp_path / "b"))
    keeps = Checkpointer(
        rig.learner, folder, Entries("test"), Interval(seconds=1), Retention(3), rig.log,
        writes_empty=lambda: True,
    )  # fmt: skip
    assert keeps.advance({"record": 7}, at_once=True) == {"record": 7}


@pytest.mark.parametrize("in_background", [False, True])
def test_everything_is_synced_before_a_snapshot_appears_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_background: bool
) -> None:
    """What a power cut would leave must be complete."""
    steps: list[tuple[str, str]] = []
    true_fsync, true_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        steps.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        true_fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        steps.append(("rename", str(path)))
        return true_rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    rig = Rig(tmp_path, Interval(seconds=1))
    rig.learner.learn([["a", "b"]] * 10)
    if in_background:
        deadline = time.monotonic() + 60
        rig.checkpointer.advance(rig.position, is_wanted=True)
        while not rig.log.of("snapshot_written"):
            assert time.monotonic() < deadline
            rig.checkpointer.advance(rig.position)
    else:
        rig.checkpointer.advance(rig.position, at_once=True)
    (path,) = [Path(values["path"]) for values in rig.log.of("snapshot_written")]
    written = path.with_name(f".writing-{path.name}")
    appears = steps.index(("rename", str(written)))
    synced = {name for what, name in steps[:appears] if what == "sync"}
    files = {str(written / file.relative_to(path)) for file in path.rglob("*")}
    assert files | {str(written)} <= synced
    latest = steps.index(("rename", str(tmp_path / ".writing-LATEST")))
    assert ("sync", str(tmp_path)) in steps[appears:latest]
    assert ("sync", str(tmp_path / ".writing-LATEST")) in steps[:latest]
