"""How long learning stands still between two steps, with a vocabulary of a million words.

Usage: python -m benchmarks.pauses [--loss hs] [--minutes 20] [--write-docs]

In one process, as in the daemon: batches of half a megabyte of Zipf text, made from a seed (first
every word once, so that all have a row, then draws), are learned, and every so often a snapshot is
written in the background. A step is a call of a training kernel. A pause is the time from the end
of a step to the start of the next: encoding, upkeep, drawing negatives, saving rows for a snapshot,
deciding its moment. Making the text is left out. Pauses are given by the clock and by the
processor time of the thread: a pause that is much longer by the clock is one in which the system
ran something else.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.scale import ZipfText
from streamer.sources.batching import BATCH_BYTES
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning.saving.background import BackgroundSnapshot
from w2v_online.learning.warmup import warm_up

_PREPARED_BLOCKS = 40


class Clock:
    """Times pauses, and within each of them the phases that it consists of."""

    def __init__(self) -> None:
        self.pauses: list[tuple[float, float, int, str]] = []
        """Seconds by the clock, seconds of processor time, words read, phase that took longest."""
        self.phases: dict[str, list[tuple[float, float]]] = {}
        """Longest and total seconds of processor time by phase; one entry a pause."""
        self._open: list[str] = []
        self._cpu: dict[str, float] = {}
        self._last_cpu = 0.0
        self._began: tuple[float, float] | None = None

    def _charge(self) -> None:
        """What has passed since the last call belongs to the innermost phase."""
        now = time.thread_time()
        name = self._open[-1] if self._open else "between batches"
        self._cpu[name] = self._cpu.get(name, 0.0) + now - self._last_cpu
        self._last_cpu = now

    def step_begins(self, words: int) -> None:
        """The pause is over."""
        self._charge()
        if self._began is not None:
            wall, cpu = time.perf_counter() - self._began[0], time.thread_time() - self._began[1]
            longest = max(self._cpu, key=lambda name: self._cpu[name])
            self.pauses.append((wall, cpu, words, longest))
            for name, seconds in self._cpu.items():
                self.phases.setdefault(name, []).append((seconds, wall))

    def step_ends(self) -> None:
        """A pause begins."""
        self._cpu = {}
        self._began = time.perf_counter(), time.thread_time()
        self._last_cpu = self._began[1]

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time spent within belongs to this phase, but for phases within it."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def left_out(self) -> None:
        """What has passed since the last step is no pause."""
        self._began = None

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Let calls of a method be a phase."""
        function: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.phase(name):
                return function(*arguments, **named)

        setattr(owner, method, timed)


def watch(learner: OnlineWord2Vec, clock: Clock) -> None:
    """Time the steps of a learner with one thread, and what is between them."""
    trainer, segments = learner.trainers.first, learner.segments
    train = trainer.train_fresh

    def step(encoded: Any) -> Any:
        clock.step_begins(learner.total_words)
        result = train(encoded)
        clock.step_ends()
        return result

    trainer.train_fresh = step  # type: ignore[method-assign]

    def within(owner: Any, method: str, name: str) -> None:
        """A part of a step in which nothing is learned."""
        function = getattr(owner, method)

        def timed(*arguments: Any) -> Any:
            clock.step_ends()
            with clock.phase(name):
                result = function(*arguments)
            clock.step_begins(learner.total_words)
            return result

        setattr(owner, method, timed)

    if hasattr(trainer, "negatives"):
        within(trainer.negatives, "refill", "draw negatives")
    save_rows = learner.embeddings.announce

    def announce(*arguments: Any) -> None:
        if learner.embeddings.before_change is not None:
            with clock.phase("save rows for a snapshot"):
                save_rows(*arguments)

    learner.embeddings.announce = announce  # type: ignore[method-assign]
    clock.watch(learner.vocabulary, "encode", "encode")
    clock.watch(segments, "grow", "new rows")
    clock.watch(learner.vocabulary, "evict", "choose rows to reassign")
    clock.watch(segments, "_evict", "reassign rows")
    clock.watch(segments, "update_outputs", "noise or tree")
    if learner.averages is not None:
        clock.watch(learner.averages, "visit", "averages")
    if learner.replay is not None:
        clock.watch(learner.replay, "set_counts", "replay")
    clock.watch(segments, "upkeep", "rest of upkeep")


def learn(
    learner: OnlineWord2Vec, text: ZipfText, clock: Clock, seconds: float, every: float, at: Path
) -> tuple[float, int]:
    """Learn for so many seconds; return those of the clock and the snapshots written."""
    prepared = [*text.every_word()]
    draws = text.draws()
    prepared += [next(draws) for _ in range(_PREPARED_BLOCKS)]
    first_draws = len(prepared) - _PREPARED_BLOCKS
    size = BATCH_BYTES // 8000 * 8000
    began = time.perf_counter()
    snapshot: BackgroundSnapshot | None = None
    snapshots, due = 0, every
    number = 0
    while (elapsed := time.perf_counter() - began) < seconds:
        block = prepared[number]
        number = number + 1 if number + 1 < len(prepared) else first_draws
        for begin in range(0, len(block), size):
            if snapshot is None and elapsed > due:
                with clock.phase("begin a snapshot"):
                    snapshot = learner.begin_snapshot(at)
                due = elapsed + every
            if snapshot is not None:
                with clock.phase("moment of a snapshot"):
                    path = snapshot.result()
                    if path is None and snapshot.is_ready():
                        snapshot.cut()
                if path is not None:
                    snapshot, snapshots = None, snapshots + 1
                    shutil.rmtree(path)
                    clock.left_out()
            learner.learn_text(block[begin : begin + size])
    if snapshot is not None:
        snapshot.cancel()
    return elapsed, snapshots


def _percentiles(values: NDArray[np.float64]) -> list[str]:
    points = [np.percentile(values, share) for share in (50, 99, 99.9, 100)]
    return [f"{1000 * point:,.1f}" for point in points]


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pauses", description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="words; default %(default)s")
    parser.add_argument("--vector-size", type=int, default=100, help="default %(default)s")
    parser.add_argument("--loss", default="hs", help="default %(default)s")
    parser.add_argument("--replay", type=int, default=0, help="default %(default)s")
    parser.add_argument("--minutes", type=float, default=20, help="default %(default)s")
    parser.add_argument(
        "--every", type=float, default=60, help="seconds from one snapshot to the next"
    )
    parser.add_argument("--folder", type=Path, help="where snapshots go (default: a new one)")
    report.add_docs_option(parser)
    return parser.parse_args()


def main() -> None:
    """Measure, print and write the result."""
    options = parse_options()
    config = LearnerConfig(
        vector_size=options.vector_size,
        max_vocab_size=options.size,
        min_count=1,
        loss=options.loss,
        replay=options.replay,
    )
    warm_up(config)
    learner, clock = OnlineWord2Vec(config), Clock()
    watch(learner, clock)
    with tempfile.TemporaryDirectory(prefix="w2v-pauses-", dir=options.folder) as folder:
        text = ZipfText(options.size)
        cpu_began = time.thread_time()
        seconds, snapshots = learn(
            learner, text, clock, 60 * options.minutes, options.every, Path(folder)
        )
        cpu_seconds = time.thread_time() - cpu_began
    wall, cpu = (np.array([pause[i] for pause in clock.pauses]) for i in range(2))
    rows = [
        ["all, by the clock", *_percentiles(wall), f"{wall.sum():.1f}"],
        ["all, processor time", *_percentiles(cpu), f"{cpu.sum():.1f}"],
    ]
    by_longest = sorted(clock.phases.items(), key=lambda item: -max(item[1])[0])
    for name, times in by_longest:
        of_phase = np.array([seconds for seconds, _ in times])
        rows.append([name, *_percentiles(of_phase), f"{of_phase.sum():.1f}"])
    for pause in sorted(clock.pauses, reverse=True)[:10]:
        print(
            f"{1000 * pause[0]:8.1f} ms, {1000 * pause[1]:8.1f} of the processor, "
            f"at {pause[2]:,} words: {pause[3]}",
            file=sys.stderr,
        )
    late = int((wall > 0.1).sum()), int((cpu > 0.1).sum())
    report.publish_table(
        f"pauses-{options.loss}",
        ["pauses, ms", "median", "99%", "99.9%", "longest", "sum, s"],
        rows,
        report.conditions(
            "pauses",
            f"{options.size:,} words, vector_size {options.vector_size}, --loss {options.loss}, "
            f"--replay {options.replay}, one thread; {learner.total_words:,} words learned in "
            f"{seconds:,.0f} s, {cpu_seconds:,.0f} s of processor time; {snapshots} snapshots.",
            f"Pauses above 100 ms: {late[0]} by the clock, {late[1]} by processor time, of "
            f"{len(wall):,}. Phases: processor time.",
        ),
        write_docs=options.write_docs,
    )


if __name__ == "__main__":
    main()
