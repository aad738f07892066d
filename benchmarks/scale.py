"""Speed and memory of the daemon at vocabularies of two sizes, up to a million rows.

Random text flows into the daemon's standard input: first every word once, so that all have a row
(--min-count 1), then draws from Zipf's law for as long as wanted. The rate is taken from the
daemon's own log, between its first and last progress line with all rows taken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import processes, programs, report
from benchmarks.processes import Usage
from benchmarks.programs import Settings
from benchmarks.report import MIB, spread, table

LINE_WORDS = 1000
BLOCK_WORDS = 100 * LINE_WORDS
MEMORY_FACTOR = 1.3
MEMORY_EXTRA = 300_000_000
"""What memory is held against: so many times the two float32 matrices, and so many bytes."""


@dataclass(frozen=True)
class Run:
    """One run of the daemon."""

    words_per_second: float
    usage: Usage


class ZipfText:
    """Random text over ``size`` words of seven letters, as blocks of lines of 1,000 words."""

    def __init__(self, size: int) -> None:
        self._rng = np.random.default_rng(1)
        self._size = size
        # Eight bytes a word with the space behind it: a word is one number, text an array.
        spelled = b"".join(b"%07x " % number for number in range(size))
        self._words = self._rng.permutation(np.frombuffer(spelled, np.uint64))

    def every_word(self) -> Iterator[bytes]:
        """Each word once, in the order in which draws would show them for the first time."""
        first_shown = self._rng.exponential(size=self._size) / self.shares()
        order = self._words[np.argsort(first_shown)]
        for begin in range(0, self._size, BLOCK_WORDS):
            yield _lines(order[begin : begin + BLOCK_WORDS])

    def draws(self) -> Iterator[bytes]:
        """Words for ever, the k-th most frequent with a probability of :meth:`shares`."""
        while True:
            uniform = self._rng.random(BLOCK_WORDS)
            ranks = (self._size + 1.0) ** uniform
            yield _lines(self._words[np.minimum(ranks.astype(np.int64), self._size) - 1])

    def shares(self) -> NDArray[np.float64]:
        """log(1 + 1/k) / log(1 + size): Zipf's 1/k, in a form that is drawn without a search."""
        ranks = np.arange(1, self._size + 1)
        return np.log1p(1.0 / ranks) / np.log1p(self._size)

    def kept_share(self, sample: float) -> float:
        """Part of the drawn words that is left after subsampling."""
        shares = self.shares()
        if sample == 0:
            return 1.0
        return float(shares @ np.minimum(1.0, np.sqrt(sample / shares) + sample / shares))


def _lines(words: NDArray[np.uint64]) -> bytes:
    """Text of whole lines; ``words`` are a multiple of a line's."""
    characters = words.copy().view(np.uint8).reshape(-1, 8 * LINE_WORDS)
    characters[:, -1] = ord("\n")
    return characters.tobytes()


def run_daemon(size: int, settings: Settings, seconds: float, cpus: list[int], at: Path) -> Run:
    """Feed the daemon all words, then draws for so many seconds, and let it end."""
    text, log = ZipfText(size), at / "daemon.log"
    command = [
        *programs.daemon(at / "snapshots", settings),
        *("--max-vocab-size", str(size), "--snapshot-every", "100d", "--log-format", "json"),
    ]
    process = processes.start(command, cpus, log, subprocess.PIPE)
    assert process.stdin is not None
    try:
        for block in text.every_word():
            process.stdin.write(block)
        deadline = time.monotonic() + seconds
        for block in text.draws():
            process.stdin.write(block)
            if time.monotonic() > deadline:
                break
    except BrokenPipeError:
        pass  # it has failed; finish() tells why
    usage = processes.finish(process, log)
    return Run(_rate(log, size), usage)


def _rate(log: Path, size: int) -> float:
    """Words a second between the first and the last progress line with every row taken."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    steady = [e for e in events if e["event"] == "progress" and e["vocabulary"] == size]
    if len(steady) < 2:
        sys.exit("too few progress lines: give more --seconds")
    first, last = steady[0], steady[-1]
    began, ended = (datetime.fromisoformat(event["timestamp"]) for event in (first, last))
    return (last["words"] - first["words"]) / (ended - began).total_seconds()


def memory_limit(size: int, vector_size: int) -> float:
    """Bytes that the peak is held against."""
    return MEMORY_FACTOR * 2 * 4 * size * vector_size + MEMORY_EXTRA


def scale_table(runs: dict[int, list[Run]], settings: Settings) -> str:
    """Markdown: a vocabulary a row; the first one is what the others are held against."""
    smallest, *_ = runs.values()
    rows = []
    for size, of_size in runs.items():
        kept = ZipfText(size).kept_share(settings.sample)
        pairs = zip(of_size, smallest, strict=True)
        rows.append(
            [
                f"{size:,}",
                spread(run.words_per_second for run in of_size).format(",.0f"),
                spread(a.words_per_second / b.words_per_second for a, b in pairs).format(".2f"),
                f"{spread(kept * run.words_per_second for run in of_size).median:,.0f}",
                f"{max(run.usage.peak_bytes for run in of_size) / MIB:,.0f}",
                f"{memory_limit(size, settings.vector_size) / MIB:,.0f}",
            ]
        )
    header = ["rows", "words/s", "of the first", "trained words/s", "peak MiB", "limit MiB"]
    return table(header, rows)


def describe(settings: Settings, runs: dict[int, list[Run]]) -> list[str]:
    """The conditions of this benchmark in words."""
    all_runs = [run for of_size in runs.values() for run in of_size]
    return [
        f"Settings: {report.listed(asdict(settings))}, max_vocab_size as many as rows.",
        (
            f"Rates while text flows, rounds in alternation: {len(all_runs) // len(runs)}. "
            "Median (least to greatest); ratios are taken within a round. "
            "The peak is of the whole process with its last snapshot, greatest of all rounds."
        ),
        (
            "Frequent words are a smaller part of a larger vocabulary, so fewer words are thinned "
            "out and a word costs more: trained words are those left, computed from the law."
        ),
        f"Limit: {MEMORY_FACTOR} times the two float32 matrices and {MEMORY_EXTRA // 10**6} MB.",
        report.noise_line(run.usage for run in all_runs),
    ]


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=60, help="of draws; default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    programs.add_options(parser)
    processes.add_cpu_option(parser)
    report.add_docs_option(parser)
    options = parser.parse_args()
    if any(size % LINE_WORDS for size in options.sizes):
        parser.error(f"--sizes must be multiples of {LINE_WORDS}")
    return options


def main() -> None:
    """Measure, print and write the result."""
    options = parse_options()
    settings = replace(programs.settings_of(options), min_count=1)
    cpus = processes.choose_cpus(settings.threads, options.cpu)
    processes.keep_off(cpus)
    runs: dict[int, list[Run]] = {size: [] for size in options.sizes}
    for number in range(1, options.rounds + 1):
        for size in options.sizes:
            with tempfile.TemporaryDirectory(prefix="w2v-benchmark-") as folder:
                run = run_daemon(size, settings, options.seconds, cpus, Path(folder))
            runs[size].append(run)
            report.show_run(number, f"{size:>9,} rows", run.usage, run.words_per_second)
    conditions = report.conditions("scale", *describe(settings, runs))
    document = {
        "settings": asdict(settings),
        "runs": {str(size): [asdict(run) for run in of_size] for size, of_size in runs.items()},
        "memory_limits": {str(size): memory_limit(size, settings.vector_size) for size in runs},
    }
    markdown = f"{scale_table(runs, settings)}\n\n{conditions}"
    report.publish("scale", document, markdown, write_docs=options.write_docs)


if __name__ == "__main__":
    main()
