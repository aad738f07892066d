"""Streams designed to be slow or to fill memory, beside ordinary text.

Each stream is learned by a process of its own with the default options. Text is made outside the
time measured, which is CPU time: other programs may run. Ends with an error if a stream's rate,
over all of it or over its second half, is less than a third of the ordinary text's, or if a
process took more memory than it had without a model and the model's ceiling.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import processes, report
from benchmarks.report import MIB, table
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning.warmup import warm_up

MAX_ROWS = 1_000_000
BATCH_BYTES = 1 << 19
LINE_WORDS = 512
WORD_BYTES = 8
LONG_WORD_BYTES = 64
"""Bytes of a word with the space behind it."""

MIN_SHARE = 1 / 3
"""Least rate, as a share of the ordinary text's."""

_FNV_PRIME = 0x01000193
_FNV_BASIS = 0x811C9DC5
_LOW_BITS = 0xFFFF

Numbers = NDArray[np.int64]
Letters = NDArray[np.uint8]


def spelled(numbers: Numbers, word_bytes: int = WORD_BYTES) -> Letters:
    """uint8[n, word_bytes]: a word for each number, seven letters first, a space at the end."""
    letters = np.full((len(numbers), word_bytes), ord("x"), np.uint8)
    for column in range(7):
        numbers, digits = np.divmod(numbers, 26)
        letters[:, column] = ord("a") + digits
    letters[:, -1] = ord(" ")
    return letters


def zipf(distinct: int, size: int) -> Iterator[Numbers]:
    """Independent draws, the k-th word with a probability of log(1 + 1/k) / log(1 + distinct)."""
    rng = np.random.default_rng(1)
    while True:
        ranks = (distinct + 1.0) ** rng.random(size)
        yield np.minimum(ranks.astype(np.int64), distinct) - 1


def rounds(distinct: int, size: int) -> Iterator[Numbers]:
    """All words in turn, again and again."""
    for begin in itertools.count(0, size):
        yield np.arange(begin, begin + size) % distinct


def unseen(size: int) -> Iterator[Numbers]:
    """A new word each time."""
    for begin in itertools.count(0, size):
        yield np.arange(begin, begin + size)


def unseen_when_full(size: int) -> Iterator[Numbers]:
    """Words that take all rows, then a new word each time."""
    for begin in itertools.count(0, size):
        numbers = np.arange(begin, begin + size)
        yield np.where(numbers < 5 * MAX_ROWS, numbers % MAX_ROWS, numbers)


def turnover(size: int) -> Iterator[Numbers]:
    """New words all the time, each just often enough to take the row of an older one."""
    groups = math.ceil(MAX_ROWS / size)
    often = 5
    for group in itertools.count():
        if group and group % groups == 0:
            often = math.ceil(1.1 * often) + 1
        for _ in range(often):
            yield np.arange(group * size, (group + 1) * size)


def contested(size: int) -> Iterator[Numbers]:
    """Words that take all rows, as many that wait, then ordinary text in which one more wins."""
    filled = 2 * 5 * MAX_ROWS
    for begin in range(0, filled, size):
        numbers = np.arange(begin, min(begin + size, filled))
        yield numbers % MAX_ROWS + MAX_ROWS * (numbers // (5 * MAX_ROWS))
    for winner, numbers in enumerate(zipf(100_000, size), MAX_ROWS):
        numbers[:: size // 16] = winner
        yield numbers


def colliding_words(distinct: int) -> Letters:
    """Words whose 32-bit FNV-1a hashes end in 16 zero bits.

    The low bits of this hash depend on low bits alone: it is taken forward from the beginning of
    a word of four letters and backward from the end of three, and where both meet is a word.
    """
    starts = spelled(np.arange(26**4))[:, :4]
    ends = spelled(np.arange(26**3))[:, :3]
    forward = np.full(len(starts), _FNV_BASIS & _LOW_BITS)
    for column in range(4):
        forward = ((forward ^ starts[:, column]) * _FNV_PRIME) & _LOW_BITS
    backward = np.zeros(len(ends), np.int64)
    inverse = pow(_FNV_PRIME, -1, _LOW_BITS + 1)
    for column in reversed(range(3)):
        backward = ((backward * inverse) & _LOW_BITS) ^ ends[:, column]
    order = np.argsort(forward, kind="stable")
    first = np.searchsorted(forward[order], backward, "left")
    behind = np.searchsorted(forward[order], backward, "right")
    words = [
        np.hstack([starts[order[a:b]], np.tile(end, (b - a, 1))])
        for a, b, end in zip(first, behind, ends, strict=True)
    ]
    found = np.concatenate(words)[:distinct]
    if len(found) < distinct:
        raise ValueError(f"only {len(found)} words collide")
    return np.hstack([found, np.full((distinct, 1), ord(" "), np.uint8)])


def fnv1a(word: bytes) -> int:
    """The 32-bit hash."""
    value = _FNV_BASIS
    for byte in word:
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value


@dataclass(frozen=True)
class Stream:
    """Numbers in batches of a size, and how a number is spelled."""

    description: str
    numbers: Callable[[int], Iterator[Numbers]]
    spell: Callable[[], Callable[[Numbers], Letters]] = lambda: spelled
    word_bytes: int = WORD_BYTES

    def batches(self, words: int) -> Iterator[bytearray]:
        """Text of at least so many words, in lines."""
        size = BATCH_BYTES // self.word_bytes
        spell = self.spell()
        for numbers in itertools.islice(self.numbers(size), math.ceil(words / size)):
            letters = spell(numbers)
            letters[LINE_WORDS - 1 :: LINE_WORDS, -1] = ord("\n")
            yield bytearray(letters.tobytes())


def _spell_colliding() -> Callable[[Numbers], Letters]:
    words = colliding_words(100_000)
    if any(fnv1a(word[:-1].tobytes()) & _LOW_BITS for word in words[::1000]):
        raise ValueError("the words do not collide")
    return lambda numbers: words[numbers]


BASELINE = "zipf"
STREAMS = {
    BASELINE: Stream("ordinary: Zipf's law, 100,000 words", lambda size: zipf(100_000, size)),
    "unseen": Stream("never the same word twice", unseen),
    "rounds": Stream("1,000,000 words in turn", lambda size: rounds(MAX_ROWS, size)),
    "crowded": Stream(
        "1,500,000 words in turn, half as many again as rows",
        lambda size: rounds(3 * MAX_ROWS // 2, size),
    ),
    "one": Stream("one word", lambda size: rounds(1, size)),
    "collide": Stream(
        "100,000 words in turn, equal in 16 bits of FNV-1a",
        lambda size: rounds(100_000, size),
        _spell_colliding,
    ),
    "control": Stream("100,000 words in turn, no such words", lambda size: rounds(100_000, size)),
    "turnover": Stream("new words that each take a row from an older one", turnover),
    "contested": Stream(
        "all rows taken, 1,000,000 words waiting, ordinary text; one row a batch is reassigned",
        contested,
    ),
    "full": Stream(
        "all rows taken, then never the same word twice; 63 bytes a word",
        unseen_when_full,
        lambda: lambda numbers: spelled(numbers, LONG_WORD_BYTES),
        LONG_WORD_BYTES,
    ),
}


@dataclass(frozen=True)
class Measured:
    """What one stream took."""

    words: int
    trained_words: int
    elapsed_seconds: float
    rate: float  # words a second of CPU time
    second_half_rate: float  # the same from the middle of the stream on
    cpu_seconds: float
    longest_batch_seconds: float
    peak_bytes: int
    ceiling_bytes: int  # of the process: what it had before, and what the model says
    vocabulary: int
    totals: dict[str, int]


def _memory(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{field}:\s*(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def measure(name: str, words: int) -> Measured:
    """Learn a stream in this process."""
    config = LearnerConfig(max_vocab_size=MAX_ROWS)
    warm_up(config)
    before_bytes = _memory("VmRSS")
    model = OnlineWord2Vec(config)
    seconds: list[float] = []
    elapsed_seconds = 0.0
    trained_words = 0
    for text in STREAMS[name].batches(words):
        began, cpu_began = time.perf_counter(), time.process_time()
        trained_words += model.learn_text(text).trained_words
        seconds.append(time.process_time() - cpu_began)
        elapsed_seconds += time.perf_counter() - began
    batch_words = model.total_words / len(seconds)
    second_half = seconds[len(seconds) // 2 :]
    return Measured(
        words=model.total_words,
        trained_words=trained_words,
        elapsed_seconds=elapsed_seconds,
        cpu_seconds=sum(seconds),
        rate=model.total_words / sum(seconds),
        second_half_rate=batch_words * len(second_half) / sum(second_half),
        longest_batch_seconds=max(seconds),
        peak_bytes=_memory("VmHWM"),
        ceiling_bytes=before_bytes + model.max_bytes,
        vocabulary=len(model.vocabulary),
        totals=model.totals(),
    )


def _in_process(name: str, words: int) -> Measured:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as executor:
        return executor.submit(measure, name, words).result()


def _cells(name: str, measured: Measured, baseline: Measured) -> list[str]:
    return [
        STREAMS[name].description,
        f"{measured.words / 1e6:,.0f}",
        f"{measured.trained_words / measured.words:.0%}",
        f"{measured.rate:,.0f}",
        f"{measured.rate / baseline.rate:.2f}",
        f"{measured.second_half_rate:,.0f}",
        f"{measured.second_half_rate / baseline.second_half_rate:.2f}",
        f"{1000 * measured.longest_batch_seconds:,.0f}",
        f"{measured.peak_bytes / MIB:,.0f}",
        f"{measured.ceiling_bytes / MIB:,.0f}",
    ]


def _complaints(name: str, measured: Measured, baseline: Measured) -> Iterator[str]:
    description = STREAMS[name].description
    for rate, usual in [
        (measured.rate, baseline.rate),
        (measured.second_half_rate, baseline.second_half_rate),
    ]:
        if rate < MIN_SHARE * usual:
            yield f"{description}: {rate:,.0f} words/s, less than a third of {usual:,.0f}"
    if measured.peak_bytes > measured.ceiling_bytes:
        excess = (measured.peak_bytes - measured.ceiling_bytes) / MIB
        yield f"{description}: {excess:,.0f} MiB more than the ceiling"


def main() -> None:
    """Measure the streams one after the other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adversarial")
    parser.add_argument("--words", type=int, default=20_000_000, help="words of each stream")
    parser.add_argument(
        "--streams", default=",".join(STREAMS), help="some of them (default: %(default)s)"
    )
    processes.add_cpu_option(parser)
    report.add_docs_option(parser)
    args = parser.parse_args()
    names = [name for name in args.streams.split(",") if name != BASELINE]
    unknown = set(names) - set(STREAMS)
    if unknown:
        parser.error(f"--streams: there is no {', '.join(sorted(unknown))}")
    os.sched_setaffinity(0, processes.choose_cpus(1, args.cpu))
    _in_process("one", 1)  # compiles the kernels
    results: dict[str, Measured] = {}
    for name in [BASELINE, *names]:
        results[name] = measured = _in_process(name, args.words)
        share = measured.cpu_seconds / measured.elapsed_seconds
        print(f"{name}: {measured.rate:,.0f} words/s, {share:.0%} CPU", flush=True)
    baseline = results[BASELINE]
    header = [
        "stream",
        "million words",
        "trained",
        "words/s",
        "of ordinary",
        "second half",
        "of ordinary",
        "longest batch, ms",
        "peak MiB",
        "ceiling MiB",
    ]
    cells = [_cells(name, measured, baseline) for name, measured in results.items()]
    share = min(measured.cpu_seconds / measured.elapsed_seconds for measured in results.values())
    conditions = report.conditions(
        "adversarial",
        f"Options: the defaults, max_vocab_size {MAX_ROWS:,}. Batches of {BATCH_BYTES >> 10} KiB, "
        f"lines of {LINE_WORDS} words; text is made outside the time measured.",
        "Words a second of CPU time in learn_text, which one thread runs; every process had its "
        f"CPU for at least {share:.0%} of the time.",
    )
    report.publish(
        "adversarial",
        {name: asdict(measured) for name, measured in results.items()},
        f"{table(header, cells)}\n\n{conditions}",
        write_docs=args.write_docs,
    )
    complaints = [
        complaint
        for name, measured in results.items()
        for complaint in _complaints(name, measured, baseline)
    ]
    if complaints:
        sys.exit("\n".join(complaints))


if __name__ == "__main__":
    main()
