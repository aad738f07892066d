"""``score`` as a user types it: the model's own tokenizer, the most surprising lines."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import time
from pathlib import Path

import pytest

from streamer.scoring.newest import LOOK_SECONDS
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.phrases import PhraseTokenizer
from streamer.tokenizers.saved import saved_tokenizer
from streamer.tokenizers.whitespace import WhitespaceTokenizer
from tests.integration.daemons import COMMAND
from tests.integration.test_cli import run
from w2v_online import LearnerConfig, OnlineWord2Vec, load_scorer
from w2v_online.errors import SnapshotError


def _saved_tokenizer(model: OnlineWord2Vec, name: str | None = None) -> Tokenizer:
    return saved_tokenizer(
        model.tokenizer, model.text_state, model.config.max_token_bytes, name=name, options={}
    )


USUAL = [f"GET /shop/{i % 7} from 10.0.0.{i % 250} took {i % 90} ms" for i in range(900)]
STRANGE = "kernel panic - not syncing: fatal exception"


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of log lines in lower case, by hierarchical softmax."""
    folder = tmp_path_factory.mktemp("score") / "snapshots"
    options = ["--tokenizer", "log", "--lowercase", "--loss", "hs", "--vector-size", "16"]
    text = "".join(f"{line}\n" for line in USUAL).encode()
    result = run("run", "--snapshot-dir", folder, *options, stdin=text)
    assert result.returncode == 0, result.stderr
    return folder


def test_every_line_gets_a_row(snapshots: Path) -> None:
    """In the order of the input, empty lines and the last one without a line feed included."""
    text = f"{USUAL[0]}\n\n{STRANGE}\x07\xff".encode("latin-1")
    result = run("score", snapshots, stdin=text)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[3:5] for row in rows] == [["8", "0"], ["0", "0"], ["7", "7"]]
    assert rows[0][5] == USUAL[0].lower()
    assert rows[2][5].startswith(f"{STRANGE}\\x07")
    assert float(rows[2][1]) > float(rows[0][1]) > 0 == float(rows[1][1])
    assert "1 lines could not be decoded" in result.stderr


@pytest.mark.parametrize("is_piped", [False, True])
def test_text_is_told_by_its_bytes(snapshots: Path, tmp_path: Path, is_piped: bool) -> None:
    """Compressed or in UTF-16, from a file or a pipe; and what is no text is refused."""
    file = tmp_path / "app.log"

    def score(data: bytes) -> subprocess.CompletedProcess[str]:
        file.write_bytes(data)
        return run("score", snapshots, stdin=data) if is_piped else run("score", snapshots, file)

    plain = f"{USUAL[0]}\n{STRANGE}\n"
    expected = score(plain.encode()).stdout
    assert len(expected.splitlines()) == 2
    assert score(gzip.compress(plain.encode("utf-16"))).stdout == expected
    refused = score(b"PK\x03\x04" + bytes(60))
    assert refused.returncode == 1
    assert "is zip, not text; name the file" in refused.stderr
    cut = score(gzip.compress(plain.encode())[:-4])
    assert cut.returncode == 1
    assert cut.stdout == expected
    assert "is damaged: the gzip data ends too early" in cut.stderr


def test_top_lines_of_a_long_file(snapshots: Path, tmp_path: Path) -> None:
    """The most surprising first, of equal ones the earliest, wherever in the file they are."""
    file = tmp_path / "app.log"
    lines = USUAL * 30
    lines[20_000] = "kernel panic"
    lines[3] = lines[9] = "never seen"
    file.write_text("".join(f"{line}\n" for line in lines))
    assert file.stat().st_size > 1_000_000
    result = run("score", snapshots, file, "--top", "4", "--json")
    top = [json.loads(line) for line in result.stdout.splitlines()]
    assert [document["line"] for document in top[:3]] == [4, 10, 20_001]
    assert top[0]["surprise"] == top[1]["surprise"] > top[3]["surprise"]
    assert (top[0]["words"], top[0]["unknown_words"], top[0]["log_probability"]) == (2, 2, 0.0)
    everything = run("score", snapshots, file, "--json").stdout.splitlines()
    assert len(everything) == len(lines)
    ranked = sorted(map(json.loads, everything), key=lambda d: (-d["surprise"], d["line"]))
    assert ranked[:4] == top


def test_a_line_that_is_piped_in_is_answered_at_once(snapshots: Path) -> None:
    """Without waiting for more: a live log can be scored."""
    command = [*COMMAND, "score", str(snapshots)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(f"{STRANGE}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().startswith(f"{number}\t".encode())
        process.stdin.close()
        assert process.wait(180) == 0


def test_words_of_a_line_add_up(snapshots: Path) -> None:
    result = run("score", snapshots, "--words", "--json", stdin=f"{USUAL[5]} panic\n".encode())
    (document,) = map(json.loads, result.stdout.splitlines())
    words = document["per_word"]
    assert [word["word"] for word in words] == [
        *("get", "<PATH>", "shop", "from", "<IP>", "took", "<NUM>", "ms", "panic")
    ]
    assert words[-1]["log_probability"] is None
    total = sum(word["log_probability"] or 0.0 for word in words)
    assert total == pytest.approx(document["log_probability"])
    mean = sum(word["surprise"] for word in words) / len(words)
    assert mean == pytest.approx(document["surprise"])
    rows = run("score", snapshots, "--words", stdin=f"{USUAL[5]} panic\n".encode()).stdout
    assert len(rows.splitlines()) == 1 + len(words)
    assert re.fullmatch(r"\t\d+\.\d+\t\tpanic", rows.splitlines()[-1])


def test_json_in(snapshots: Path) -> None:
    """The text in a field, and what is no JSON counted."""
    documents = [json.dumps({"message": USUAL[1], "level": "info"}), "no JSON"]
    text = "".join(f"{document}\n" for document in documents).encode()
    result = run("score", snapshots, "--json-field", "message", stdin=text)
    assert [row.split("\t")[5] for row in result.stdout.splitlines()] == [USUAL[1].lower()]
    assert "1 lines could not be decoded" in result.stderr


def test_json_is_taken_as_in_training(tmp_path: Path) -> None:
    """The fields that were learned, of what is JSON; what is none is text, as for embed."""
    documents = [json.dumps({"message": text, "more": "b", "level": "info"}) for text in USUAL[:50]]
    text = "".join(f"{document}\n" for document in documents).encode()
    options = ("--min-count", "1", "--vector-size", "8", "--json-field", "message")
    folder = tmp_path / "s"
    assert run("run", *options, "--snapshot-dir", folder, stdin=text).returncode == 0
    lines = "".join(f"{line}\n" for line in (documents[3], USUAL[3], "{broken")).encode()
    rows = [row.split("\t") for row in run("score", folder, stdin=lines).stdout.splitlines()]
    assert [row[5] for row in rows] == [USUAL[3], USUAL[3], "{broken"]
    assert rows[0][1:5] == rows[1][1:5]
    rows = [
        row.split("\t")
        for row in run(
            "score", folder, "--json-field", "more,level", stdin=lines
        ).stdout.splitlines()
    ]
    assert [(row[0], row[5]) for row in rows] == [("1", "b"), ("1", "info")]


def test_lines_have_the_numbers_of_the_input(snapshots: Path) -> None:
    """Whatever became of those before: invalid, empty, several records, cut because too long."""
    documents = [
        '{"m": "one"}',
        "broken",
        '{"m": ["two", "lines"]}',
        "",
        '{"m": "a\\nb"}',
        '{"m": "x"}',
    ]
    rows = run("score", snapshots, "--json-field", "m", stdin="\n".join(documents).encode()).stdout
    assert [row.split("\t")[0] for row in rows.splitlines()] == ["1", "3", "5", "5", "6"]
    text = "word " * 500_000 + "\nlast\n"
    numbers = [
        row.split("\t")[0]
        for row in run("score", snapshots, stdin=text.encode()).stdout.splitlines()
    ]
    assert numbers == ["1", "1", "1", "2"]


def test_what_cannot_be_scored_is_said(snapshots: Path, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("1 2\nword 1 2\n")
    result = run("score", vectors)
    assert (result.returncode, result.stdout) == (1, "")
    assert "takes a snapshot" in result.stderr
    result = run("score", snapshots, "--tokenizer-option", "keep_words=off", stdin=b"a\n")
    assert (result.returncode, result.stdout) == (78, "")
    assert "keep_words=true split_words=false, here that is log/" in result.stderr
    assert run("score", snapshots, "--tokenizer-option", "keep_words").returncode == 2
    model = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1, max_vocab_size=9))
    model.learn([["a", "b"]])
    model.embeddings.vectors[0] = float("nan")
    path = model.snapshot(tmp_path / "diverged")
    with pytest.raises(SnapshotError, match="diverged"):
        load_scorer(path)


def test_phrases_are_joined_and_not_learned() -> None:
    """Text is joined as at the moment of the snapshot, however often it is scored."""
    tokenizer = PhraseTokenizer(
        WhitespaceTokenizer(), threshold=2.0, min_count=2, max_token_bytes=64
    )
    for i in range(300):
        tokenizer.tokenize(f"new york w{i % 40} w{i % 23}\n".encode())
    model = OnlineWord2Vec(
        LearnerConfig(vector_size=3, min_count=2, max_vocab_size=99), tokenizer=tokenizer.identity
    )
    model.text_state = tokenizer.state()
    saved = _saved_tokenizer(model)
    before = {name: array.copy() for name, array in model.text_state.items()}
    line = b"new york some thing\n"
    first = saved.tokenize(line)
    assert b"new_york" in first
    assert all(saved.tokenize(line) == first for _ in range(9))
    for name, array in model.text_state.items():
        assert (array == before[name]).all()


@pytest.mark.parametrize(
    "identity", ["pretokenized", "whitespace", "unicode", "log", "tests.reference:sigmoid"]
)
def test_tokenizers_are_made_again_from_their_identity(identity: str) -> None:
    """With the options that the text was split with."""
    from streamer.tokenizers.registry import open_tokenizer

    options = {"unicode": {"nfkc": "on"}, "log": {"split_words": "on"}}.get(identity, {})
    wanted = "pretokenized"
    if identity != wanted:
        wanted = open_tokenizer(identity, options).identity
    model = OnlineWord2Vec(
        LearnerConfig(vector_size=3, min_count=2, max_vocab_size=99), tokenizer=wanted
    )
    made = _saved_tokenizer(model, identity).identity
    assert made == ("whitespace" if identity == "pretokenized" else wanted)


def _usual(rng: random.Random) -> list[str]:
    blocks, deleted = rng.randint(2, 4), rng.random() < 0.5
    words = ["allocate", *["receive"] * 3, *["write", "acknowledge"] * blocks, *["stored"] * 3]
    return words + ["delete"] * 3 * deleted


def _odd(rng: random.Random) -> list[str]:
    words = _usual(rng)
    change = rng.randrange(3)
    if change == 0:
        return words[: len(words) // 2]
    if change == 1:
        return [word for word in words if word != "stored"]
    place = rng.randrange(1, 4)
    return [*words[:place], "delete", *words[place:]]


@pytest.mark.parametrize("has_boundaries", [True, False])
def test_odd_sessions_are_found_where_boundaries_are_words(
    tmp_path: Path, has_boundaries: bool
) -> None:
    """By the maximum over words, with a threshold from training text alone."""
    rng = random.Random(2)
    train = [_usual(rng) for _ in range(3000)]
    test = [_usual(rng) for _ in range(600)] + [_odd(rng) for _ in range(60)]
    options = ["--loss", "hs", "--sample", "0", "--min-count", "1", "--vector-size", "32"]
    options += ["--boundaries"] if has_boundaries else []
    result = run("run", "--snapshot-dir", tmp_path, *options, stdin=_lines(train))
    assert result.returncode == 0, result.stderr

    def surprises(sessions: list[list[str]]) -> list[float]:
        scored = run("score", tmp_path, "--by", "max", "--json", stdin=_lines(sessions))
        return [json.loads(line)["surprise"] for line in scored.stdout.splitlines()]

    threshold = sorted(surprises(train))[-len(train) // 500]
    alarms = [value > threshold for value in surprises(test)]
    f1 = 2 * sum(alarms[600:]) / (sum(alarms) + 60)
    assert f1 > 0.9 if has_boundaries else f1 < 0.8


def _lines(sessions: list[list[str]]) -> bytes:
    return "".join(" ".join(words) + "\n" for words in sessions).encode()


def test_surprise_is_of_context_of_rarity_or_of_both(snapshots: Path) -> None:
    """The power mean is between mean and maximum; what is rare is known by name."""
    text = f"{USUAL[0]} panic\n".encode()
    found = {}
    for by in ("mean", "max", "pm4"):
        for of in ("context", "rarity", "both"):
            result = run("score", snapshots, "--by", by, "--of", of, "--json", stdin=text)
            found[by, of] = json.loads(result.stdout)
    for of in ("context", "rarity", "both"):
        mean, most, power = (found[by, of]["surprise"] for by in ("mean", "max", "pm4"))
        assert mean < power < most
    document = found["max", "both"]
    assert document["surprise"] == max(document["context"], document["rarity"])


def test_one_line_of_each_kind_is_enough(snapshots: Path) -> None:
    """The most surprising of those that differ in numbers only, the earliest of equal ones."""
    lines = [*USUAL[:20], "panic 1", "disk full 3", "panic 22", "disk full 4", "panic now 5"]
    text = "".join(f"{line}\n" for line in lines).encode()

    def top(*options: str) -> list[int]:
        result = run("score", snapshots, "--top", "3", "--json", *options, stdin=text)
        return [json.loads(line)["line"] for line in result.stdout.splitlines()]

    plain, kinds = top(), top("--kinds")
    assert len({lines[line - 1].rstrip("0123456789") for line in plain}) == 2
    assert sorted(kinds) == [21, 22, 25]
    result = run("score", snapshots, "--kinds", stdin=text)
    assert result.returncode == 2
    assert "--kinds is for --top" in result.stderr


def test_a_newer_snapshot_is_taken_while_lines_come(tmp_path: Path) -> None:
    """What it has learned meanwhile surprises less; without --follow nothing changes."""
    folder = tmp_path / "s"
    model = OnlineWord2Vec(LearnerConfig(vector_size=16, min_count=1, loss="hs", sample=0.0))
    model.learn([["usual", "words", "come"]] * 500)
    model.snapshot(folder)
    processes = [
        subprocess.Popen(
            [*COMMAND, "score", str(folder), *follow],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )
        for follow in (["--follow"], [])
    ]  # fmt: skip

    def surprise(process: subprocess.Popen[str]) -> float:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("new things happen\n")
        process.stdin.flush()
        return float(process.stdout.readline().split("\t")[1])

    before = [surprise(process) for process in processes]
    assert before[0] == before[1]
    model.learn([["new", "things", "happen"]] * 500)
    model.snapshot(folder)
    time.sleep(LOOK_SECONDS)
    after = [surprise(process) for process in processes]
    assert after[0] < before[0] / 2
    assert after[1] == before[1]
    for process in processes:
        process.communicate(timeout=240)
        assert process.returncode == 0
