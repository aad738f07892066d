"""The noise distribution after growth, bursts, decay and evictions: how exact and at what cost.

Compared with the rules of two other online learners, written here after their papers: the adaptive
unigram table (Kaji & Kobayashi 2017) and a reservoir of the stream's words (May et al. 2017). The
reference is count**0.75 of the counts at the end. Ends with an error if w2v-stream's draws deviate
by more than chance allows, or if a removed row is drawn.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from benchmarks import processes, report
from benchmarks.report import MIB, table
from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import below, uniform
from w2v_online.learning.sampler import REDRAW_GROWTH, Negatives, NoiseDistribution
from w2v_online.learning.segments import MAX_SEGMENT_WORDS

EXPONENT = 0.75
STEPS = 20
STEP_WORDS = 1_000_000
BURST_WORDS = 100_000
DECAY = 0.9
EVICTED_PARTS = 100
"""One in so many rows goes to another word in each step."""

TABLES = (100_000_000, 1_000_000)
"""Entries: as in word2vec.c, and so few that the table is full and entries are replaced."""

DRAWN_AT_ONCE = 1 << 20
MIN_EXPECTED = 20
"""Rows expected to be drawn less often are taken together in the chi-square statistic."""

SENTENCE_DRAWS = 5_000
SMALLEST_P = 1e-6

Rows = NDArray[np.int32]
Counts = NDArray[np.float64]


# --- streams ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A part of a stream: first all counts decay, then rows are evicted, then words come."""

    decay: float
    evicted: Rows
    words: Rows


def steady(rows: int) -> Iterator[Step]:
    """Words by Zipf's law from beginning to end."""
    rng = np.random.default_rng(1)
    order = rng.permutation(rows).astype(np.int32)
    for step in range(STEPS):
        everyone = order if step == 0 else order[:0]  # all words are seen once at least
        words = np.concatenate([everyone, _zipf(order, STEP_WORDS, rng)])
        yield Step(1.0, order[:0], rng.permutation(words))


def changing(rows: int) -> Iterator[Step]:
    """The same with new rows, bursts of a few words, decay and evictions in each step."""
    rng = np.random.default_rng(2)
    order = rng.permutation(rows).astype(np.int32)
    known = 0
    for step in range(STEPS):
        evicted = rng.choice(known, known // EVICTED_PARTS, replace=False).astype(np.int32)
        now = rows * (STEPS + step + 1) // (2 * STEPS)
        new = np.arange(known, now, dtype=np.int32)
        known = now
        burst = rng.choice(rng.choice(known, 10), BURST_WORDS).astype(np.int32)
        usual = _zipf(order[order < known], STEP_WORDS, rng)
        words = np.concatenate([evicted, new, burst, usual])
        yield Step(DECAY, evicted, rng.permutation(words))


def _zipf(order: Rows, size: int, rng: np.random.Generator) -> Rows:
    """Draws of the k-th row of ``order`` with a probability of log(1 + 1/k) / log(1 + n)."""
    ranks = (len(order) + 1.0) ** rng.random(size)
    return order[np.minimum(ranks.astype(np.int64), len(order)) - 1]


def before(counts: Counts, step: Step) -> Counts:
    """The counts with which a step's first word meets."""
    counts = counts * step.decay
    counts[step.evicted] = 0.0
    return counts


# --- samplers --------------------------------------------------------------------------------


class Ours:
    """NoiseDistribution and Negatives, as a learner uses them."""

    name = "w2v-stream"

    def __init__(self, rows: int) -> None:
        self._noise = NoiseDistribution(EXPONENT, rows)
        self._negatives = Negatives(self._noise, SENTENCE_DRAWS, 1)
        self._counts = np.zeros(rows)
        self._remapped = np.zeros(rows, np.int32)
        self._total_words = 0
        self._rows = 0

    def learn(self, step: Step, counts: Counts) -> None:
        """Take a step that begins with these counts."""
        self._counts = counts + np.bincount(step.words, minlength=len(counts))
        self._rows = max(self._rows, int(step.words.max()) + 1)
        self._total_words += len(step.words)
        self._update()

    def _update(self) -> None:
        self._noise.update(self._counts[: self._rows], self._total_words)

    def draw(self) -> Rows:
        """Some draws."""
        self._negatives.refill()
        return self._negatives.block

    def update_nanoseconds(self) -> float:
        """For each word: weights once a segment; half a block lost at each REDRAW_GROWTH."""
        updating = _fastest(self._update) / MAX_SEGMENT_WORDS
        drawing = _fastest(self._negatives.refill)
        return 1e9 * (updating + drawing / 2 / ((REDRAW_GROWTH - 1) * self._total_words))

    @property
    def nbytes(self) -> int:
        """Memory, without the counts, which every sampler needs."""
        owners = [vars(self._noise), vars(self._negatives), {"working": self._remapped}]
        arrays = [value for owner in owners for value in owner.values()]
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def weight_error(self) -> float:
        """Largest relative error of a weight."""
        exact = self._counts[: self._rows] ** EXPONENT
        return float(np.abs(self._noise.state()["noise_weights"] / exact - 1).max())

    def draws_of_removed(self) -> int:
        """How often the last rows, one in EVICTED_PARTS, are drawn once they are removed."""
        removed = np.arange(self._rows - self._rows // EVICTED_PARTS, self._rows, dtype=np.int32)
        self._negatives.refill()
        self._negatives.remap(removed, np.full(len(removed), -1, np.int32), self._remapped)
        found = int((self._negatives.block >= removed[0]).sum())
        self._rows = int(removed[0])
        self._update()
        for _ in range(10):
            self._negatives.refill()
            found += int((self._negatives.block >= removed[0]).sum())
        return found


class Peer:
    """A table of rows from which draws are taken uniformly; filled word by word."""

    title = ""

    def __init__(self, entries: int) -> None:
        self._table = np.full(entries, -1, np.int32)  # has its memory before time is taken
        self._filled = 0
        self._state = np.array([1], np.uint64)
        self._block = np.empty(DRAWN_AT_ONCE, np.int32)
        self._seconds = 0.0
        self._words = 0
        self.name = f"{self.title}, {entries // 1_000_000} million"

    def learn(self, step: Step, counts: Counts) -> None:
        """Take a step that begins with these counts."""
        counts = counts.copy()
        began = time.process_time()
        self._filled = self._enter(step.words, counts)
        self._seconds += time.process_time() - began
        self._words += len(step.words)

    def _enter(self, words: Rows, counts: Counts) -> int:
        raise NotImplementedError

    def draw(self) -> Rows:
        """Some draws."""
        draw_uniformly(self._table, self._filled, self._state, self._block)
        return self._block

    def update_nanoseconds(self) -> float:
        """For each word."""
        return 1e9 * self._seconds / self._words

    @property
    def nbytes(self) -> int:
        """Memory, without the counts, which every sampler needs."""
        return self._table.nbytes


class AdaptiveTable(Peer):
    """Kaji & Kobayashi 2017, algorithm 2; told the exact sum of weights before each step."""

    title = "adaptive table"

    def _enter(self, words: Rows, counts: Counts) -> int:
        total = float((counts**EXPONENT).sum())
        filled: int = enter_adaptively(words, counts, total, self._table, self._filled, self._state)
        return filled


class Reservoir(Peer):
    """May et al. 2017: a uniform sample of all words of the stream (Vitter's algorithm R)."""

    title = "reservoir"

    def _enter(self, words: Rows, counts: Counts) -> int:
        filled: int = enter_reservoir(words, self._words, self._table, self._filled, self._state)
        return filled


@kernel
def enter_adaptively(words, counts, total, table, filled, state):
    """Enter each word into the table as often as its weight grows; return how far it is filled.

    Parameters
    ----------
    words : int32[n]
    counts : float64[rows], counted up
    total : float, sum of counts**EXPONENT
    table : int32[entries], written
    filled : int, entries in use
    state : uint64[1], generator; advanced

    """
    for i in range(len(words)):
        word = words[i]
        count = counts[word]
        counts[word] = count + 1.0
        growth = (count + 1.0) ** EXPONENT - count**EXPONENT
        total += growth
        if filled < len(table):
            copies = int(growth + uniform(state))  # rounded at random, right on average
            for _ in range(min(copies, len(table) - filled)):
                table[filled] = word
                filled += 1
        else:
            copies = int(growth / total * len(table) + uniform(state))
            for _ in range(copies):
                table[below(state, len(table))] = word
    return filled


@kernel
def enter_reservoir(words, seen, table, filled, state):
    """Enter each word with the probability that keeps the sample uniform; see the other one.

    ``seen`` is the number of words of the stream so far, below 2**31.
    """
    for i in range(len(words)):
        seen += 1
        if filled < len(table):
            table[filled] = words[i]
            filled += 1
        else:
            entry = below(state, seen)
            if entry < len(table):
                table[entry] = words[i]
    return filled


@kernel
def draw_uniformly(table, filled, state, block):
    """Fill ``block`` with entries of ``table[:filled]``."""
    for i in range(len(block)):
        block[i] = table[below(state, filled)]


# --- comparison ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deviation:
    """How far numbers of draws are from what an exact distribution makes expect."""

    chi_square: float  # per degree of freedom
    p_value: float  # of the upper tail
    total_variation: float


def deviation(drawn: NDArray[np.int64], exact: Counts) -> Deviation:
    """``drawn[row]`` times a row was drawn; its exact probability is ``exact[row]``."""
    expected = exact * drawn.sum()
    often = expected >= MIN_EXPECTED
    seen, due = drawn[often].astype(np.float64), expected[often]
    if not often.all():
        seen = np.append(seen, drawn[~often].sum())
        due = np.append(due, expected[~often].sum())
    statistic = float(((seen - due) ** 2 / due).sum())
    freedom = len(due) - 1
    return Deviation(
        statistic / freedom,
        float(chi2.sf(statistic, freedom)),
        float(np.abs(drawn - expected).sum() / (2 * drawn.sum())),
    )


@dataclass(frozen=True)
class Result:
    """One sampler after one stream."""

    sampler: str
    deviation: Deviation
    nbytes: int | None = None
    update_nanoseconds: float | None = None
    draw_nanoseconds: float | None = None


def _fastest(action: Callable[[], object], rounds: int = 5) -> float:
    """Least seconds of CPU time that an action takes."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return min(times)


def draw(sampler: Ours | Peer, rows: int, draws: int) -> tuple[NDArray[np.int64], float]:
    """How often each row is drawn in at least so many draws, and the nanoseconds of one."""
    drawn = np.zeros(rows, np.int64)
    done, seconds = 0, 0.0
    while done < draws:
        began = time.process_time()
        block = sampler.draw()
        seconds += time.process_time() - began
        drawn += np.bincount(block, minlength=rows)
        done += len(block)
    return drawn, 1e9 * seconds / done


def measure(
    stream: Callable[[int], Iterator[Step]], rows: int, draws: int, samplers: list[Ours | Peer]
) -> list[Result]:
    """Let samplers go through a stream, then draw; independent exact draws come first."""
    counts = np.zeros(rows)
    for step in stream(rows):
        counts = before(counts, step)
        for sampler in samplers:
            sampler.learn(step, counts)
        counts += np.bincount(step.words, minlength=rows)
    exact = counts**EXPONENT
    exact /= exact.sum()
    independent = np.random.default_rng(3).multinomial(draws, exact)
    results = [Result("independent exact draws", deviation(independent, exact))]
    for sampler in samplers:
        drawn, nanoseconds = draw(sampler, rows, draws)
        results.append(
            Result(
                sampler.name,
                deviation(drawn, exact),
                sampler.nbytes,
                sampler.update_nanoseconds(),
                nanoseconds,
            )
        )
    return results


HEADER = [
    "sampler",
    "rows",
    "chi-square / df",
    "p",
    "total variation, %",
    "beyond chance, %",
    "MiB",
    "ns a word",
    "ns a draw",
]


def _cells(rows: int, result: Result, chance: float) -> list[str]:
    found = result.deviation
    costs = [
        "" if result.nbytes is None else f"{result.nbytes / MIB:,.1f}",
        "" if result.update_nanoseconds is None else f"{result.update_nanoseconds:,.1f}",
        "" if result.draw_nanoseconds is None else f"{result.draw_nanoseconds:,.1f}",
    ]
    return [
        result.sampler,
        f"{rows:,}",
        f"{found.chi_square:,.3g}",
        f"{found.p_value:.2g}",
        f"{100 * found.total_variation:.3f}",
        f"{100 * (found.total_variation - chance):+.3f}",
        *costs,
    ]


def _compile() -> None:
    step = Step(1.0, np.empty(0, np.int32), np.zeros(10, np.int32))
    for sampler in [Ours(1), AdaptiveTable(5), Reservoir(5)]:
        sampler.learn(step, np.zeros(1))
        sampler.draw()


def main() -> None:
    """Compare the samplers on both streams."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sampler")
    parser.add_argument("--rows", default="1000,100000,1000000", help="default: %(default)s")
    parser.add_argument("--draws", type=int, default=100_000_000, help="default: %(default)s")
    processes.add_cpu_option(parser)
    report.add_docs_option(parser)
    args = parser.parse_args()
    os.sched_setaffinity(0, processes.choose_cpus(1, args.cpu))
    _compile()
    markdown, document, complaints = [], {}, []
    for stream in (steady, changing):
        lines = []
        for rows in map(int, args.rows.split(",")):
            ours = Ours(rows)
            tables = [kind(n) for kind in (AdaptiveTable, Reservoir) for n in TABLES]
            results = measure(stream, rows, args.draws, [ours, *tables])
            chance = results[0].deviation.total_variation
            lines += [_cells(rows, result, chance) for result in results]
            weight_error, removed = ours.weight_error(), ours.draws_of_removed()
            print(f"{stream.__name__}, {rows:,} rows: largest error of a weight {weight_error:.1e}")
            document[f"{stream.__name__}_{rows}"] = {
                "samplers": [asdict(result) for result in results],
                "weight_error": weight_error,
                "draws_of_removed": removed,
            }
            if removed:
                complaints.append(f"{rows:,} rows: a removed row was drawn {removed} times")
            if results[1].deviation.p_value < SMALLEST_P:
                complaints.append(f"{rows:,} rows: draws deviate by more than chance")
        markdown.append(f"{stream.__doc__}\n\n{table(HEADER, lines)}")
    markdown.append(
        report.conditions(
            "sampler",
            f"Streams of {STEPS} x {STEP_WORDS:,} words; {args.draws:,} draws with the counts as "
            "they are at the end. Times are CPU time.",
            "Removed rows were "
            + ("drawn." if any(d["draws_of_removed"] for d in document.values()) else "not drawn."),
            f"Weights are within {max(d['weight_error'] for d in document.values()):.1e} of "
            "count**0.75, relatively.",
        )
    )
    report.publish("sampler", document, "\n\n".join(markdown), write_docs=args.write_docs)
    if complaints:
        sys.exit("\n".join(complaints))


if __name__ == "__main__":
    main()
