"""What text becomes on its way into the model, with real processes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.integration.daemons import COMMAND
from w2v_online import load_vectors


def test_records_of_several_lines(tmp_path: Path) -> None:
    """Windows reach over the lines of a record and not into the next one."""
    text = "> a\n  b\n> c\n  d\n" * 10
    command = [*COMMAND, "run", "--snapshot-dir", tmp_path, "--min-count", "1", "--record-start"]
    result = subprocess.run(
        [*command, "> "], input=text, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stderr
    assert "records=20" in result.stderr
    wrong = subprocess.run([*command, "("], input=text, capture_output=True, text=True, timeout=240)
    assert wrong.returncode == 2
    assert "regular expression" in wrong.stderr


def test_phrases_go_on_where_they_were(tmp_path: Path) -> None:
    """Stopped and resumed, the same phrases come at the same places: the models are equal."""
    city = ["new york", *["something else"] * 49]
    lines = [f"w{i % 97} w{i % 89} {city[i % 50]} w{i % 83}\n" for i in range(6000)]

    def learn(folder: Path, text: list[str]) -> None:
        result = subprocess.run(
            [*COMMAND, "run", "--snapshot-dir", folder, "--phrases", "--vector-size", "8"],
            input="".join(text),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert result.returncode == 0, result.stderr

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    learn(whole, lines)
    learn(parts, lines[:1000])
    learn(parts, lines[1000:])
    expected, found = load_vectors(whole), load_vectors(parts)
    assert "new_york" in expected
    assert found.words == expected.words
    assert found.vectors.tobytes() == expected.vectors.tobytes()


def test_json_between_plain_lines(tmp_path: Path) -> None:
    text = '{"m": "one two"}\nplain three\n{"n": "left out"}\n'
    options = ["--snapshot-dir", tmp_path, "--min-count", "1", "--json-other", "text"]
    command = [*COMMAND, "run", *options]
    result = subprocess.run(
        [*command, "--json-field", "m"], input=text, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stderr
    assert "invalid_records=1" in result.stderr
    assert set(load_vectors(tmp_path).words) == {"one", "two", "plain", "three"}
    wrong = subprocess.run(command, input=text, capture_output=True, text=True, timeout=240)
    assert wrong.returncode == 78
    assert "--json-other needs --json-field" in wrong.stderr


def test_long_lines_without_spaces_lose_no_word(tmp_path: Path) -> None:
    """A tokenizer that finds words in them gets all of them; for whitespace they are one token."""
    line = "one;two;" * 1000
    for tokenizer, words in (("log", 2000), ("whitespace", 1)):
        folder = tmp_path / tokenizer
        options = ["--snapshot-dir", folder, "--min-count", "1", "--max-line-bytes", "1024"]
        result = subprocess.run(
            [*COMMAND, "run", *options, "--tokenizer", tokenizer],
            input=line, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        totals = load_vectors(folder).manifest["totals"]
        assert (totals["words"], totals["dropped_tokens"]) == (words, words % 2)
