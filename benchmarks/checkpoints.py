"""What a checkpoint costs a learner of a million words: how long training pauses, what it loses.

In one process, as in the daemon: batches of half a megabyte of Zipf text are learned, and every so
often a snapshot is written in the background. Rates with and without one under way are taken
in turns from the same run, by the clock and by processor time, which depends less on what else the
machine does. Then a snapshot is loaded by a process of its own, on one processor.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.report import MIB, spread, table
from benchmarks.scale import ZipfText
from streamer.sources.batching import BATCH_BYTES
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning.warmup import warm_up

DEFAULT_INTERVAL_SECONDS = 300

_LOAD = """
import json, resource, statistics, sys, time
from w2v_online import load_vectors
seconds = {}
def timed(name, call):
    began = time.perf_counter()
    result = call()
    seconds[name] = time.perf_counter() - began
    return result
wv = timed("load_vectors", lambda: load_vectors(sys.argv[1]))
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[1])
seconds["resident_mib_after_load"] = pages * resource.getpagesize() / 2**20
word = timed("first word", lambda: wv.words[1000])
timed("first most_similar", lambda: wv.most_similar(word))
later = []
for number in range(20):
    began = time.perf_counter()
    wv.most_similar(wv.words[2000 + number])
    later.append(time.perf_counter() - began)
seconds["later most_similar, median"] = statistics.median(later)
seconds["later most_similar, least"] = min(later)
print(json.dumps(seconds))
"""


@dataclass(frozen=True)
class Checkpoint:
    """One snapshot, and what learning did meanwhile and before it."""

    pause_seconds: float
    seconds: float
    words_per_second: float
    words_per_second_before: float
    writer_cpu_seconds: float
    """Processor time of every thread but the learner's."""
    extra_cpu_seconds: float
    """Processor time that the learner needed more than for so many words before."""

    @property
    def lost_seconds(self) -> float:
        """Time that learning lost, the pause included."""
        return self.seconds * (1.0 - self.words_per_second / self.words_per_second_before)


class Flow:
    """Text that is learned, batch by batch."""

    def __init__(self, learner: OnlineWord2Vec, text: ZipfText) -> None:
        self._learner = learner
        self._batches = self._cut(text.draws())

    def _cut(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        prepared = [next(blocks) for _ in range(40)]
        while True:
            for block in prepared:
                for begin in range(0, len(block), BATCH_BYTES // 8000 * 8000):
                    yield block[begin : begin + BATCH_BYTES // 8000 * 8000]

    def learn(self) -> None:
        """Learn the next batch."""
        self._learner.learn_text(next(self._batches), wait=False)

    def rates(self, seconds: float) -> tuple[float, float]:
        """Words a second over some time, and a second of the learner's processor time."""
        began, cpu_began, words = time.perf_counter(), time.thread_time(), self._learner.total_words
        while (elapsed := time.perf_counter() - began) < seconds:
            self.learn()
        learned = self._learner.total_words - words
        return learned / elapsed, learned / (time.thread_time() - cpu_began)


def measure(learner: OnlineWord2Vec, flow: Flow, folder: Path, seconds: float) -> Checkpoint:
    """Learn for some time, then make a snapshot while learning goes on."""
    before, before_by_cpu = flow.rates(seconds)
    began, words = time.perf_counter(), learner.total_words
    cpu_began, own_began = time.process_time(), time.thread_time()
    snapshot = learner.begin_snapshot(folder)
    while (path := snapshot.result()) is None:
        if snapshot.is_ready():
            snapshot.cut()
        flow.learn()
    elapsed = time.perf_counter() - began
    learned, own = learner.total_words - words, time.thread_time() - own_began
    writer = time.process_time() - cpu_began - own
    shutil.rmtree(path)
    return Checkpoint(
        snapshot.pause_seconds,
        elapsed,
        learned / elapsed,
        before,
        writer_cpu_seconds=writer,
        extra_cpu_seconds=own - learned / before_by_cpu,
    )


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoints", description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="words; default %(default)s")
    parser.add_argument("--vector-size", type=int, default=100, help="default %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="snapshots; default %(default)s")
    parser.add_argument("--seconds", type=float, default=10, help="between them; default 10")
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
        threads=options.threads,
    )
    warm_up(config)
    learner, text = OnlineWord2Vec(config), ZipfText(options.size)
    for block in text.every_word():
        learner.learn_text(block)
    flow = Flow(learner, text)
    flow.rates(options.seconds)
    with tempfile.TemporaryDirectory(prefix="w2v-pause-", dir=options.folder) as folder:
        checkpoints = []
        for _ in range(options.rounds):
            checkpoints.append(measure(learner, flow, Path(folder), options.seconds))
            print(checkpoints[-1], file=sys.stderr)
        learner.snapshot(folder)
        load = subprocess.run(
            [sys.executable, "-c", _LOAD, folder],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
    loading = json.loads(load.stdout)
    lost = statistics.median(checkpoint.lost_seconds for checkpoint in checkpoints)
    pauses = spread(1000 * checkpoint.pause_seconds for checkpoint in checkpoints)
    lost_spread = spread(checkpoint.lost_seconds for checkpoint in checkpoints)
    resident = loading.pop("resident_mib_after_load")
    rows = [
        ["learning stands still, ms a checkpoint", pauses.format(",.0f")],
        ["time to write one, s", spread(c.seconds for c in checkpoints).format(".1f")],
        ["learning lost, s a checkpoint", lost_spread.format(".2f")],
        [f"of {DEFAULT_INTERVAL_SECONDS} s, the default interval, percent",
         f"{100 * lost / DEFAULT_INTERVAL_SECONDS:.2f}"],
        ["processor time of writing one, s",
         spread(c.writer_cpu_seconds for c in checkpoints).format(".2f")],
        ["processor time that learning needs more meanwhile, s",
         spread(c.extra_cpu_seconds for c in checkpoints).format(".2f")],
        *([name, f"{1000 * value:,.1f} ms"] for name, value in loading.items()),
        ["resident after load_vectors, MiB", f"{resident:,.0f}"],
    ]  # fmt: skip
    matrices = 2 * 4 * options.size * learner.embeddings.row_floats / MIB
    conditions = report.conditions(
        "checkpoints",
        f"{options.size:,} words, vector_size {options.vector_size}, {options.threads} thread(s); "
        f"the two matrices take {matrices:,.0f} MiB; {options.rounds} snapshots in one run.",
        "Median (least to greatest). Loading: one process, files in the page cache.",
    )
    document = {"checkpoints": [asdict(c) for c in checkpoints], "loading": loading}
    markdown = f"{table(['', 'measured'], rows)}\n\n{conditions}"
    report.publish("checkpoints", document, markdown, write_docs=options.write_docs)


if __name__ == "__main__":
    main()
