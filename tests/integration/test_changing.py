"""Words that are changing: told in the log when they begin to, counted, and asked for by HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import swapped
from tests.integration.daemons import COMMAND, environment
from tests.integration.test_views import Served
from w2v_online import load_vectors
from w2v_online.analysis.changes import changing

OPTIONS = (
    "--vector-size", "32", "--min-count", "1", "--sample", "0", "--max-vocab-size", "500",
    "--log-format", "json",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs over one stream, of which the second learns on and finds nothing new."""
    folder = tmp_path_factory.mktemp("changing")
    lines = [" ".join(record) for record in swapped.records()]
    for name, part in (("quiet", lines[: swapped.LAST]), ("changed", lines[swapped.LAST :])):
        with (folder / f"{name}.log").open("wb") as log:
            subprocess.run(
                [*COMMAND, "run", "--snapshot-dir", folder / "vectors", *OPTIONS],
                input="\n".join(part).encode() + b"\n",
                stderr=log, env=environment(), check=True, timeout=240,
            )  # fmt: skip
    return folder


def told(log: Path) -> list[dict[str, object]]:
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return [event for event in events if event["event"] == "word_changing"]


def test_words_are_told_once_they_change_and_no_others(folder: Path) -> None:
    assert told(folder / "quiet.log") == []
    events = told(folder / "changed.log")
    assert {event["word"] for event in events} == swapped.WORDS
    for event in events:
        group = str(event["word"])[0]
        near = str(event["neighbors"]).split()
        others = [word for word in near if word not in swapped.WORDS]
        assert sum(word[0] != group for word in others) > len(others) / 2


def test_http_answers_with_the_words_that_are_changing(folder: Path, tmp_path: Path) -> None:
    served = Served(folder / "vectors", tmp_path / "log")
    try:
        status, answer = served.get("/v1/changing?min_count=1000&topn=3")
        assert status == 200
        expected = changing(load_vectors(folder / "vectors"), min_count=1000, topn=3)
        assert [found["word"] for found in answer["changing"]] == [c.word for c in expected]
        assert answer["changing"][0]["score"] == pytest.approx(expected[0].score, rel=1e-6)
        status, answer = served.get("/v1/changing?threshold=1000")
        assert (status, answer["changing"]) == (200, [])
    finally:
        served.process.terminate()
        assert served.process.wait(180) == 0
