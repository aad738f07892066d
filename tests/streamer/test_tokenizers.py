"""Tokenizers lose no record, and what they make of text is what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.errors import ConfigurationError
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.log import LogTokenizer
from streamer.tokenizers.registry import open_tokenizer
from streamer.tokenizers.unicode import UnicodeTokenizer
from w2v_online import load_vectors

_LOG = LogTokenizer(keep_words=False)
_UNICODE = UnicodeTokenizer()

_LOG_PIECES = st.sampled_from(
    [
        *[
            "0x1f",
            "127.0.0.1:80",
            "::1",
            "fe80::",
            "2005-06-03",
            "15:42:50.6",
            "Jun",
            "a1",
            "_a_",
            "1s",
            "9kB",
            "/a/b",
            "C:\\",
            "a@b.c",
        ],
        *[
            "00:11:22:33:44:55",
            "01234567-89ab-cdef-0123-456789abcdef",
            "abc1234",
            "Sun",
            "Z",
            "+0200",
        ],
        *["http://", "é", "中", ".", ":", "-", "/", "12", "30/Jun/2026:15:42:50"],
        "\n",
    ]
)
_LOG_TEXT = st.lists(st.one_of(_LOG_PIECES, st.text(max_size=3), st.just(" "))).map("".join)


def _tokens(tokenizer: Tokenizer, line: str) -> str:
    records = _records(tokenizer, line + "\n")
    assert len(records) == 1
    return " ".join(records[0])


def _records(tokenizer: Tokenizer, text: str) -> list[list[str]]:
    tokens = bytes(tokenizer.tokenize(text.encode())).decode()
    assert not tokens or tokens.endswith("\x1e")
    return [[t for t in record.split("\x1f") if t] for record in tokens.split("\x1e")[:-1]]


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("Jun 14 15:16:01 combo sshd(pam_unix)[19939]:", "<TIME> combo sshd pam_unix <NUM>"),
        ("[Sun Dec 04 04:47:44 2005] [notice] ok", "<TIME> notice ok"),
        ("2015-10-18 18:01:47,978 INFO", "<TIME> INFO"),
        ("2015-10-18T18:01:47.978Z x", "<TIME> x"),
        ('[30/Jun/2026:15:42:50 +0200] "GET', "<TIME> GET"),
        ("2005-06-03-15.42.50.675872 R02-M1-N0", "<TIME> R <NUM> M1 N0"),
        ("17/06/09 20:10:40 up", "<TIME> up"),
        ("from 218.188.2.4:22, 1.2.3.4 and 1.2.3.4.5", "from <IP> <PORT> <IP> and <NUM>"),
        ("fe80::1ff:fe23:4567:890a ::1 0:0:0:0:0:0:0:0:2181", "<IP> <IP> <IP> <PORT>"),
        ("proxy.cse.hk:5070 state:12", "proxy cse hk <PORT> state <NUM>"),
        ("00:1b:44:11:3a:b7 up", "<MAC> up"),
        ("req-38101a0b-2096-447d-96ea-a692162415ae", "req <UUID>"),
        ("addr 0x7fed806eb5d 54fadb412c4e40cd deadbeef", "addr <HEX> <HEX> deadbeef"),
        ("open /var/log/a.log: no /tmp and/or C:\\Win\\x", "open <PATH> no tmp and or <PATH>"),
        ("see https://x.org/a?b=1. by joe.x+y@ex.com", "see <URL> by <EMAIL>"),
        ("10ms, 3.5s of 4GB 12 kB -7 1,234", "<SPAN> <SPAN> of <SIZE> <NUM> kB <NUM> <NUM>"),
        ("blk_-1608 node246 eth0 task_14_m_01", "blk <NUM> node <NUM> eth0 task <NUM> m <NUM>"),
        ("broadcast_8 sts:5_rsn _0_ a_3_b", "broadcast <NUM> sts <NUM> rsn <NUM> a <NUM> b"),
        ("DataNode$PacketResponder café 连接", "DataNode PacketResponder café 连接"),
        ("std::add a::b", "std add a b"),
        ("a=__init__; ___", "a init"),
    ],
)  # fmt: skip
def test_log_lines_become_words_and_typed_placeholders(line: str, tokens: str) -> None:
    assert _tokens(_LOG, line) == tokens


def test_log_words_are_split_and_kept_on_request() -> None:
    split = LogTokenizer(split_words=True)
    assert _tokens(split, "readHTTPHeader pam_unix a1B22c") == (
        "read HTTP Header pam unix a <NUM> B <NUM> c"
    )
    keep = LogTokenizer()
    assert _tokens(keep, "/etc/httpd/x2/w.conf ok") == "<PATH> etc httpd w conf ok"
    assert len({_LOG.identity, split.identity, keep.identity}) == 3


def test_small_numbers_are_kept_on_request() -> None:
    """As status codes and levels; longer ones, and what is more than a number, are not."""
    kept = LogTokenizer(keep_digits="3")
    line = "GET 404 in 15ms exit -7 of 1234 blk_42 1.5 10.0.0.1:80 at 12:00:00 eth0"
    assert _tokens(kept, line) == (
        "GET 404 in <SPAN> exit 7 of <NUM> blk <NUM> <NUM> <IP> <PORT> at <TIME> eth0"
    )
    assert _tokens(LogTokenizer(), "GET 404") == "GET <NUM>"
    assert kept.identity.endswith("keep_digits=3 keep_words=true split_words=false")
    again = open_tokenizer("log", {"keep_digits": "3", "keep_words": "true"})
    assert again.identity == kept.identity
    with pytest.raises(ConfigurationError, match="keep_digits is a number up to 9, not 'x'"):
        open_tokenizer("log", {"keep_digits": "x"})


@given(_LOG_TEXT, st.booleans(), st.booleans())
@example("a1\n1a1\n1s,1s", True, True)
def test_log_loses_no_record_and_no_letter(text: str, split: bool, keep: bool) -> None:
    """What is no placeholder is in the text, in its order, line by line."""
    tokenizer = LogTokenizer(split_words=split, keep_words=keep)
    lines = text.split("\n")[: None if text[-1:] not in ("", "\n") else -1]
    records = _records(tokenizer, text)
    assert len(records) == len(lines)
    for line, record in zip(lines, records, strict=True):
        at = 0
        for token in record:
            if re.fullmatch(r"<[A-Z]+>", token):
                continue
            at = line.index(token, 0 if keep else at) + len(token)
        if not re.search(r"[0-9/@:\\]|[A-Z][a-z]{2}", line):
            letters = re.sub(r"[^A-Za-z\x80-\U0010ffff]", "", line)
            assert "".join(record).replace("_", "") == letters


def test_log_takes_linear_time_on_hostile_lines() -> None:
    """Long runs that almost are a value are read a bounded number of times."""
    for piece in (
        "a.",
        "/a",
        "1-",
        "1a",
        "1:",
        "a:",
        "::",
        "f",
        "-",
        "@a",
        "Jun ",
        "a@b",
        "1.1.1.1:",
    ):
        text = (piece * (400_000 // len(piece))).encode()
        assert bytes(_LOG.tokenize(text)).endswith(b"\x1e")


def test_unicode_words_have_folded_case_and_emoji_stay() -> None:
    assert _tokens(_UNICODE, "Can't STRASSE Straße 3.14, e-mail!") == (
        "can't strasse strasse 3.14 e mail"
    )
    assert _tokens(_UNICODE, "I ♥ New\u00a0York 👍🏽🇩🇪 ÷→ \ufffd") == "i ♥ new york 👍🏽 🇩🇪"
    assert _tokens(UnicodeTokenizer(fold_case=False), "Ab") == "Ab"
    assert _tokens(UnicodeTokenizer(nfkc=True), "ﬁne ①") == "fine 1"


@given(st.text(), st.booleans(), st.booleans())
def test_unicode_loses_no_record_and_no_word(text: str, fold_case: bool, nfkc: bool) -> None:
    """Letters and digits of a line are those of its tokens."""
    text = text.encode(errors="replace").decode()
    records = _records(UnicodeTokenizer(fold_case=fold_case, nfkc=nfkc), text)
    lines = text.split("\n")[: None if text[-1:] not in ("", "\n") else -1]
    assert len(records) == len(lines)
    if not (fold_case or nfkc):
        for line, record in zip(lines, records, strict=True):
            kept = "".join(c for c in "".join(record) if c.isalnum())
            assert kept == "".join(c for c in line if c.isalnum())


def test_tokenizers_by_name_with_options() -> None:
    assert open_tokenizer("whitespace", {}).identity == "whitespace"
    identity = open_tokenizer("unicode", {"nfkc": "on"}).identity
    assert identity.startswith("unicode/")
    assert "nfkc=true" in identity
    for name, options, message in [
        ("unicod", {}, "did you mean unicode"),
        ("log", {"split_word": "on"}, "did you mean split_words"),
        ("log", {"split_words": "maybe"}, "on or off"),
        ("whitespace", {"a": "b"}, "it has none"),
    ]:
        with pytest.raises(ConfigurationError, match=message):
            open_tokenizer(name, options)


def test_a_model_is_only_continued_with_its_tokenizer(tmp_path: Path) -> None:
    """The identity stands in the manifest, options included; another one ends with 78."""
    command = [sys.executable, "-m", "streamer", "--snapshot-dir", tmp_path, "--min-count", "1"]
    command += ["--tokenizer", "log", "--tokenizer-option"]

    def run(option: str) -> subprocess.CompletedProcess[str]:
        text = "GET /a/b from 10.0.0.1:80 in 3ms\n"
        return subprocess.run(
            [*command, option], input=text, capture_output=True, text=True, timeout=240
        )

    for _ in range(2):
        result = run("keep_words=off")
        assert result.returncode == 0, result.stderr
    vectors = load_vectors(tmp_path)
    assert set(vectors.words) == {"GET", "<PATH>", "from", "<IP>", "<PORT>", "in", "<SPAN>"}
    assert vectors.counts.tolist() == [2] * 7
    other = run("keep_words=on")
    assert other.returncode == 78
    assert "tokenizer is log/2 keep_words=false split_words=false there" in other.stderr
    assert run("keep_word=on").returncode == 78
