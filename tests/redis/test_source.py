"""Redis streams: each entry is learned exactly once, whoever is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from streamer.cluster.worker_log import WorkerLog
from streamer.sources.batching import BATCH_BYTES
from streamer.sources.redis.kind import KIND
from streamer.sources.redis.settings import RedisSettings
from streamer.sources.redis.source import RedisSource
from tests.kafka.process import Daemon, counts, lines_of, words_of
from tests.redis.conftest import Server
from tests.streamer.followed import Reports
from w2v_online import load_vectors

Start = Callable[..., Daemon]


@pytest.fixture
def daemon(server: Server, tmp_path: Path) -> Iterator[Start]:
    """Starts daemons that read stream ``logs``."""
    started: list[Daemon] = []

    def start(*args: str, folder: Path | None = None) -> Daemon:
        process = Daemon(
            "--redis-url",
            server.url,
            "--redis-stream",
            "logs",
            *args,
            folder=folder or tmp_path / "s",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def test_kill_and_resume_equal_an_uninterrupted_run(
    server: Server, daemon: Start, tmp_path: Path
) -> None:
    """The daemon and the server are killed: counts are exact, and vectors the same bytes."""
    lines = lines_of(45_000)
    for life in range(3):
        server.add("logs", lines[15_000 * life : 15_000 * (life + 1)])
        killed = daemon("--snapshot-every", "50000words")
        killed.event("snapshot_written")
        killed.kill()
    last = daemon("--snapshot-every", "1s")
    last.event("redis_stream_begun")
    server.kill()
    last.event("redis_unreachable")
    server.start()
    last.wait_for_words(12 * len(lines))
    assert last.stop() == 0
    whole = daemon("--snapshot-every", "1s", folder=tmp_path / "whole")
    whole.wait_for_words(12 * len(lines))
    assert whole.stop() == 0
    assert counts(tmp_path / "s") == counts(tmp_path / "whole") == words_of(lines)
    one, other = load_vectors(tmp_path / "s"), load_vectors(tmp_path / "whole")
    assert one.words == other.words
    assert np.array_equal(one.vectors, other.vectors)


def _read_ten(server: Server, daemon: Start) -> None:
    """Ten entries are added and learned, and the daemon ends."""
    server.add("logs", [b"a"] * 10)
    process = daemon("--snapshot-every", "1s")
    process.wait_for_words(10)
    assert process.stop() == 0


def test_what_was_removed_unread_and_a_stream_made_again_are_said(
    server: Server, daemon: Start, tmp_path: Path
) -> None:
    _read_ten(server, daemon)
    server.add("logs", [b"b"] * 10)
    server.client().xtrim("logs", maxlen=3, approximate=False)
    again = daemon("--snapshot-every", "1s")
    assert "lost=7" in again.event("redis_entries_trimmed")
    again.wait_for_words(13)
    assert again.stop() == 0
    server.client().delete("logs")
    server.client().xadd("logs", {"message": b"c d"}, id="1-1")
    third = daemon("--snapshot-every", "1s")
    third.event("redis_stream_recreated")
    third.wait_for_words(15)
    assert third.stop() == 0
    assert counts(tmp_path / "s") == {"a": 10, "b": 3, "c": 1, "d": 1}


def test_what_a_stream_lost_that_was_made_again_with_later_ids_is_said(
    server: Server, daemon: Start, tmp_path: Path
) -> None:
    """As one of a server that stores nothing is after its restart: its entries count from 0."""
    _read_ten(server, daemon)
    server.client().delete("logs")
    server.add("logs", [b"b"] * 5)
    server.client().xtrim("logs", maxlen=2, approximate=False)
    again = daemon("--snapshot-every", "1s")
    again.event("redis_stream_recreated")
    assert "lost=3" in again.event("redis_entries_trimmed")
    again.wait_for_words(12)
    assert again.stop() == 0
    assert counts(tmp_path / "s") == {"a": 10, "b": 2}


def test_entries_that_a_crash_took_from_the_server_are_not_missed(
    server: Server, daemon: Start, tmp_path: Path
) -> None:
    """It comes back without what was not on its disk; all was learned, and nothing is again."""
    _read_ten(server, daemon)
    running = daemon("--snapshot-every", "1s")
    running.event("redis_stream_begun")

    def add_and_learn() -> None:
        server.add("logs", [b"b"] * 5)
        running.wait_for_words(15)

    server.restart_without_the_newest(add_and_learn)
    running.event("redis_stream_shorter")
    server.add("logs", [b"c"] * 4)
    running.wait_for_words(19)
    assert running.stop() == 0
    assert counts(tmp_path / "s") == {"a": 10, "b": 5, "c": 4}
    assert "lost_messages=0" in running.event("stopped")


def test_json_in_a_field_and_entries_without_it(
    server: Server, daemon: Start, tmp_path: Path
) -> None:
    server.add("logs", [b'{"text": "one two"}', b"", b'{"text": "three"}'], field="data")
    server.add("logs", [b"x"], field="other")
    process = daemon("--redis-field", "data", "--json-field", "text", "--snapshot-every", "1s")
    said = process.event("redis_field_missing")
    assert "field=data" in said
    assert "fields=other" in said
    process.wait_for_words(3)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == {"one": 1, "two": 1, "three": 1}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--source", "redis"], "--redis-stream"),
        (["--redis-stream", "s", "--redis-url", "redis://:secret@127.0.0.1:1"], "REDIS_PASSWORD"),
        *(
            (["--redis-stream", "s", "--redis-url", url], "REDIS_PASSWORD")
            for url in (
                "redis://127.0.0.1:1/0?password=:secret@",
                "redis://127.0.0.1:1/0?db=1&pass%77ord=:secret@",
                "rediss://127.0.0.1:1/0?ssl_password=:secret@",
                "redis://:with/:secret@127.0.0.1:1",
            )
        ),
        (["--redis-stream", "s", "--redis-url", "http://127.0.0.1"], "redis://"),
        (["--redis-stream", "s", "--redis-url", "redis://127.0.0.1:1?foo=1"], "argument 'foo'"),
        (["--redis-stream", "s", "--kafka-topic", "t"], "one source"),
    ],
)
def test_wrong_settings_stop_the_start(tmp_path: Path, args: list[str], message: str) -> None:
    process = Daemon(*args, folder=tmp_path / "s")
    assert process.process.wait(timeout=60) == 78
    process.wait_for(message)
    assert ":secret@" not in "".join(process.lines)


@pytest.mark.parametrize(
    "parameters",
    ["protocol=3", "decode_responses=true", "legacy_responses=false", "encoding=utf-16"],
)
def test_parameters_of_the_url_do_not_change_how_answers_are_read(
    server: Server, parameters: str
) -> None:
    server.add("logs", [b"a", b"b"])
    settings = RedisSettings(redis_url=f"{server.url}?{parameters}", redis_stream=("logs",))
    source = RedisSource(settings, {}, WorkerLog())
    batch = source.next_batch()
    assert batch is not None
    assert batch.records == b"a\nb\n"
    source.close()


def test_long_entries_are_read_a_few_at_a_time(server: Server) -> None:
    """Each is read once, and the batch stays small enough to be trained in a moment."""
    lines = [b"%d " % i + b"a" * 100_000 for i in range(150)] + [
        b"%d" % i for i in range(150, 3000)
    ]
    server.add("logs", lines)
    settings = RedisSettings(redis_url=server.url, redis_stream=("logs",))
    source = RedisSource(settings, {}, WorkerLog())
    batches: list[bytes] = []
    while batch := source.next_batch():
        if not batch.records:
            break
        batches.append(batch.records)
    source.close()
    assert b"".join(batches).split(b"\n")[:-1] == lines
    assert max(map(len, batches)) < 8 * BATCH_BYTES
    assert max(map(len, batches[1:])) < 2 * BATCH_BYTES
    assert max(batch.count(b"\n") for batch in batches) > 1000


def test_validate_asks_redis(server: Server) -> None:
    server.add("there", [b"one", b"two"])
    server.client().set("text", "no stream")

    def found(stream: str, **options: str) -> list[tuple[str, str]]:
        given = {"redis_url": server.url, "redis_stream": (stream,)} | options
        findings = KIND.findings(RedisSettings.model_validate(given), Reports())
        return [(finding.level, finding.message) for finding in findings]

    assert found("there")[1] == ("ok", "stream there has 2 entries")
    assert found("later")[1][0] == "warning"
    assert found("text")[1] == ("failure", "text is no stream")
    server.client().config_set("requirepass", "sesame")
    ((level, message),) = found("there")
    assert (level, "sesame" in message) == ("failure", False)
    assert found("there", redis_password="sesame")[0][0] == "ok"
