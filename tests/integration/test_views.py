"""What the page asks for: maps, drift, a word's past, and a folder served without a daemon."""

from __future__ import annotations

import errno
import http.client
import io
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from streamer.http import atlas, map_file, map_process
from streamer.http.archive import Archive
from streamer.http.feed import MAX_STREAMS, SAMPLE_SECONDS
from streamer.http.map_process import Drawn, MapProcess, niceness
from streamer.http.server import EXCHANGE_SECONDS
from tests.integration.daemons import COMMAND, environment, start, wait_until
from tests.integration.test_http import TOKEN
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.analysis import drift
from w2v_online.analysis.layout import Layout

SENTENCES = [f"w{i} w{(7 * i) % 60} w{(i * i) % 60} the of".split() for i in range(400)]


class Served:
    """A folder under ``w2v-stream serve``."""

    def __init__(self, folder: Path, log: Path, *args: str | Path) -> None:
        self.log = log
        self.process = start(log, "serve", folder, "--http", "127.0.0.1:0", *args)
        wait_until(lambda: "http://127.0.0.1:" in log.read_text())
        self.port = int(re.findall(r"http://127.0.0.1:(\d+)/", log.read_text())[0])

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def post(self, path: str, body: bytes | None, **headers: str) -> tuple[int, Any]:
        """What a body of JSON is answered with."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        headers = {"Content-Type": "application/json", **headers}
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def events(self, count: int) -> list[tuple[str, Any]]:
        """The first events that a page is sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        connection.request("GET", "/v1/events")
        response = connection.getresponse()
        assert response.headers["content-type"].startswith("text/event-stream")
        found = []
        for _ in range(count):
            name, data, end = (response.readline().decode() for _ in range(3))
            assert end == "\n"
            found.append((name.strip().removeprefix("event: "), json.loads(data[6:])))
        response.close()
        connection.close()
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three snapshots; the last one has a word that is new."""
    folder = tmp_path_factory.mktemp("views") / "s"
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    for extra in ([], [], [["novel", "w1"]] * 500):
        learner.learn(SENTENCES + extra)
        learner.snapshot(folder)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(folder, tmp_path_factory.mktemp("served") / "log")
    yield served
    served.process.terminate()
    assert served.process.wait(180) == 0


def names(folder: Path) -> list[str]:
    return sorted((path.name for path in folder.iterdir() if path.is_dir()), reverse=True)


def test_the_snapshots_kept_are_listed_newest_first(served: Served, folder: Path) -> None:
    _, answer = served.get("/v1/snapshots")
    assert [entry["name"] for entry in answer["snapshots"]] == names(folder)
    assert answer["snapshots"][0]["words"] > answer["snapshots"][1]["words"] > 0


def test_a_snapshot_that_goes_is_listed_no_more(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "s")
    served = Served(copy, tmp_path / "log")
    oldest = names(copy)[-1]
    assert served.get(f"/v1/drift?since={oldest}&min_count=5")[0] == 200
    shutil.rmtree(copy / oldest)
    _, answer = served.get("/v1/snapshots")
    assert [entry["name"] for entry in answer["snapshots"]] == names(copy)
    status, answer = served.get(f"/v1/drift?since={oldest}&min_count=6")
    assert (status, answer["error"]) == (404, f"there is no snapshot '{oldest}' any more")
    served.process.terminate()
    assert served.process.wait(180) == 0


def test_the_map_tells_what_is_new_and_what_moved(served: Served, folder: Path) -> None:
    _, answer = served.get("/v1/map")
    columns = answer["map"]
    vectors = load_vectors(folder)
    assert columns["words"] == vectors.words
    assert columns["counts"] == vectors.counts.tolist()
    assert columns["before"] == names(folder)[1]
    new = columns["words"].index("novel")
    assert columns["is_new"] == [i == new for i in range(len(columns["words"]))]
    assert columns["moved"][new] is None
    before = load_vectors(folder / names(folder)[1])
    moved = {
        m.word: m for m in drift.drift(before, vectors, topn=1000, min_count=1, min_relative=0)
    }
    for word, distance in zip(columns["words"], columns["moved"], strict=True):
        if word in moved:
            assert distance == pytest.approx(moved[word].moved, abs=1e-4)
        else:
            assert distance is None or distance < drift.FLOOR
    assert [age for age in columns["ages"] if age < 0] == []


def test_new_words_are_on_the_map_even_if_they_are_rare(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = shutil.ignore_patterns(map_file.NAME)  # of all words
    folder = shutil.copytree(folder, tmp_path / "s", ignore=ignored)
    vectors = load_vectors(folder)
    row = vectors.words.index("novel")
    monkeypatch.setattr(atlas, "MAP_WORDS", row)
    columns = atlas.Atlas(Archive(folder)).map(vectors)
    assert columns["words"] == [*vectors.words[:row], "novel"]
    assert columns["counts"][row] == vectors.counts[row]
    assert columns["is_new"] == [False] * row + [True]
    assert len(columns["x"]) == row + 1


def test_a_map_lies_over_the_one_before(tmp_path: Path) -> None:
    """Words that keep their vectors keep their places as long as the server runs."""
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    learner.learn(SENTENCES * 5)
    learner.snapshot(tmp_path / "s")
    served = Served(tmp_path / "s", tmp_path / "log")
    _, first = served.get("/v1/map")
    learner.learn(SENTENCES)
    learner.snapshot(tmp_path / "s")
    wait_until(lambda: served.get("/v1/map")[1]["snapshot"] != first["snapshot"])
    maps = [first["map"], served.get("/v1/map")[1]["map"]]
    served.process.terminate()
    places = [
        {word: (x, y) for word, x, y in zip(m["words"], m["x"], m["y"], strict=True)} for m in maps
    ]
    spread = np.ptp([places[0][word] for word in places[0]], axis=0).max()
    moved = [np.hypot(*np.subtract(places[1][word], at)) for word, at in places[0].items()]
    assert np.median(moved) < 0.1 * spread
    assert served.process.wait(180) == 0


def test_words_stay_where_they_were_when_the_server_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The map is in the folder; one of another model, or a damaged one, is not gone on with."""
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    learner.learn(SENTENCES * 5)
    learner.snapshot(tmp_path)
    first = atlas.Atlas(Archive(tmp_path)).map(load_vectors(tmp_path))
    asked = []

    def draw(_self: MapProcess, _snapshot: Path, *_args: Any) -> Drawn:
        asked.append(_args[-1])
        return Drawn(Layout(first["words"], np.zeros((len(first["words"]), 2))), [])

    monkeypatch.setattr(MapProcess, "draw", draw)
    again = atlas.Atlas(Archive(tmp_path)).map(load_vectors(tmp_path))
    assert (again["x"], again["y"], asked) == (first["x"], first["y"], [])
    learner.learn(SENTENCES)
    learner.snapshot(tmp_path)
    restarted = atlas.Atlas(Archive(tmp_path))
    restarted.map(load_vectors(tmp_path))
    assert asked[0].words == first["words"]
    assert asked[0].positions[:, 0].round(4).tolist() == first["x"]
    other = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    other.learn(SENTENCES)
    other.snapshot(tmp_path)
    atlas.Atlas(Archive(tmp_path)).map(load_vectors(tmp_path))
    (tmp_path / map_file.NAME).write_text('{"names": ["a"], "positions": []}')
    other.snapshot(tmp_path)
    atlas.Atlas(Archive(tmp_path)).map(load_vectors(tmp_path))
    assert asked[1:] == [None, None]


def test_drift_and_history_are_those_of_the_library(served: Served, folder: Path) -> None:
    oldest = names(folder)[-1]
    _, answer = served.get("/v1/drift?topn=3&min_count=5&min_relative=0")
    assert answer["drift"]["since"] == oldest
    expected = drift.drift(
        load_vectors(folder / oldest), load_vectors(folder), topn=3, min_count=5, min_relative=0
    )
    assert [m["word"] for m in answer["drift"]["words"]] == [m.word for m in expected]
    assert answer["drift"]["words"][0]["moved"] == pytest.approx(expected[0].moved)
    _, answer = served.get("/v1/history?word=w1&topn=2")
    assert [moment["snapshot"] for moment in answer["history"]] == names(folder)[::-1]
    assert answer["history"][0]["moved"] is None
    assert len(answer["history"][2]["neighbors"]) == 2


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/drift?since=../../etc", 404, "there is no snapshot '../../etc'"),
        ("/v1/drift?min_count=100000000", 404, "no word in common"),
        ("/v1/history?word=nobody", 404, "'nobody' has no vector in any snapshot"),
        ("/v1/history?word=a&word=b", 400, "word"),
        ("/v1/map?words=2", 400, "words"),
        ("/v1/analogy?a=w1&b=w2&c=nobody", 404, "'nobody' has no vector"),
        ("/v1/spellings?word=" + "x" * 300, 400, "at most 256"),
        ("/page/../app.py", 404, "Not Found"),
    ],
)
def test_views_that_cannot_be_shown_say_why(
    served: Served, path: str, status: int, message: str
) -> None:
    found, answer = served.get(path)
    assert found == status
    assert message in answer["error"]


def test_spellings_analogies_texts_and_frequent_words(served: Served, folder: Path) -> None:
    vectors = load_vectors(folder)
    for wrong, right in (("novle", "novel"), ("NOVEL", "novel"), ("nvel", "novel")):
        assert served.get(f"/v1/spellings?word={wrong}")[1]["spellings"][0]["word"] == right
    assert served.get("/v1/spellings?word=qqqqqqqq")[1]["spellings"] == []
    _, answer = served.get("/v1/analogy?a=w1&b=w2&c=w3&topn=2")
    found = [(near["word"], near["cosine"]) for near in answer["analogy"]]
    expected = vectors.analogy("w1", "w2", "w3", 2)
    assert [word for word, _ in found] == [word for word, _ in expected]
    _, answer = served.get(f"/v1/text?text={quote('The w1, (w2) nobody')}&topn=4")
    assert answer["text"]["known"] == ["the", "w1", "w2"]
    assert answer["text"]["unknown"] == ["nobody"]
    near = [near["word"] for near in answer["text"]["neighbors"]]
    assert len(near) == 4
    assert not {"the", "w1", "w2"} & set(near)
    _, answer = served.get("/v1/words?topn=2&offset=1")
    assert [word["word"] for word in answer["words"]] == vectors.words[1:3]
    _, answer = served.get("/v1/vectors?word=w1&word=nobody")
    assert (list(answer["vectors"]), answer["unknown"]) == (["w1"], ["nobody"])
    _, answer = served.get("/v1/neighbors?word=nobody&word=w1&topn=2")
    assert (list(answer["neighbors"]), answer["unknown"]) == (["w1"], ["nobody"])
    _, answer = served.get("/v1/examples?topn=3")
    counts = [entry["count"] for entry in answer["examples"]]
    assert len(counts) == 3
    assert counts == sorted(counts, reverse=True)


def test_events_tell_how_things_are(served: Served, folder: Path) -> None:
    (first, history), (second, status) = served.events(2)
    assert (first, second) == ("history", "status")
    assert len({len(column) for column in history.values()}) == 1
    assert status["snapshot"] == names(folder)[0]
    assert status["phase"] == "showing snapshots"
    assert status["vocabulary"] == len(load_vectors(folder))


def test_a_page_listens_longer_than_other_answers_may_take(served: Served) -> None:
    began = time.monotonic()
    events = served.events(3 + int(EXCHANGE_SECONDS / SAMPLE_SECONDS))
    assert time.monotonic() - began > EXCHANGE_SECONDS
    times = [document["time"] for name, document in events if name == "status"]
    assert times == sorted(set(times))


def test_pages_that_leave_make_room_for_others(served: Served) -> None:
    def listen() -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=240)
        connection.request("GET", "/v1/events")
        response = connection.getresponse()
        response.readline()
        return connection, response

    listening = [listen() for _ in range(MAX_STREAMS + 1)]
    assert [response.status for _, response in listening] == [200] * MAX_STREAMS + [503]
    for connection, response in listening:
        response.close()
        connection.close()

    def is_heard() -> bool:
        connection, response = listen()
        response.close()
        connection.close()
        return response.status == 200

    wait_until(is_heard)


def test_a_folder_that_is_empty_is_served_until_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    served = Served(tmp_path / "s", tmp_path / "log")
    assert served.get("/readyz")[0] == 503
    assert served.get("/v1/words")[0] == 503
    _, (_, status) = served.events(2)
    assert "holds no snapshot" in status["warnings"][0]["text"]
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    learner.learn(SENTENCES)
    learner.snapshot(tmp_path / "s")
    wait_until(lambda: served.get("/v1/words")[0] == 200)
    assert served.get("/readyz")[0] == 200
    served.process.terminate()
    assert served.process.wait(180) == 0
    assert "Traceback" not in served.log.read_text()


def test_a_signal_ends_serve_as_soon_as_it_listens(folder: Path) -> None:
    """It may come while serve begins to wait for it, or meet a thread of a library first."""
    command = [*COMMAND, "serve", str(folder), "--http", "127.0.0.1:0"]
    for pause in (0.0, 0.0, 0.0, 0.0005, 0.001, 0.002):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())
        try:
            assert process.stderr is not None
            while "http_listening" not in process.stderr.readline():
                assert process.poll() is None
            time.sleep(pause)
            process.terminate()
            assert process.wait(180) == 0
        finally:
            process.kill()
            process.communicate()


def test_serve_asks_for_the_token_and_refuses_what_makes_no_sense(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    served = Served(folder, tmp_path / "log", "--http-token-file", file)
    assert served.get("/v1/words")[0] == 401
    assert served.get("/v1/words", Authorization=f"Bearer {TOKEN}")[0] == 200
    for args, code, message in (
        ([tmp_path / "nowhere"], 2, "there is no folder"),
        ([folder, "--http", "nonsense"], 2, "expected HOST:PORT"),
        ([folder, "--http", str(served.port)], 78, "cannot listen there"),
        ([folder, "--http", "0", "--http-token-file", tmp_path / "none"], 78, "cannot be read"),
    ):
        result = subprocess.run(
            [*COMMAND, "serve", *map(str, args)],
            capture_output=True, text=True, timeout=240, check=False, env=environment(),
        )  # fmt: skip
        assert result.returncode == code, result.stderr
        assert message in result.stderr
        assert "Traceback" not in result.stderr
    served.process.terminate()
    assert served.process.wait(180) == 0


def test_changes_come_a_page_at_a_time(served: Served, folder: Path) -> None:
    """All pages together are what the vectors' own comparison finds."""
    oldest = load_vectors(folder / names(folder)[-1])
    expected = load_vectors(folder).changes(oldest, 0.999)
    found: list[dict[str, Any]] = []
    while True:
        path = f"/v1/changes?threshold=0.999&topn=7&offset={len(found)}"
        status, answer = served.get(path)
        assert status == 200
        assert answer["changes"]["since"] == names(folder)[-1]
        if not answer["changes"]["changes"]:
            break
        found += answer["changes"]["changes"]
    assert [c["word"] for c in found] == [*expected.new, *expected.moved, *expected.gone]
    assert found[0]["word"] == "novel"
    assert found[0]["vector"] == pytest.approx(load_vectors(folder)["novel"].tolist())
    assert (answer["changes"]["new"], answer["changes"]["moved"]) == (1, len(expected.moved))
    assert served.get("/v1/changes?since=no")[0] == 404


def test_a_word_is_predicted_from_its_context(served: Served, folder: Path) -> None:
    _, answer = served.get("/v1/predict?word=novel&word=w1&topn=3")
    expected = load_vectors(folder).predict(["novel", "w1"], 3)
    assert [a["word"] for a in answer["predict"]] == [word for word, _ in expected]
    assert served.get("/v1/predict?word=nobody")[0] == 404


def test_a_map_leaves_the_cores_to_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is nicer where training fills them, and in training's own session, where that counts."""
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    learner.learn(SENTENCES)
    learner.snapshot(tmp_path)
    started: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen.__init__

    def note(process: subprocess.Popen[bytes], *args: Any, **options: Any) -> None:
        begin(process, *args, **options)
        started.append(process)
        sessions.append(os.getsid(process.pid))
        groups.append(os.getpgid(process.pid))

    sessions: list[int] = []
    groups: list[int] = []
    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    MapProcess(os.cpu_count() or 1).draw(learner_path := load_vectors(tmp_path).path, 100, [], None)
    MapProcess(0).draw(learner_path, 100, [], None)
    assert (niceness(os.cpu_count() or 1), niceness(0)) == (19, 10)
    assert set(sessions) == {os.getsid(0)}
    assert groups == [process.pid for process in started]


def test_a_map_is_drawn_where_processes_may_not_be_nice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit in deploy/ does not allow it: SystemCallFilter=~@resources."""

    def refused(_increment: int) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    learner.learn(SENTENCES)
    request = {
        "snapshot": str(learner.snapshot(tmp_path)),
        "words": 10,
        "niceness": 10,
        "besides": [],
        "previous": None,
    }
    answer = io.BytesIO()
    monkeypatch.setattr(os, "nice", refused)
    given = SimpleNamespace(buffer=io.BytesIO(json.dumps(request).encode()))
    monkeypatch.setattr(map_process.sys, "stdin", given)
    monkeypatch.setattr(map_process.sys, "stdout", SimpleNamespace(buffer=answer))
    map_process.main()
    assert len(json.loads(answer.getvalue())["names"]) == 10
