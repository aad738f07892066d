"""The commands that ask snapshots and word2vec files, as a user types them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from streamer.commands.pictures.files import read_layout
from streamer.daemon.warm_start import warm_start
from streamer.errors import ConfigurationError
from streamer.telemetry.log import LogLevel, make_log
from tests import swapped
from tests.integration.test_cli import run
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors
from w2v_online.analysis import export
from w2v_online.reading.words import word_id


@pytest.fixture(scope="module")
def vectors_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Word2vec text with words of many scripts, one of them with a terminal's escape."""
    words = ["king", "queen", "man", "woman", "国王", "🤴🏽", "caf\u00e9", "\x1b[31mred"]
    vectors = np.random.default_rng(1).normal(size=(len(words), 12)).astype(np.float32)
    file = tmp_path_factory.mktemp("queries") / "vectors.txt"
    export.write(WordVectors.from_arrays(words, vectors).table, "word2vec-text", file)
    return file


def test_neighbors_of_a_word2vec_file(vectors_file: Path) -> None:
    """Lines of cosine and word in a pipe, escapes made harmless, and the same as JSON."""
    result = run("neighbors", vectors_file, "国王", "--topn", "7")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert len(lines) == 7
    assert "\x1b" not in result.stdout
    document = json.loads(run("neighbors", vectors_file, "国王", "--topn", "7", "--json").stdout)
    expected = load_vectors(vectors_file).most_similar("国王", topn=7)
    assert [(entry["word"], entry["cosine"]) for entry in document["国王"]] == expected
    assert [float(cosine) for cosine, *_ in lines] == pytest.approx(
        [cosine for _, cosine in expected], abs=1e-4
    )


def test_words_that_are_not_utf8_are_printed_and_asked_for(tmp_path: Path) -> None:
    """Every word keeps its bytes, on the command line and in the answer."""
    file = tmp_path / "latin-1.vec"
    file.write_bytes("3 2\ncafé 1 0\ncafe 1 0.1\ncafè 0 1\n".encode("latin-1"))
    word = os.fsdecode("café".encode("latin-1"))
    assert run("neighbors", file, word).stdout.splitlines()[1].split("\t")[1] == "caf\\udce8"
    document = json.loads(run("neighbors", file, "cafe", "--json").stdout)
    assert [entry["word"] for entry in document["cafe"]] == [word, "caf\udce8"]
    learner = OnlineWord2Vec(LearnerConfig(vector_size=2))
    warm_start(learner, file, make_log("text", LogLevel("error")))
    assert learner.vocabulary.words() == ["caf\ufffd", "cafe"]


def test_an_unknown_word_does_not_keep_other_answers_back(vectors_file: Path) -> None:
    """And a word in another case than the vocabulary's is found."""
    result = run("neighbors", vectors_file, "KING", "quene", "国王", "--topn", "1")
    assert result.returncode == 1
    assert "KING is not in the vocabulary: showing king" in result.stderr
    assert "did you mean queen?" in result.stderr
    blocks = result.stdout.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == ["king", "国王"]
    solved = run("analogy", vectors_file, "King", "queen", "国王", "--topn", "1")
    assert (solved.returncode, len(solved.stdout.splitlines())) == (0, 1)


def test_an_unknown_word_is_answered_with_near_ones(vectors_file: Path) -> None:
    result = run("neighbors", vectors_file, "quene")
    assert (result.returncode, result.stdout) == (1, "")
    assert "did you mean queen?" in result.stderr


def test_evaluate_takes_several_files(vectors_file: Path, tmp_path: Path) -> None:
    pairs, questions = tmp_path / "pairs.csv", tmp_path / "questions.txt"
    pairs.write_text("king,queen,8\nman,woman,7\nking,woman,3\nking,dog,1\n")
    questions.write_text(": family\nman king woman queen\nman king woman princess\n")
    (tmp_path / "more.csv").write_text("king,queen,8\nman,dog,7\nking,woman,3\nking,cat,1\n")
    args = ["--similarity", pairs, tmp_path / "more.csv", "--analogies", questions]
    result = run("evaluate", vectors_file, *args)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{pairs}: Spearman ")
    assert lines[0].endswith("3 of 4 pairs known")
    assert lines[1].endswith("2 of 4 pairs known")
    assert lines[2] == f"{questions}: 1 of 2 questions known"
    rows = [line.split("\t") for line in lines[3:]]
    assert [row[:2] for row in rows] == [["family", "1"], ["total", "1"]]
    document = json.loads(run("evaluate", "--json", vectors_file, *args).stdout)
    assert document["similarity"][str(pairs)]["pairs"] == 3
    assert document["analogies"][str(questions)]["sections"][0]["questions"] == 1
    assert document["analogies"][str(questions)]["unknown_questions"] == 1
    assert run("evaluate", *args[:2], vectors_file).returncode == 0
    assert run("evaluate", vectors_file).returncode == 2


def test_a_probe_scores_every_snapshot(tmp_path: Path) -> None:
    """In the log and in the manifest, without changing what is learned."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("cat\tdog\t8\ncat\ttax\t1\ndog\tlaw\t2\ntax\tlaw\t7\ncat\tcow\t6\n")
    text = b"the cat and dog sat\nthe tax and law are\n" * 40
    probed = run("--snapshot-dir", tmp_path / "a", "--probe", pairs, stdin=text)
    plain = run("--snapshot-dir", tmp_path / "b", stdin=text)
    assert (probed.returncode, plain.returncode) == (0, 0)
    a, b = load_vectors(tmp_path / "a"), load_vectors(tmp_path / "b")
    assert a.manifest["probe"].keys() == {"file", "spearman", "pairs", "unknown_pairs"}
    assert a.manifest["probe"]["pairs"] == 4
    assert "event=quality_probe" in probed.stderr
    assert "probe" not in b.manifest
    np.testing.assert_array_equal(a.vectors, b.vectors)
    pairs.write_text("nothing asked here at all")
    wrong = run("--snapshot-dir", tmp_path / "c", "--probe", pairs, stdin=text)
    assert wrong.returncode == 78
    assert "pairs.tsv" in wrong.stderr


def test_init_starts_from_a_word2vec_file_once(vectors_file: Path, tmp_path: Path) -> None:
    """Its words are kept, new ones come; a run that resumes does not start from it again."""
    options = ["--vector-size", "12", "--min-count", "1", "--init", vectors_file]
    for times in (1, 2):
        result = run("--snapshot-dir", tmp_path / "s", *options, stdin=b"king new queen\n" * 5)
        assert result.returncode == 0, result.stderr
        assert ("event=warm_start" in result.stderr) == (times == 1)
        wv = load_vectors(tmp_path / "s")
        assert set(wv.words) == {*load_vectors(vectors_file).words, "new"}
        assert wv.counts.tolist() == [5 * times] * 3 + [0] * 6
    np.testing.assert_array_equal(wv["国王"], load_vectors(vectors_file)["国王"])
    result = run("--snapshot-dir", tmp_path / "x", "--init", vectors_file, stdin=b"a\n")
    assert result.returncode == 78
    assert "use --vector-size 12" in result.stderr


@pytest.mark.parametrize(
    ("option", "name", "hint"),
    [
        ({"max_vocab_size": 5}, "vectors.txt", "more than --max-vocab-size 5"),
        ({"vector_size": 9}, "vectors.txt", "use --vector-size 12"),
        ({}, "missing", "missing does not exist"),
    ],
)
def test_what_init_cannot_start_from_is_a_wrong_configuration(
    vectors_file: Path, option: dict[str, int], name: str, hint: str
) -> None:
    learner = OnlineWord2Vec(LearnerConfig(**({"vector_size": 12} | option)))
    with pytest.raises(ConfigurationError, match=hint):
        warm_start(learner, vectors_file.parent / name, log=None)


@pytest.fixture(scope="module")
def two_snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two snapshots of words in two scripts, and one that looks like HTML."""
    folder = tmp_path_factory.mktemp("views") / "s"
    model = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1))
    words = ["king", "queen", "国王", "</script>", "$x^", "man", "woman", "<b>"]
    generator = np.random.default_rng(1)
    for turn in range(2):
        records = generator.integers(0, 8, (900, 5))
        records[:, 1:] = records[:, :1] ^ turn  # each word comes alone, then with one other
        model.learn([[words[i] for i in record] for record in records])
        model.snapshot(folder)
    return folder


@pytest.mark.parametrize("ending", ["html", "png"])
def test_a_map_is_drawn_and_lies_over_the_one_before(
    two_snapshots: Path, tmp_path: Path, ending: str
) -> None:
    if ending == "png":
        pytest.importorskip("matplotlib")
    output = tmp_path / f"map.{ending}"
    old, new = sorted(path for path in two_snapshots.iterdir() if path.is_dir())
    positions = []
    for snapshot in (old, old, new):
        result = run("map", snapshot, "--output", output)
        assert (result.returncode, result.stdout) == (0, ""), result.stderr
        layout = read_layout(output)
        assert layout is not None
        assert set(layout.words) == set(load_vectors(snapshot).words)
        positions.append([layout.positions[layout.words.index(w)] for w in ("king", "国王")])
    np.testing.assert_allclose(positions[0], positions[1], atol=1e-4)
    assert not np.allclose(positions[0], positions[2], atol=1e-4)
    if ending == "html":
        page = output.read_text("utf-8")
        assert page.count("</script>") == page.count("<script")
        assert 'src="http' not in page
    else:
        assert output.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_drift_of_equal_snapshots_is_empty_and_says_so(two_snapshots: Path) -> None:
    result = run("drift", two_snapshots, two_snapshots, "--min-count", "1", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (0, [])
    assert "No word moved by 0.05 or more" in result.stderr
    assert "1.5 times as far" in result.stderr


def test_drift_prints_and_draws(two_snapshots: Path, tmp_path: Path) -> None:
    old, new = sorted(path for path in two_snapshots.iterdir() if path.is_dir())
    result = run(
        "drift", old, new, "--topn", "3", "--min-relative", "0", "--output", tmp_path / "drift.html"
    )
    assert result.returncode == 0, result.stderr
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    document = json.loads(
        run("drift", old, new, "--topn", "3", "--min-relative", "0", "--json").stdout
    )
    assert [row[0] for row in rows] == [entry["word"] for entry in document]
    assert len(document[0]["old_neighbors"]) == 5
    assert (tmp_path / "drift.html").stat().st_size < 200_000
    followed = json.loads(run("drift", "--word", "king", two_snapshots, "--json").stdout)
    assert [entry["snapshot"] for entry in followed] == [old.name, new.name]
    assert followed[0]["moved"] is None
    assert len(run("drift", "--word", "KING", two_snapshots).stdout.splitlines()) == 2


def test_drift_of_one_snapshot_prints_what_is_changing(tmp_path: Path) -> None:
    model = OnlineWord2Vec(LearnerConfig(vector_size=16, min_count=1, sample=0, max_vocab_size=500))
    model.learn(swapped.records())
    model.snapshot(tmp_path)
    result = run("drift", tmp_path, "--topn", "4")
    assert result.returncode == 0, result.stderr
    words = {line.split("\t")[0] for line in result.stdout.splitlines()}
    assert words == swapped.WORDS
    document = json.loads(run("drift", tmp_path, "--json").stdout)
    assert document[0]["score"] >= document[-1]["score"] >= 2
    assert len(document[0]["neighbors"]) == 5
    none = run("drift", tmp_path, "--min-count", "1000000")
    assert (none.returncode, none.stdout, "is changing" in none.stderr) == (0, "", True)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("1 2\na 1 2\n")
    refused = run("drift", vectors)
    assert (refused.returncode, "has no change scores" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["drift", "{folder}", "--output", "x.html"], 2, "nothing is compared: give no --output"),
        (["drift", "{folder}", "{folder}", "--word", "king"], 2, "one folder"),
        (["drift", "{folder}", "{folder}", "--min-count", "100000"], 1, "no word in common"),
        (["drift", "{folder}", "--word", "kong"], 1, "did you mean king"),
        (["drift", "{folder}", "{folder}/00000009-*"], 2, "{folder} has 2: 00000002-"),
        (["map", "{folder}", "--output", "map.pdf"], 2, "neither .html nor .png"),
        (["map", "{folder}", "--output", "missing/map.png"], 1, "cannot be written"),
        (
            ["export", "{folder}", "--format", "npz", "--output", "missing/x"],
            1,
            "cannot be written",
        ),
        (["export", "{folder}", "--format", "csv", "--output", "x"], 2, "csv"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    two_snapshots: Path, tmp_path: Path, args: list[str], code: int, message: str
) -> None:
    result = run(*(arg.format(folder=two_snapshots) for arg in args), cwd=tmp_path)
    assert (result.returncode, result.stdout) == (code, "")
    assert message.format(folder=two_snapshots) in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_changes_are_written(tmp_path: Path) -> None:
    """JSON lines on standard output and in a file, the same in parquet."""
    parquet = pytest.importorskip("pyarrow.parquet")
    config = LearnerConfig(vector_size=4, min_count=1, max_vocab_size=4, sample=0)
    model = OnlineWord2Vec(config)
    model.learn([["a", "b"], ["a", "c"]] * 9)
    old = model.snapshot(tmp_path / "s")
    model.forget(["c"])
    model.learn([["d", "b"]] * 400)
    new = model.snapshot(tmp_path / "s")
    result = run("changes", old, new, "--threshold", "1")
    assert result.returncode == 0, result.stderr
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    wv = load_vectors(new)
    assert [d["word"] for d in documents if d["change"] == "new"] == ["d"]
    np.testing.assert_array_equal(np.array(documents[0]["vector"], np.float32), wv["d"])
    assert documents[0]["count"] == 400
    assert [d for d in documents if d["change"] == "gone"] == [
        {"change": "gone", "id": word_id("c"), "word": "c"}
    ]
    moved = [d for d in documents if d["change"] == "moved"]
    assert moved
    assert {d["word"] for d in moved} <= {"a", "b"}
    assert all(d["cosine"] < 1 for d in moved)
    assert "1 words are new" in result.stderr
    for name in ("x.jsonl", "x.parquet"):
        assert (
            run("changes", old, new, "--threshold", "1", "--output", tmp_path / name).returncode
            == 0
        )
    assert (tmp_path / "x.jsonl").read_text() == result.stdout
    rows = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert [row["word"] for row in rows] == [d["word"] for d in documents]
    assert rows[0]["vector"] == wv["d"].tolist()
    assert rows[-1]["vector"] is None
    assert run("changes", old, new, "--output", tmp_path / "x.csv").returncode == 2


def test_changes_and_maps_of_words_that_are_not_utf8(tmp_path: Path) -> None:
    """JSON has them as escapes and a picture as shown elsewhere; parquet cannot hold them."""
    parquet = pytest.importorskip("pyarrow.parquet")
    old, new = tmp_path / "old.vec", tmp_path / "new.vec"
    old.write_bytes("3 2\na 1 0\nb 0 1\ncaf\xe9 1 1\n".encode("latin-1"))
    new.write_bytes("4 2\na 1 0\nb 0 1\nc 1 2\nna\xefve 1 1\n".encode("latin-1"))
    result = run("changes", old, new)
    assert result.returncode == 0, result.stderr
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    changed = {(document["change"], document["word"]) for document in documents}
    assert changed == {("new", "c"), ("new", "na\udcefve"), ("gone", "caf\udce9")}
    assert all(document["id"] == word_id(document["word"]) for document in documents)
    written = run("changes", old, new, "--output", tmp_path / "x.parquet")
    assert written.returncode == 0, written.stderr
    assert "2 words with bytes that are not UTF-8 left out" in written.stderr
    assert parquet.read_table(tmp_path / "x.parquet")["word"].to_pylist() == ["c"]
    drawn = run("map", new, "--method", "pca", "--output", tmp_path / "x.png")
    assert drawn.returncode == 0, drawn.stderr


def test_json_is_json_whatever_standard_output_can_hold(vectors_file: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii"}
    result = run("neighbors", vectors_file, "king", "--json", env=environment)
    assert {"国王", "🤴🏽"} <= {entry["word"] for entry in json.loads(result.stdout)["king"]}
