"""The programs that are compared: their command lines, what they read, the vectors they wrote.

All learn skip-gram with negative sampling in one pass with the same settings. Learning rates are
each program's usual one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from numpy.typing import NDArray

from benchmarks import processes
from benchmarks.processes import Usage
from benchmarks.text import Text
from w2v_online import load_vectors

Vectors = tuple[list[str], NDArray[np.float32]]
"""Words and their vectors, row by row."""


@dataclass(frozen=True)
class Settings:
    """What every program is told; the names are gensim's."""

    vector_size: int = 100
    window: int = 5
    negative: int = 5
    sample: float = 1e-3
    min_count: int = 5
    threads: int = 1


def add_options(parser: argparse.ArgumentParser, without: str = "") -> None:
    """The options that :func:`settings_of` reads, one possibly left out."""
    for name, value in asdict(Settings()).items():
        if name in ("min_count", without):
            continue
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=type(value), default=value, help="default %(default)s")


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings that were given on the command line."""
    names = [name for name in asdict(Settings()) if hasattr(options, name)]
    return Settings(**{name: getattr(options, name) for name in names})


class Program:
    """One of the programs compared."""

    reads_stdin = False

    def __init__(self, name: str, binary: str = "") -> None:
        self.name = name
        self.binary = binary

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """The command line; what it writes begins with the path ``output``."""
        raise NotImplementedError

    def count(self, output: Path) -> tuple[int | None, int]:
        """Words it read, None where it does not tell, and words that it made a vector for."""
        raise NotImplementedError

    def vectors(self, output: Path) -> Vectors:
        """The vectors it wrote."""
        raise NotImplementedError

    def run(self, text: Path, settings: Settings, cpus: list[int], folder: Path) -> Usage:
        """Run it on a text; what it writes takes the place of an earlier run's."""
        shutil.rmtree(folder / self.name, ignore_errors=True)
        (folder / self.name).mkdir()
        command = self.command(text, self.output(folder), settings)
        log = folder / f"{self.name}.log"
        usage = processes.run(command, cpus, log, text if self.reads_stdin else None)
        if not any((folder / self.name).iterdir()):
            sys.exit(f"{self.name} ended well but wrote nothing")
        return usage

    def output(self, folder: Path) -> Path:
        """Where a run in ``folder`` leaves its vectors."""
        return folder / self.name / "output"

    def check(self, text: Text, settings: Settings, folder: Path) -> None:
        """End the benchmark unless the last run read every word and knows every frequent one."""
        words, vectors = self.count(self.output(folder))
        expected = len(text.frequent(settings.min_count))
        if words not in (None, text.words):
            sys.exit(f"{self.name} read {words:,} words, the text has {text.words:,}")
        if not self.knows(vectors, expected):
            sys.exit(f"{self.name} has {vectors:,} vectors, the text {expected:,} frequent words")

    def knows(self, vectors: int, expected: int) -> bool:
        """Whether the number of vectors is right for so many frequent words."""
        return vectors == expected


def daemon(snapshots: Path, settings: Settings) -> list[str]:
    """The command line of w2v-stream with everything that a benchmark of it fixes."""
    return [
        *(sys.executable, "-m", "streamer", "run", "--source", "stdin"),
        *("--snapshot-dir", str(snapshots), "--resume", "never"),
        *(f"--{name.replace('_', '-')}={value}" for name, value in asdict(settings).items()),
    ]


class W2vStream(Program):
    """w2v-stream: the daemon as a user runs it, up to and including its last snapshot.

    ``flags`` come behind those of the settings, of which ``threads`` replaces one.
    """

    reads_stdin = True

    def __init__(self, name: str, *flags: str, threads: int | None = None) -> None:
        super().__init__(name)
        self._flags = flags
        self._threads = threads

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`; the text comes by standard input."""
        if self._threads is not None:
            settings = replace(settings, threads=self._threads)
        return [*daemon(output, settings), *self._flags, "--log-level", "error"]

    def count(self, output: Path) -> tuple[int, int]:
        """As the manifest of the snapshot has it."""
        totals = load_vectors(output).manifest["totals"]
        return totals["words"], totals["vocabulary"]

    def vectors(self, output: Path) -> Vectors:
        """Of the snapshot."""
        opened = load_vectors(output)
        return opened.words, np.array(opened.vectors)


class Gensim(Program):
    """gensim by the script benchmarks/gensim_peer.py, with the Python that runs this.

    ``options`` are those of its Word2Vec; it takes one epoch of skip-gram unless told otherwise.
    """

    def __init__(self, name: str, **options: int) -> None:
        super().__init__(name)
        self._options = options

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`."""
        script = [sys.executable, "-m", "benchmarks.gensim_peer"]
        options = asdict(settings) | self._options
        return [*script, str(text), str(output), json.dumps(options)]

    def count(self, output: Path) -> tuple[int, int]:
        """As the script says."""
        read = json.loads(Path(f"{output}.json").read_text())
        return read["words"], read["vectors"]

    def vectors(self, output: Path) -> Vectors:
        """In the binary format of word2vec.c."""
        keyed = KeyedVectors.load_word2vec_format(str(output), binary=True)
        return keyed.index_to_key, keyed.vectors


class _WritesText(Program):
    """A program that writes the text format of word2vec.c, whose first line has the sizes."""

    suffix = ""

    def count(self, output: Path) -> tuple[None, int]:
        """As the first line of its vectors says."""
        with Path(f"{output}{self.suffix}").open("rb") as stream:
            return None, int(stream.readline().split()[0])

    def knows(self, vectors: int, expected: int) -> bool:
        """Allow a row more: the end of a line, </s>, is a word to these programs."""
        return expected <= vectors <= expected + 1

    def vectors(self, output: Path) -> Vectors:
        """In the text format of word2vec.c."""
        keyed = KeyedVectors.load_word2vec_format(f"{output}{self.suffix}", binary=False)
        return keyed.index_to_key, keyed.vectors


class PWord2vec(_WritesText):
    """pWord2Vec (Ji et al. 2016), the shared-memory program of it."""

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`."""
        return [
            *(self.binary, "-train", str(text), "-output", str(output)),
            *("-size", str(settings.vector_size), "-window", str(settings.window)),
            *("-negative", str(settings.negative), "-sample", str(settings.sample)),
            *("-min-count", str(settings.min_count), "-iter", "1", "-alpha", "0.025"),
            *("-threads", str(settings.threads), "-binary", "0"),
        ]


class Word2vec(PWord2vec):
    """word2vec.c, whose options pWord2Vec has taken over."""

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`."""
        return [*super().command(text, output, settings), "-hs", "0", "-cbow", "0"]


class FastText(_WritesText):
    """fastText without parts of words."""

    suffix = ".vec"

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`."""
        return [
            *(self.binary, "skipgram", "-input", str(text), "-output", str(output)),
            *("-dim", str(settings.vector_size), "-ws", str(settings.window)),
            *("-neg", str(settings.negative), "-loss", "ns", "-t", str(settings.sample)),
            *("-minCount", str(settings.min_count), "-epoch", "1", "-lr", "0.05"),
            *("-thread", str(settings.threads), "-minn", "0", "-maxn", "0"),
        ]


class Yskip(Program):
    """Yskip, incremental: it has no least count, so every word has a vector."""

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`; its incremental training has one thread."""
        return [
            *(self.binary, "-t", "0", "-d", str(settings.vector_size)),
            *("-w", str(settings.window), "-n", str(settings.negative)),
            *("-s", str(settings.sample), "-r", "1", str(text), str(output)),
        ]

    def count(self, output: Path) -> tuple[None, int]:
        """As the first line of its model says."""
        with output.open("rb") as stream:
            return None, int(stream.readline().split()[0])

    def knows(self, vectors: int, expected: int) -> bool:
        """Only that it ran: rare words have a vector too."""
        return vectors >= expected

    def vectors(self, output: Path) -> Vectors:
        """Of its own format: word, count, input vector and output vector, between tabs."""
        words, rows = [], []
        with output.open(encoding="utf-8", errors="replace") as stream:
            next(stream)
            for line in stream:
                word, _, row, *_ = line.split("\t")
                words.append(word)
                rows.append(np.fromstring(row, np.float32, sep=" "))
        return words, np.array(rows)


PEERS: dict[str, type[Program]] = {
    "pword2vec": PWord2vec,
    "word2vec": Word2vec,
    "fasttext": FastText,
    "yskip": Yskip,
}


def make_programs(peers: list[str]) -> list[Program]:
    """w2v-stream, gensim, and the peers given as NAME=BINARY."""
    programs: list[Program] = [W2vStream("w2v-stream"), Gensim("gensim")]
    for peer in peers:
        name, _, binary = peer.partition("=")
        found = shutil.which(binary) if binary else None
        if name == "gensim" and not binary:
            continue  # always there
        if name not in PEERS or found is None:
            sys.exit(f"--peer {peer}: give NAME=BINARY, where NAME is one of {', '.join(PEERS)}")
        programs.append(PEERS[name](name, str(Path(found).resolve())))
    return programs
