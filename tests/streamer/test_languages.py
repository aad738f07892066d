"""Segmenters of languages without spaces, and tokenizers of users."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamer.errors import ConfigurationError, SourceError
from streamer.tokenizers.registry import open_tokenizer
from streamer.tokenizers.saved import saved_tokenizer
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

_CHINESE = "我们出了一个叛徒、他来到北京清华大学。\nhello 世界 3.5\n\n、。\n"


def _records(text: bytes | bytearray) -> list[list[str]]:
    return [
        [token for token in record.split("\x1f") if token]
        for record in bytes(text).decode().split("\x1e")[:-1]
    ]


def test_chinese_is_what_rjieba_makes_of_it(tmp_path: Path) -> None:
    rjieba = pytest.importorskip("rjieba")
    found = _records(open_tokenizer("chinese", {}).tokenize(_CHINESE.encode()))
    expected = [
        [word for word in rjieba.cut(line) if any(c.isalnum() for c in word)]
        for line in _CHINESE.split("\n")[:-1]
    ]
    assert found == expected
    assert "清华大学" in found[0]
    words = tmp_path / "words.txt"
    words.write_text("来到北京 3\n")
    tokenizer = open_tokenizer("chinese", {"dictionary": str(words)})
    assert "来到北京" in _records(tokenizer.tokenize(_CHINESE.encode()))[0]
    assert tokenizer.identity != open_tokenizer("chinese", {}).identity
    for encoding in ("utf-8-sig", "utf-16"):
        words.write_text("来到北京 3\n", encoding)
        tokenizer = open_tokenizer("chinese", {"dictionary": str(words)})
        assert "来到北京" in _records(tokenizer.tokenize(_CHINESE.encode()))[0]


def test_a_segmenter_that_fails_ends_what_is_to_stop_at_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rjieba = pytest.importorskip("rjieba")

    def cut(text: str) -> list[str]:
        raise RuntimeError(text)

    monkeypatch.setattr(rjieba, "Jieba", lambda: SimpleNamespace(cut=cut))
    skipping = open_tokenizer("chinese", {})
    assert skipping.tokenize(b"one two\n") == b"\x1e"
    assert skipping.failed_records == 1
    strict = open_tokenizer("chinese", {}, stop_at_errors=True)
    with pytest.raises(SourceError, match="RuntimeError: one two"):
        strict.tokenize(b"one two\n")


def test_japanese_and_its_modes() -> None:
    pytest.importorskip("sudachipy")
    pytest.importorskip("sudachidict_small")
    text = "国家公務員は東京に行った。\n".encode()
    short, long = (
        _records(open_tokenizer("japanese", {"mode": m, "dictionary": "small"}).tokenize(text))
        for m in "AC"
    )
    assert "東京" in short[0]
    assert "".join(short[0]) == "".join(long[0]) == "国家公務員は東京に行った"
    tokenizer = open_tokenizer("japanese", {"dictionary": "small"})
    endless = "あ" * 20_000
    assert "".join(_records(tokenizer.tokenize(endless.encode()))[0]) == endless
    with pytest.raises(ConfigurationError, match="A, B or C"):
        open_tokenizer("japanese", {"mode": "D"})


def test_korean_morphemes() -> None:
    pytest.importorskip("kiwipiepy")
    tokenizer = open_tokenizer("korean", {})
    (record,) = _records(tokenizer.tokenize("아버지가 방에 들어가신다.\n".encode()))
    assert record[:4] == ["아버지", "가", "방", "에"]


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for library, name in [
        ("rjieba", "chinese"),
        ("sudachipy", "japanese"),
        ("kiwipiepy", "korean"),
    ]:
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(ConfigurationError, match=rf"w2v-stream\[{name}\]"):
            open_tokenizer(name, {})


_OWN = """
def letters(text, but=""):
    if "bad" in text:
        raise RuntimeError("bad text")
    return [c for c in text if c not in but]
"""


def test_a_function_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found from the working directory; failing records are counted; the file is its identity."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owntokens.py").write_text(_OWN)
    monkeypatch.setattr(sys, "path", [*sys.path])
    tokenizer = open_tokenizer("owntokens:letters", {"but": "c"})
    assert _records(tokenizer.tokenize(b"abc\na bad one\n\n\x1f \x1e\n")) == [
        ["a", "b"],
        [],
        [],
        [" "],
    ]
    assert tokenizer.failed_records == 1
    assert tokenizer.identity.startswith("owntokens:letters/sha256-")
    strict = open_tokenizer("owntokens:letters", {}, stop_at_errors=True)
    with pytest.raises(SourceError, match="bad text"):
        strict.tokenize(b"bad\n")
    for name, options in [
        ("owntokens:none", {}),
        ("nomodule:f", {}),
        ("owntokens:letters", {"x": "1"}),
    ]:
        with pytest.raises(ConfigurationError):
            open_tokenizer(name, options)
    result = subprocess.run(
        [sys.executable, "-m", "streamer", "--tokenizer", "owntokens:letters", "--errors", "stop"],
        input="bad\n",
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "bad text" in result.stderr.splitlines()[-1]


def test_a_function_may_return_line_feeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that resolves HTML's entities: a word in a snapshot is a line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "entities.py").write_text(
        "import html\n\ndef words(text):\n    return html.unescape(text).split(' ')\n"
    )
    tokens = open_tokenizer("entities:words", {}).tokenize(b"a&#10;b c&#10;\n&#10;\n")
    assert _records(tokens) == [["a", "b", "c"], []]


def test_text_that_others_have_split_may_have_line_feeds(tmp_path: Path) -> None:
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=1000))
    learner.learn_text(b"a\nb\x1fc\n\x1e\n\x1e", separated=True)
    assert (learner.totals()["records"], learner.totals()["words"]) == (2, 3)
    learner.snapshot(tmp_path)
    assert sorted(load_vectors(tmp_path).words) == ["a", "b", "c"]


def test_options_of_a_function_keep_their_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot's text is split again by them, and continued by no others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "cases.py").write_text(_OWN)
    name = "cases:letters"
    upper, lower = (open_tokenizer(name, {"but": but}) for but in "Cc")
    assert upper.identity != lower.identity
    again = saved_tokenizer(upper.identity, {}, 64, name=name, options={})
    assert _records(again.tokenize(b"aCc\n")) == [["a", "c"]]
