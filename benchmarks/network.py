"""Clusters under network limits: words per second of up to 100 workers, computed and simulated.

Usage: python -m benchmarks.network [--write-docs]

A node has a worker, a shard and a network card. How many rows an exchange has follows from Zipf's
law, the vocabulary and the interval; what a row costs is measured (benchmarks.exchange). The
simulation lets every message of every node wait for its turn in both cards and in the shard.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.plots import new_figure, save_figure
from streamer.cluster.session import OVERLAP_PIECES
from w2v_online.sharing.shared_rows import Schedule

WORDS_PER_SECOND = 2_400_000.0
"""Of a worker with vectors of 100 values, when it exchanges nothing (benchmarks.speed)."""

ROW_SECONDS = 0.18e-6
"""CPU time that a row takes a worker, and as much a shard, at 100 values (benchmarks.exchange)."""

ROW_OVERHEAD_BYTES = 17
"""Of word, unit and number of updates, besides a byte a value."""

COUNT_BYTES = 12
"""Of a word and its count."""

MESSAGE_SECONDS = 0.0005
"""That a message takes in either program, besides its bytes (Ray's actors)."""

NEGATIVE, SAMPLE, EXPONENT = 5, 1e-3, 0.75
GIGABIT = 1e9 / 8
_PLOT = report.DOCS.parent / "network.svg"


@dataclass(frozen=True)
class Cluster:
    """What a cluster has to do, and with what."""

    workers: int
    vocabulary: int
    vector_size: int
    interval: int
    bytes_per_second: float
    latency_seconds: float = 0.0002

    @property
    def words_per_second(self) -> float:
        """Of one worker that exchanges nothing: work grows with the values of a vector."""
        return WORDS_PER_SECOND * 100 / self.vector_size

    @property
    def piece_seconds(self) -> float:
        """That a worker learns while an exchange is under way, before it waits."""
        return self.interval / OVERLAP_PIECES / self.words_per_second

    @property
    def row_bytes(self) -> float:
        """Of a row on its way."""
        return self.vector_size + ROW_OVERHEAD_BYTES

    @property
    def row_seconds(self) -> float:
        """Of a worker's CPU, and of a shard's, for a row."""
        return ROW_SECONDS * self.vector_size / 100


@dataclass(frozen=True)
class Exchange:
    """What one exchange of one worker has; bytes to and from all shards together."""

    rows_up: float
    rows_down: float
    bytes_up: float
    bytes_down: float


def _ranks(vocabulary: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Some ranks, and how many words each stands for."""
    edges = np.unique(np.geomspace(1, vocabulary + 1, 4000).astype(np.int64))
    return np.sqrt(edges[:-1] * (edges[1:] - 1.0)), np.diff(edges).astype(np.float64)


def _due(updates: NDArray[np.float64], words: NDArray[np.float64]) -> float:
    """Rows that are due, of those with so many updates since they were last: at random moments."""
    schedule = Schedule()
    at_once = _tail(updates, schedule.updates)
    # A row whose turn comes has what came since its last turn.
    in_turn = (1 - np.exp(-updates * schedule.turns)) / schedule.turns
    return float((words * np.maximum(at_once, in_turn)).sum())


def _tail(mean: NDArray[np.float64], least: int) -> NDArray[np.float64]:
    """The probability of at least so many, by Poisson's law."""
    term = np.exp(-mean)
    total = term.copy()
    for k in range(1, least):
        term = term * mean / k
        total += term
    return 1 - total


def exchange(cluster: Cluster) -> Exchange:
    """What an exchange of this cluster has when every worker is at the same speed."""
    ranks, words = _ranks(cluster.vocabulary)
    shares = 1 / ranks
    shares /= (shares * words).sum()
    kept = np.minimum(1, np.sqrt(SAMPLE / shares) + SAMPLE / shares)
    seen = shares * kept
    noise = shares**EXPONENT
    noise /= (noise * words).sum()
    n_seen = float((seen * words).sum())
    inputs = cluster.interval * seen
    outputs = cluster.interval * (seen + NEGATIVE * n_seen * noise)
    others = cluster.workers - 1
    up = _due(inputs, words) + _due(outputs, words)
    down = (_due(others * inputs, words) + _due(others * outputs, words)) if others else 0.0
    counted = float((words * (1 - np.exp(-cluster.interval * shares))).sum())
    return Exchange(
        up,
        down,
        up * cluster.row_bytes + counted * COUNT_BYTES,
        down * cluster.row_bytes + others * counted * COUNT_BYTES,
    )


def computed(cluster: Cluster) -> float:
    """Words per second of the whole cluster: the slowest of learning, merging and the network.

    A worker learns one piece while an exchange is under way, then it waits.
    """
    one = exchange(cluster)
    n = cluster.workers
    if n == 1:
        return cluster.words_per_second
    cpu = cluster.interval / cluster.words_per_second
    cpu += (one.rows_up + one.rows_down) * cluster.row_seconds + n * MESSAGE_SECONDS
    shard = (one.rows_up + one.rows_down) * cluster.row_seconds + n * MESSAGE_SECONDS
    # A card sends what its worker pushes and what its shard answers, and receives as much.
    wire = (one.bytes_up + one.bytes_down) * (n - 1) / n / cluster.bytes_per_second
    answered = wire + shard / n + 4 * cluster.latency_seconds
    waits = max(0.0, answered - cluster.piece_seconds)
    seconds = max(cpu + waits, shard, wire)
    return n * cluster.interval / seconds


class Simulation:
    """Every worker, card and shard with what waits for it; one exchange of a worker at a time.

    Things happen in the order of time: a message waits in the sender's card, then in the
    receiver's, a push then for its shard, and its answer goes back the same way.
    """

    def __init__(self, cluster: Cluster, seed: int = 1) -> None:
        self._cluster = cluster
        self._one = exchange(cluster)
        n = cluster.workers
        self._sending, self._receiving, self._merging = ([0.0] * n for _ in range(3))
        self._unanswered = [0] * n
        self._is_waiting = [False] * n
        self._done = [0] * n
        self._now = 0.0
        self._events: list[tuple[float, int, str, int, int]] = []
        self._numbers = itertools.count()
        self._random = np.random.default_rng(seed)

    def words_per_second(self, exchanges: int) -> float:
        """Of the whole cluster, over so many exchanges of each worker."""
        # Workers begin at different moments, as partitions do.
        begins = self._random.uniform(0, self._stretch, self._cluster.workers)
        for worker in range(self._cluster.workers):
            self._at(begins[worker], "learned", worker, 0)
        seconds = []
        while self._events:
            self._now, _, what, a, b = heapq.heappop(self._events)
            if what == "learned" and self._done[a] == exchanges:
                seconds.append(self._now - begins[a])
            else:
                getattr(self, f"_{what}")(a, b)
        return self._cluster.workers * exchanges * self._cluster.interval / float(np.mean(seconds))

    @property
    def _stretch(self) -> float:
        """Seconds between two exchanges, if nothing is waited for."""
        cluster, one = self._cluster, self._one
        own = (one.rows_up + one.rows_down) * cluster.row_seconds
        own += cluster.workers * MESSAGE_SECONDS
        return cluster.interval / cluster.words_per_second + own

    def _at(self, time: float, what: str, a: int, b: int) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), what, a, b))

    def _learned(self, worker: int, _: int) -> None:
        n = self._cluster.workers
        self._done[worker] += 1
        self._unanswered[worker] = n
        for shard in self._random.permutation(n):
            self._send(worker, int(shard), self._one.bytes_up / n, "pushed")
        self._at(self._now + self._cluster.piece_seconds, "continued", worker, 0)

    def _continued(self, worker: int, _: int) -> None:
        self._is_waiting[worker] = self._unanswered[worker] > 0
        if not self._is_waiting[worker]:
            self._at(self._now + self._stretch - self._cluster.piece_seconds, "learned", worker, 0)

    def _send(self, sender: int, receiver: int, n_bytes: float, what: str) -> None:
        seconds = n_bytes / self._cluster.bytes_per_second if sender != receiver else 0.0
        sent = self._sending[sender] = max(self._now, self._sending[sender]) + seconds
        self._at(sent + self._cluster.latency_seconds, what, sender, receiver)

    def _received(self, receiver: int, n_bytes: float) -> float:
        """When a message of which the last byte may come now has come."""
        seconds = n_bytes / self._cluster.bytes_per_second
        there = self._receiving[receiver] = max(self._now, self._receiving[receiver] + seconds)
        return there

    def _pushed(self, worker: int, shard: int) -> None:
        n, one = self._cluster.workers, self._one
        there = self._received(shard, one.bytes_up / n if worker != shard else 0.0)
        seconds = (one.rows_up + one.rows_down) / n * self._cluster.row_seconds + MESSAGE_SECONDS
        merged = self._merging[shard] = max(there, self._merging[shard]) + seconds
        self._at(merged, "merged", shard, worker)

    def _merged(self, shard: int, worker: int) -> None:
        self._send(shard, worker, self._one.bytes_down / self._cluster.workers, "answered")

    def _answered(self, shard: int, worker: int) -> None:
        n_bytes = self._one.bytes_down / self._cluster.workers if worker != shard else 0.0
        self._at(self._received(worker, n_bytes), "applied", worker, 0)

    def _applied(self, worker: int, _: int) -> None:
        self._unanswered[worker] -= 1
        if self._is_waiting[worker]:
            self._continued(worker, 0)


WORKERS = (1, 2, 4, 8, 16, 32, 64, 100)
SIZES = ((100_000, 100), (1_000_000, 100), (1_000_000, 300), (10_000_000, 300))
INTERVALS = (1_000_000, 10_000_000)
GIGABITS = (1, 10, 25)
_EXCHANGES = 6


def _speed(cluster: Cluster) -> tuple[float, float]:
    """Computed and simulated."""
    alone = cluster.workers == 1
    simulated = computed(cluster) if alone else Simulation(cluster).words_per_second(_EXCHANGES)
    return computed(cluster), simulated


def _table(speeds: dict[Cluster, tuple[float, float]]) -> str:
    rows = []
    for (vocabulary, size), interval, gigabits in itertools.product(SIZES, INTERVALS, GIGABITS):
        cells = [f"{vocabulary:,} x {size}", f"{interval / 1e6:.0f}", str(gigabits)]
        for workers in (2, 4, 16, 100):
            cluster = Cluster(workers, vocabulary, size, interval, gigabits * GIGABIT)
            alone = cluster.words_per_second
            by_arithmetic, simulated = (speed / alone for speed in speeds[cluster])
            cells.append(f"{by_arithmetic:.1f} / {simulated:.1f}")
        one = exchange(Cluster(100, vocabulary, size, interval, gigabits * GIGABIT))
        cells.append(f"{(one.bytes_up + one.bytes_down) / interval:,.0f}")
        rows.append(cells)
    header = ["V x D", "interval, million words", "Gbit/s"]
    header += [f"{workers} workers" for workers in (2, 4, 16, 100)]
    return report.table([*header, "bytes per word at 100"], rows)


def _plot(speeds: dict[Cluster, tuple[float, float]]) -> None:
    """Words per second against workers, by network, a panel for each size."""
    figure = new_figure(10, 2.8)
    panels = figure.subplots(1, len(SIZES), sharex=True)
    for axis, (vocabulary, size) in zip(panels, SIZES, strict=True):
        for gigabits, color in zip(GIGABITS, ("#a9b4c2", "#61a5c2", "#013a63"), strict=True):
            clusters = [
                Cluster(workers, vocabulary, size, INTERVALS[-1], gigabits * GIGABIT)
                for workers in WORKERS
            ]
            computed_, simulated = zip(*(speeds[cluster] for cluster in clusters), strict=True)
            axis.plot(WORKERS, np.array(computed_) / 1e6, color=color, label=f"{gigabits} Gbit/s")
            axis.plot(WORKERS, np.array(simulated) / 1e6, "o", color=color, markersize=3)
        axis.set(xscale="log", yscale="log", xlabel="workers", title=f"V {vocabulary:,}, D {size}")
        axis.title.set_fontsize(9)
    panels[0].set_ylabel("million words/s")
    panels[0].legend(fontsize=7, frameon=False)
    save_figure(figure, _PLOT)


def main() -> None:
    """Read the command line, compute, simulate, publish."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    report.add_docs_option(parser)
    options = parser.parse_args()
    speeds = {}
    for workers, (vocabulary, size), interval, gigabits in itertools.product(
        WORKERS, SIZES, INTERVALS, GIGABITS
    ):
        cluster = Cluster(workers, vocabulary, size, interval, gigabits * GIGABIT)
        speeds[cluster] = _speed(cluster)
    markdown = _table(speeds)
    if options.write_docs:
        _plot(speeds)
        markdown += f"\n\n![words per second against workers]({_PLOT.name})"
    conditions = report.conditions(
        "network",
        "Times one worker's words per second, computed / simulated. Lines of the picture are "
        f"computed, points simulated, at {INTERVALS[-1]:,} words between two exchanges.",
        f"One worker: {WORDS_PER_SECOND:,.0f} words/s at D 100; a row costs a worker and a shard "
        f"{ROW_SECONDS * 1e6:.2f} µs of CPU each at D 100; a message {MESSAGE_SECONDS * 1e3:.1f} "
        "ms each; latency 0.2 ms; shards as many as workers, one of each on a node, both on CPUs "
        "of their own.",
    )
    report.publish("network", {}, f"{markdown}\n\n{conditions}", write_docs=options.write_docs)


if __name__ == "__main__":
    main()
