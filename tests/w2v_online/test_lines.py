"""Lines to tokens and vectors, as the text of the model was prepared."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import ConfigurationError
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.log import LogTokenizer
from streamer.tokenizers.phrases import PhraseTokenizer
from streamer.tokenizers.registry import open_tokenizer
from streamer.tokenizers.unicode import UnicodeTokenizer
from streamer.tokenizers.whitespace import WhitespaceTokenizer
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors
from w2v_online.errors import SnapshotError, W2VError

LINES = [
    "2026-01-31 10:00:01 sshd[24200]: Failed password for root from 10.0.0.7 port 22",
    "",
    "naïve Café — naïve 北京 🤦🏽‍♂️",
    "New York and new york\tand\x0bNew York",
    "   ",
    "nothing of this is known to anybody",
    "Failed password " * 50,
]


def _learned(folder: Path, tokenizer: Tokenizer, **extra: object) -> Path:
    """A snapshot of a model that has learned some of the lines."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=24, min_count=1), tokenizer=tokenizer.identity)
    if isinstance(tokenizer, PhraseTokenizer):
        model.text_state = tokenizer.state()
    kept = [line for line in LINES if "known" not in line]
    text = "".join(f"{line}\n" for line in kept * 40).encode()
    if extra.get("text") == {"lowercase": True}:
        text = text.lower()
    model.learn_text(tokenizer.tokenize(text), separated=tokenizer.is_separated)
    return model.snapshot(folder, **extra)


MAKERS: dict[str, Callable[[], Tokenizer]] = {
    "whitespace": WhitespaceTokenizer,
    "unicode": UnicodeTokenizer,
    "log": LogTokenizer,
    "log with options": lambda: open_tokenizer("log", {"split_words": "on"}),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("lowercase", [False, True])
def test_lines_are_embedded_like_one_after_the_other(
    tmp_path: Path, maker: str, lowercase: bool
) -> None:
    """The same tokens as in training, and the mean of their vectors, rare words first."""
    snapshot = _learned(tmp_path, MAKERS[maker](), text={"lowercase": lowercase})
    wv = load_vectors(snapshot)
    found = wv.embed_lines(LINES)
    expected = [wv.embed(wv.tokenize(line)) for line in LINES]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    known = [any(token in wv for token in wv.tokenize(line)) for line in LINES]
    assert (
        [bool(row.any()) for row in found] == known == [True, False, True, True, False, False, True]
    )
    assert all(token in wv for line in LINES if "known" not in line for token in wv.tokenize(line))
    np.testing.assert_array_equal(found, wv.embed_lines(line.encode() for line in LINES))
    assert wv.embed_lines([]).shape == (0, 24)
    many = wv.embed_lines(LINES * 3000)
    np.testing.assert_array_equal(many, np.tile(found, (3000, 1)))


def test_tokens_are_what_the_model_has_learned(tmp_path: Path) -> None:
    wv = load_vectors(_learned(tmp_path, LogTokenizer(), text={"lowercase": True}))
    expected = "<TIME> sshd <NUM> failed password for root from <IP> port <NUM>"
    assert wv.tokenize(LINES[0]) == expected.split()
    assert wv.tokenize("UNKNOWN words\nof two lines") == ["unknown", "words", "of", "two", "lines"]
    assert wv.tokenize("") == []


def test_phrases_are_joined_also_by_vectors_alone(tmp_path: Path) -> None:
    """Those that had been learned: reading learns no more of them."""
    tokenizer = PhraseTokenizer(
        WhitespaceTokenizer(), threshold=1.0, min_count=2, max_token_bytes=64
    )
    whole = _learned(tmp_path, tokenizer)
    wv = load_vectors(whole)
    assert "Failed_password" in wv
    for _ in range(30):
        assert "two_words" not in wv.tokenize("two words Failed password two words")
    assert "Failed_password" in wv.tokenize("two words Failed password")
    model = OnlineWord2Vec.restore(whole)
    alone = load_vectors(model.snapshot(tmp_path, vectors_only=True))
    assert "Failed_password" in alone.tokenize("Failed password")
    with pytest.raises(SnapshotError, match="phrases"):
        load_vectors(model.snapshot(tmp_path / "other", vectors_only=True)).tokenize("a b")


def test_fields_of_json_are_taken_out(tmp_path: Path) -> None:
    """Several records of a document are one line; plain text may be asked about, too."""
    snapshot = _learned(
        tmp_path, WhitespaceTokenizer(), text={"lowercase": False, "json_field": ["a", "b.c"]}
    )
    wv = load_vectors(snapshot)
    document = json.dumps({"a": "Failed\npassword", "b": {"c": [["New"], ["York"]]}, "d": "and"})
    assert wv.tokenize(document) == ["Failed", "password", "New", "York"]
    lines = [document, '{"d": "no such field"}', "Failed password", "[broken", document]
    expected = [wv.embed(tokens) for tokens in (
        ["Failed", "password", "New", "York"], [], ["Failed", "password"], ["[broken"],
        ["Failed", "password", "New", "York"],
    )]  # fmt: skip
    np.testing.assert_allclose(wv.embed_lines(lines), expected, atol=1e-6)
    assert wv.lines.text.failed_lines == 1


def test_a_function_of_ones_own_runs_only_if_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot from elsewhere must not choose what is imported and called."""
    (tmp_path / "shop.py").write_text("def words(text):\n    return text.upper().split('-')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    snapshot = _learned(tmp_path / "s", open_tokenizer("shop:words", {}))
    for name in (None, "shop:other", "whitespace"):
        with pytest.raises(ConfigurationError, match="only run if you name it") as caught:
            load_vectors(snapshot, tokenizer=name).tokenize("a-b")
        assert isinstance(caught.value, W2VError)
    named = load_vectors(snapshot, tokenizer="shop:words")
    assert named.tokenize("a-b c") == ["A", "B C"]


def test_vector_files_are_split_by_white_space_and_say_that_counts_are_missing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "v.vec"
    file.write_bytes(b"4 2\na 1 0\nb 0 1\nnew york 5 5\n\xff 9 9\n")
    wv = load_vectors(file)
    assert wv.tokenize("a\tB  new york") == ["a", "B", "new", "york"]
    with pytest.warns(UserWarning, match=r"v\.vec has no counts"):
        found = wv.embed_lines(["a a b", b"\xff new york"])
    np.testing.assert_allclose(found, [[2 / 3, 1 / 3], [0, 0]], rtol=1e-6)
    with pytest.warns(UserWarning, match="all of them weigh the same"):
        wv.embed(["a", "b"])
    (tmp_path / "v.vec.vocab").write_bytes(b"a 900\nb 1\nnew york 1\n\xff 1\n")
    rare = load_vectors(file).embed_lines(["a b"])[0]
    assert rare[1] > 100 * rare[0]


def test_vectors_in_memory_are_indexed(tmp_path: Path) -> None:
    """Words that no token can be, with line feeds or without letters, change nothing."""
    words = ["a", "x\ny", "", "é" * 40, "b"]
    wv = WordVectors.from_arrays(words, np.eye(5), [5, 4, 3, 2, 1])
    found = wv.embed_lines(["a", "x\ny", "x y", "é" * 40, "b b", "é" * 39])
    assert [np.flatnonzero(row).tolist() for row in found] == [[0], [], [], [3], [4], []]


def test_one_string_is_no_list_of_lines(tmp_path: Path) -> None:
    wv = WordVectors.from_arrays(["a"], np.ones((1, 2)), [1])
    with pytest.raises(TypeError, match="list of lines"):
        wv.embed_lines("a")


def test_threads_share_a_tokenizer(tmp_path: Path) -> None:
    wv = load_vectors(_learned(tmp_path, LogTokenizer()))
    expected = {line: wv.embed_lines([line] * 50) for line in LINES}
    wrong: list[str] = []

    def ask(line: str) -> None:
        found = [wv.embed_lines([line] * 50) for _ in range(100)]
        wrong.extend(line for part in found if not np.array_equal(part, expected[line]))

    threads = [threading.Thread(target=ask, args=(line,)) for line in LINES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
