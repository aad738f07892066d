"""The text that is measured on: prepared so that every program sees the same words.

Lines have 1,000 words, which is where the programs cut sentences anyway. Words are what lies
between whitespace; invalid UTF-8 and words longer than some program takes are removed before.
"""

from __future__ import annotations

import argparse
import lzma
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LINE_WORDS = 1000
MAX_WORD_BYTES = 60
"""The shortest limit of the programs is w2v-stream's default of 64."""

ZIPF_WORDS = 5_000_000
ZIPF_DISTINCT = 60_000
_READ_CHARACTERS = 1 << 20
_WARM_UP_LINES = 100


@dataclass(frozen=True)
class Text:
    """A prepared text and what is in it."""

    name: str
    path: Path
    warm_up_path: Path  # its first lines, for runs that do not count
    synthetic: bool
    words: int
    counts: Counter[str]

    def frequent(self, min_count: int) -> list[str]:
        """Words seen at least ``min_count`` times, most frequent first."""
        return [word for word, count in self.counts.most_common() if count >= min_count]


def add_data_option(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """The option that :func:`prepare` is given; ``required`` where random text has no meanings."""
    otherwise = "" if required else " (default: random Zipf text)"
    parser.add_argument("--data", type=Path, required=required, help=f"text, may be .xz{otherwise}")


def read_lines(data: Path) -> list[str]:
    """The lines of 1,000 words that :func:`prepare` makes of ``data``."""
    with tempfile.TemporaryDirectory() as folder:
        return prepare(data, Path(folder)).path.read_text().splitlines()


def prepare(data: Path | None, folder: Path) -> Text:
    """Write ``data``, or random text if there is none, into ``folder`` as lines of 1,000 words."""
    if data is not None and not data.is_file():
        sys.exit(f"--data: there is no file {data}")
    path, warm_up_path = folder / "text", folder / "warm_up_text"
    counts: Counter[str] = Counter()
    rest: list[str] = []
    lines = 0
    with path.open("w") as whole, warm_up_path.open("w") as beginning:
        for words in _zipf_text() if data is None else _words_of(data):
            counts.update(words)
            rest += words
            while len(rest) >= LINE_WORDS:
                line, rest = " ".join(rest[:LINE_WORDS]) + "\n", rest[LINE_WORDS:]
                whole.write(line)
                beginning.write(line if lines < _WARM_UP_LINES else "")
                lines += 1
        if rest:
            whole.write(" ".join(rest) + "\n")
    if not counts:
        sys.exit(f"{data} has no words")
    name = data.name if data else f"random Zipf text ({ZIPF_DISTINCT:,} distinct words)"
    return Text(name, path, warm_up_path, data is None, counts.total(), counts)


def _words_of(data: Path) -> Iterator[list[str]]:
    """The words of a file, plain or compressed with xz, some at a time."""
    opened = lzma.open if data.suffix == ".xz" else open
    with opened(data, "rt", encoding="utf-8", errors="replace") as stream:
        tail = ""
        while characters := stream.read(_READ_CHARACTERS):
            words = (tail + characters).split()
            tail = "" if characters[-1].isspace() else words.pop()
            yield [word for word in words if _is_short(word)]
        yield [word for word in tail.split() if _is_short(word)]


def _is_short(word: str) -> bool:
    # Four bytes is the most that UTF-8 takes for a character.
    return 4 * len(word) <= MAX_WORD_BYTES or len(word.encode()) <= MAX_WORD_BYTES


def _zipf_text() -> Iterator[list[str]]:
    """Independent draws from Zipf's law; always the same."""
    rng = np.random.default_rng(1)
    cumulative = np.cumsum(1.0 / np.arange(1, ZIPF_DISTINCT + 1))
    words = [_spelling(rank) for rank in range(1, ZIPF_DISTINCT + 1)]
    for _ in range(ZIPF_WORDS // 100_000):
        draws = np.searchsorted(cumulative, rng.uniform(0, cumulative[-1], 100_000))
        yield [words[draw] for draw in draws]


def _spelling(rank: int) -> str:
    """a, b, ..., z, aa, ab, ...: the more frequent a word, the shorter."""
    letters = ""
    while rank:
        rank, digit = divmod(rank - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return letters
