"""Scores over HTTP and p-values: the same as the command's and those of the live alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.http.text_questions import SHOWN_WORDS
from tests.integration.daemons import wait_until
from tests.integration.test_cli import run
from tests.integration.test_views import Served
from w2v_online import OnlineWord2Vec, load_scorer

USUAL = [f"GET /shop/{i % 7} from 10.0.0.{i % 250} took {i % 90} ms" for i in range(3000)]
STRANGE = "kernel panic - not syncing: fatal exception"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learned with alerts; its newest snapshot has vectors alone."""
    folder = tmp_path_factory.mktemp("score") / "s"
    options = ["--tokenizer", "log", "--lowercase", "--loss", "hs", "--vector-size", "16"]
    options += ["--sample", "0", "--boundaries", "--alerts", str(folder.parent / "alerts.jsonl")]
    options += ["--alert-by", "max", "--alert-of", "context"]
    text = "".join(f"{line}\n" for line in USUAL).encode()
    result = run("run", "--snapshot-dir", folder, *options, stdin=text)
    assert result.returncode == 0, result.stderr
    OnlineWord2Vec.restore(folder).snapshot(folder, vectors_only=True, text={"lowercase": True})
    return folder


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(folder, tmp_path_factory.mktemp("served") / "log")
    yield served
    served.process.kill()
    served.process.wait()


def _ask(served: Served, **question: Any) -> dict[str, Any]:
    status, answer = served.post("/v1/score", json.dumps(question).encode())
    assert status == 200, answer
    return answer


def _documents(folder: Path, text: str, *options: str) -> list[dict[str, Any]]:
    output = run("score", folder, "--json", *options, stdin=text.encode()).stdout
    return [json.loads(line) for line in output.splitlines()]


def test_p_is_the_share_of_recent_records_by_what_alerts_measure(folder: Path) -> None:
    """It is a column of its own; by another measure nothing is known."""
    strange, usual = _documents(folder, f"{STRANGE}\n{USUAL[5]}\n")
    assert strange["p"] < 0.01 < usual["p"] <= 1
    scorer = load_scorer(folder)
    assert scorer.measure is not None
    assert scorer.measure.as_dict() == {"by": "max", "of": "context"}
    scores = scorer.score([STRANGE.split()])
    p_values = scorer.p_values(scores)
    assert p_values is not None
    assert p_values[0] < 0.01
    row = run("score", folder, stdin=f"{STRANGE}\n".encode()).stdout.split("\t")
    assert len(row) == 7
    assert float(row[2]) == pytest.approx(strange["p"], rel=0.01)
    (other,) = _documents(folder, f"{STRANGE}\n", "--by", "mean")
    assert other["p"] is None
    row = run("score", folder, "--by", "mean", stdin=f"{STRANGE}\n".encode()).stdout.split("\t")
    assert len(row) == 6


def test_lines_are_scored_over_http_as_by_the_command(served: Served, folder: Path) -> None:
    """By the newest snapshot that can score, which the answer names."""
    lines = [STRANGE, "", USUAL[7]]
    answer = _ask(served, lines=lines)
    assert answer["snapshot"].startswith("00000001-")
    assert not answer["snapshot"].endswith("-vectors")
    score = answer["score"]
    assert (score["by"], score["of"]) == ("max", "context")
    expected = _documents(folder, "\n".join(lines))
    for line, document in zip(score["lines"], expected, strict=True):
        for name in ("line", "surprise", "p", "context", "rarity", "log_probability"):
            assert line[name] == document[name], name
        assert line["tokens"] == document["words"]
        assert line["unknown_tokens"] == document["unknown_words"]
    strange, empty, _ = score["lines"]
    assert empty["p"] == 1.0
    assert empty["words"] == []
    words = [word["surprise"] for word in strange["words"]]
    assert words == sorted(words, reverse=True)
    assert words[0] == pytest.approx(strange["surprise"])
    assert len(words) == SHOWN_WORDS


def test_another_measure_can_be_asked_for(served: Served) -> None:
    score = _ask(served, lines=[STRANGE], by="mean", of="rarity")["score"]
    assert (score["by"], score["of"]) == ("mean", "rarity")
    (line,) = score["lines"]
    assert line["p"] is None
    assert line["surprise"] == line["rarity"]
    status, answer = served.post("/v1/score", b'{"lines": ["a"], "by": "sum"}')
    assert status == 400
    assert "by: input should be" in answer["error"]


def test_a_newer_snapshot_is_scored_by(served: Served, folder: Path) -> None:
    """What it has learned meanwhile surprises less."""
    before = _ask(served, lines=["new things happen"])
    model = OnlineWord2Vec.restore(folder)
    model.learn([["new", "things", "happen"]] * 500)
    path = model.snapshot(folder, text={"lowercase": True})
    after = before

    def is_taken() -> bool:
        nonlocal after
        after = _ask(served, lines=["new things happen"])
        return bool(after["snapshot"] == path.name)

    wait_until(is_taken)
    before_surprise, surprise = (a["score"]["lines"][0]["surprise"] for a in (before, after))
    assert surprise < before_surprise / 2
