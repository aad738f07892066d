"""``publish`` as a user runs it: once, following a model, and killed in between."""

from __future__ import annotations

import shutil
import signal
import socket
from pathlib import Path

import numpy as np
import pytest

from streamer.publishing.report import read_all
from tests.integration.daemons import start, wait_until
from tests.integration.test_cli import run
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors

lancedb = pytest.importorskip("lancedb")


def _held(folder: Path) -> dict[str, np.ndarray]:
    tables = lancedb.connect(folder)
    try:
        rows = tables.open_table("w2v_stream_vectors").to_arrow().to_pylist()
    except (ValueError, FileNotFoundError):
        return {}
    return {row["word"]: np.array(row["vector"]) for row in rows}


def _is_in_step(folder: Path, wv: WordVectors) -> bool:
    held = _held(folder)
    return held.keys() == set(wv.words) and all(
        float(v @ wv[w] / (np.linalg.norm(v) * np.linalg.norm(wv[w]))) > 0.999 - 1e-5
        for w, v in held.items()
    )


def test_a_store_follows_a_model(tmp_path: Path) -> None:
    """Through SIGKILL of the publisher; SIGTERM ends it with exit code 0."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=6, min_count=1, max_vocab_size=300))
    generator = np.random.default_rng(1)

    def learn() -> WordVectors:
        words = generator.integers(0, 900, (300, 8))
        model.learn([[f"w{word}" for word in record] for record in words])
        return load_vectors(model.snapshot(tmp_path / "s"))

    learn()
    arguments = ("publish", tmp_path / "s", "--to", f"lancedb://{tmp_path}/lance", "--follow")
    for turn in range(3):
        log = tmp_path / f"log{turn}"
        process = start(log, *arguments)
        wait_until(lambda: "event=published" in log.read_text())  # noqa: B023
        newest = learn()
        if turn < 2:
            process.kill()
            process.wait()
            continue
        wait_until(lambda: _is_in_step(tmp_path / "lance", newest))  # noqa: B023
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    newest = learn()
    result = run(*arguments[:-1])
    assert result.returncode == 0, result.stderr
    assert _is_in_step(tmp_path / "lance", newest)
    result = run(*arguments[:-1])
    assert "upserted=0 deleted=0" in result.stderr
    assert "upserted=300" in run(*arguments[:-1], "--full").stderr
    [report] = read_all(tmp_path / "s")
    assert (report.snapshot, report.words) == (newest.path.name, 300)
    assert report.upserted > 600
    assert (report.failures, report.error) == (0, "")


def test_what_goes_wrong_is_said(tmp_path: Path) -> None:
    model = OnlineWord2Vec(LearnerConfig(vector_size=6, min_count=1))
    model.learn([["a", "b"]])
    model.snapshot(tmp_path)
    result = run("publish", tmp_path, "--to", "mysql://host/db")
    assert (result.returncode, "use one of kafka://" in result.stderr) == (78, True)
    result = run("publish", tmp_path, "--to", "postgresql://me:secret@127.0.0.1:1/db")
    assert (result.returncode, "secret" in result.stderr) == (1, False)
    assert "postgresql: " in result.stderr
    [report] = read_all(tmp_path)
    assert (report.to, report.failures) == ("postgresql://me:***@127.0.0.1:1/db", 1)
    assert "postgresql: " in report.error
    assert run("publish", tmp_path / "no", "--to", "lancedb://x").returncode == 1
    store = ("--to", f"lancedb://{tmp_path}/lance")
    result = run("publish", tmp_path, *store, "--metrics", "9090/metrics")
    assert (result.returncode, "--metrics: expected HOST:PORT" in result.stderr) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("publish", tmp_path, *store, "--metrics", address)
    assert (result.returncode, f"--metrics {address}: cannot" in result.stderr) == (78, True)


@pytest.mark.parametrize("command", [("publish", "--to", "lancedb://lance"), ("score",)])
def test_follow_is_refused_where_nothing_newer_comes(
    folder_of_words: Path, command: tuple[str, ...]
) -> None:
    for place in (folder_of_words, "s3://bucket/words"):
        result = run(command[0], place, *command[1:], "--follow")
        assert (result.returncode, "--follow needs a folder" in result.stderr) == (2, True)


def test_a_model_elsewhere_is_published_without_a_folder_of_its_name(
    folder_of_words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent is recorded beside the copy of the snapshot, in the cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for upserted in (3, 0):
        result = run(
            "publish", f"file://{folder_of_words.parent}", "--to", f"lancedb://{tmp_path}/lance"
        )
        assert f"upserted={upserted}" in result.stderr, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "lance"}


def test_a_table_that_was_lost_is_sent_again(folder_of_words: Path, tmp_path: Path) -> None:
    arguments = ("publish", folder_of_words, "--state-dir", tmp_path / "state")
    arguments += ("--to", f"lancedb://{tmp_path}/lance")
    for upserted, is_told in ((3, False), (3, True), (0, False)):
        result = run(*arguments)
        assert (result.returncode, f"upserted={upserted}" in result.stderr) == (0, True)
        assert ("event=store_empty" in result.stderr) == is_told
        assert len(_held(tmp_path / "lance")) == 3
        if not is_told and upserted:
            shutil.rmtree(tmp_path / "lance")


def test_a_table_that_is_lost_meanwhile_is_sent_again(tmp_path: Path) -> None:
    """With the next snapshot, by the publisher that follows."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=6, min_count=1))
    model.learn([["a", "b", "c"]])
    model.snapshot(tmp_path / "s")
    log, url = tmp_path / "log", f"lancedb://{tmp_path}/lance"
    process = start(log, "publish", tmp_path / "s", "--to", url, "--follow")
    try:
        wait_until(lambda: "event=published" in log.read_text())
        shutil.rmtree(tmp_path / "lance")
        model.learn([["a", "b", "c", "d"]])
        newest = load_vectors(model.snapshot(tmp_path / "s"))
        wait_until(lambda: _is_in_step(tmp_path / "lance", newest))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_what_cannot_be_recorded_is_tried_again(folder_of_words: Path, tmp_path: Path) -> None:
    """Nothing is sent before it is recorded; the report that fails with it ends nothing."""
    state, log = tmp_path / "state", tmp_path / "log"
    for name in ("pending", "report.json"):
        (state / name).mkdir(parents=True)
    arguments = ("publish", folder_of_words.parent, "--state-dir", state)
    arguments += ("--to", f"lancedb://{tmp_path}/lance")
    result = run(*arguments)
    assert result.returncode == 1
    assert f"error: {state}/pending cannot be read: Is a directory" in result.stderr
    process = start(log, *arguments, "--follow")
    try:
        wait_until(lambda: "event=publish_failed" in log.read_text())
        assert f"{state}/pending cannot be read" in log.read_text()
        assert not _held(tmp_path / "lance")
        (state / "pending").rmdir()
        wait_until(lambda: f"{state}/report.json cannot be written" in log.read_text())
        (state / "report.json").rmdir()
        wait_until((state / "report.json").exists)
        assert len(_held(tmp_path / "lance")) == 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def test_the_same_url_in_another_folder_is_another_table(
    folder_of_words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path; it is refused, and sent to when that is asked for."""
    arguments = ("publish", folder_of_words, "--to", "lancedb://moved")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert "upserted=3" in run(*arguments).stderr
    monkeypatch.chdir(tmp_path / "b")
    result = run(*arguments)
    assert result.returncode == 78
    assert f"records what lancedb://{tmp_path}/a/moved was sent" in result.stderr
    assert "--state-dir" in result.stderr
    assert not (tmp_path / "b" / "moved").exists()
    assert "upserted=3" in run(*arguments, "--full").stderr
    assert "upserted=0" in run(*arguments).stderr
    state = ("--state-dir", tmp_path / "state")
    for other, code in (("one", 0), ("two", 78)):
        assert (
            run("publish", folder_of_words, "--to", f"lancedb://{other}", *state).returncode == code
        )
    result = run("publish", folder_of_words, "--to", "lancedb://two", *state, "--full")
    assert (result.returncode, "to=lancedb://two" in result.stderr) == (0, True)


@pytest.mark.parametrize("turn", range(3))
def test_a_store_that_cannot_be_reached_is_an_error_and_no_crash(
    folder_of_words: Path, turn: int
) -> None:
    """Without looking for garbage at its end, two of three processes ended in the libraries."""
    pytest.importorskip("qdrant_client")
    result = run("publish", folder_of_words, "--to", "qdrant+http://127.0.0.1:9/words")
    assert result.returncode == 1
    assert "error: qdrant: " in result.stderr


@pytest.fixture(scope="module")
def folder_of_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = OnlineWord2Vec(LearnerConfig(vector_size=6, min_count=1, max_vocab_size=300))
    model.learn([["a", "b", "c"]])
    return model.snapshot(tmp_path_factory.mktemp("words"))
