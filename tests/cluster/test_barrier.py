"""What a barrier's checkpoint holds, whoever is late: driver, sessions and shards without Ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamer.cluster.messages import Beginning
from streamer.cluster.worker_log import WorkerLog
from streamer.config.cluster_settings import ClusterSettings
from streamer.daemon import build
from streamer.sources.base import Piece
from tests.kafka.process import counts
from w2v_online.sharing.merge import EpochError
from w2v_online.snapshots import reader
from w2v_online.snapshots.retention import Retention

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

from streamer.cluster import relay
from streamer.cluster.driver import Driver
from streamer.cluster.mark import Mark
from streamer.cluster.session import Session
from streamer.cluster.shard import Shard

_EPOCH = 1
_SYNC_EVERY = 2000


class _Handle:
    """A shard's handle whose calls are answered at once."""

    def __init__(self, shard: Shard) -> None:
        self.exchange = SimpleNamespace(remote=shard.exchange)


class _LateFirst:
    """Workers whose first one is always the last to be reached, while the others go on."""

    def __init__(self, sessions: list[Session]) -> None:
        self.workers = sessions

    def ask(
        self, members: list[Session], method: str, arguments: Any, *, seconds: float
    ) -> list[Any]:
        answers = []
        for number in reversed(range(len(members))):
            _epoch, *given = arguments(number)
            answers.append(getattr(members[number], method)(*given))
            if number > 0 and method == "release":
                members[number]._turn()
        return answers[::-1]


@pytest.fixture
def settings(tmp_path: Path) -> ClusterSettings:
    """A stream of two files, each of several batches."""
    for name in ("a", "b"):
        lines = (f"{name}{i % 90} both{i % 7}\n" for i in range(200_000))
        (tmp_path / f"{name}.log").write_text("".join(lines))
    return ClusterSettings(
        source="file", path=str(tmp_path / "*.log"), snapshot_dir=str(tmp_path / "s"),
        errors="stop", vector_size=8, max_vocab_size=1000, min_count=1, sync_every=_SYNC_EVERY,
        workers=2, shards=2,
    )  # fmt: skip


@pytest.fixture
def sessions(
    settings: ClusterSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Session]]:
    """Two workers that have learned a batch each."""
    monkeypatch.setattr(
        relay,
        "ray",
        SimpleNamespace(get=lambda answers: answers, wait=lambda answers, **_: (answers, [])),
    )
    shards = [Shard(settings.learner_config, 2, 2) for _ in range(2)]
    for shard in shards:
        shard.begin(_EPOCH)
    events = WorkerLog()
    tokenizer = build.warm_tokenizer(settings, events)
    made = []
    for number, name in enumerate(("a", "b")):
        share = frozenset([Piece(str(tmp_path / f"{name}.log"))])
        beginning = Beginning(epoch=_EPOCH, share=share, readers=2, snapshot=None)
        handles = [_Handle(shard) for shard in shards]
        made.append(Session(number, settings, beginning, handles, tokenizer, events))
    for session in made:
        session._turn()
    yield made
    for session in made:
        session.end()


def _driver(settings: ClusterSettings, sessions: list[Session], tmp_path: Path) -> Driver:
    pieces = {Piece(str(tmp_path / f"{name}.log")): 1.0 for name in ("a", "b")}
    log = SimpleNamespace(info=lambda *_, **__: None, debug=lambda *_, **__: None)
    runtime = SimpleNamespace(progress=None, signals=None, log=log)
    driver = Driver(
        settings,
        Mark(),
        cast(Any, _LateFirst(sessions)),
        cast(Any, SimpleNamespace(find=lambda _position: pieces)),
        cast(Any, runtime),
    )
    driver._shares.begin(2, {})
    return driver


def _write(worker: Session) -> None:
    """Learn on until a snapshot is on disk."""
    before = worker.report().written.snapshots
    while worker.report().written.snapshots == before:
        worker._turn()


def test_what_a_released_worker_learns_is_in_no_checkpoint_of_the_barrier(
    settings: ClusterSettings, sessions: list[Session], tmp_path: Path
) -> None:
    """Worker 0, which writes it, may be reached long after the others have gone on."""
    driver = _driver(settings, sessions, tmp_path)
    before = sessions[1].report().exchanges
    assert driver._barrier(is_last=False)
    assert sessions[1].report().exchanges > before + 2  # it has sent what it learned since
    _write(sessions[0])
    snapshot = reader.newest_whole(tmp_path / "s")
    assert snapshot is not None
    expected: Counter[str] = Counter()
    for path, (log,) in snapshot.manifest["positions"]["file"].items():
        expected.update(Path(path).read_bytes()[: log["offset"]].decode().split())
    assert sum(expected.values()) > 100_000
    assert counts(tmp_path / "s") == expected


def test_the_snapshot_to_roll_back_to_stays_until_the_driver_knows_the_next(
    settings: ClusterSettings, sessions: list[Session], tmp_path: Path
) -> None:
    """The report of it may be lost with a worker."""
    driver = _driver(settings, sessions, tmp_path)
    driver._keep = Retention(1)
    for _ in range(2):
        assert driver._barrier(is_last=False)
        _write(sessions[0])
    assert len(reader.folders(tmp_path / "s")) == 2
    sessions[0].commit({})
    sessions[0].end()
    assert len(reader.folders(tmp_path / "s")) == 1


def test_a_batch_that_a_barrier_waits_for_is_finished_without_another_exchange(
    sessions: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine answers take long, and a batch early in training has many exchanges."""
    worker = sessions[1]
    begin = worker._relay.begin

    def begin_and_hold(**options: bool) -> None:
        begin(**options)
        worker._is_held = True  # as hold does in another thread, before it waits for the batch

    monkeypatch.setattr(worker._relay, "begin", begin_and_hold)
    before, words = worker.report().exchanges, worker.report().total_words
    worker._turn()
    assert worker.report().total_words - words > 20 * _SYNC_EVERY
    assert worker.report().exchanges - before <= 1
    worker.hold()
    assert not any(len(update.counts.increments) for update in worker._exchange.take())


def test_a_worker_that_failed_within_a_batch_is_not_held(
    sessions: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part of the batch is in its model, and no position tells which."""

    def fail() -> None:
        raise RuntimeError("out of luck")

    worker = sessions[1]
    monkeypatch.setattr(worker, "_exchange_if_due", fail)
    worker.run()
    assert "out of luck" in worker.report().breakdown
    with pytest.raises(EpochError):
        worker.hold()


def test_a_worker_that_stops_at_an_invalid_record_is_held(
    sessions: list[Session], tmp_path: Path
) -> None:
    """What it learned until then is to be saved, and the failure names the record."""
    with (tmp_path / "b.log").open("ab") as file:
        file.write(b"\xff\n")
    worker = sessions[1]
    worker.run()
    assert "b.log" in worker.report().failure
    assert not worker.report().breakdown
    (log,) = next(iter(worker.hold().position.values()))
    assert log["offset"] > 1_000_000
