"""Learning together: the quality of vectors that several learners trained, and the cost of merging.

Usage: python -m benchmarks.exchange --data TEXT [--only rules|intervals|default] [--write-docs]

Learners and a shard in one process: the text is divided in blocks, and each learner in turn learns
so many words and exchanges. What it lacks is what the others learned since its last exchange, as on
several machines, and CPU time can be measured separately.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import report, text
from benchmarks.planted import batches
from benchmarks.plots import new_figure, save_figure
from benchmarks.quality import SCORES, own_scores, vectors_of
from streamer.config.cluster_settings import ClusterSettings
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.sharing.exchange import Exchange
from w2v_online.sharing.merge import MergedRows
from w2v_online.sharing.shared_rows import EVERYTHING, Schedule
from w2v_online.sharing.update import Update

BLOCK_LINES = 50
"""Lines that a learner gets at a time: as from partitions, where records alternate."""

FIRST_LINES = 1000
"""Lines that one learner reads alone before the others start from what it has."""

SEEDS = (1, 2, 3)
INTERVALS = (50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000)

_PLOT = report.DOCS.parent / "exchange.svg"


@dataclass(frozen=True)
class Result:
    """One model and what it took; scores times 100, bytes and seconds of all learners."""

    name: str
    workers: int
    seed: int
    wordsim353: float
    simlex999: float
    analogies: float
    words: int
    sent_bytes: int = 0
    """Both ways."""
    plain_bytes: int = 0
    """The same with rows as float32."""
    learning_seconds: float = 0.0
    exchange_seconds: float = 0.0


class Simulation:
    """Some learners, one shard, and how long each thing takes."""

    def __init__(
        self,
        begin: Path,
        workers: int,
        make: Callable[[OnlineWord2Vec], Exchange],
        shard: MergedRows,
    ) -> None:
        self.learners = [OnlineWord2Vec.restore(begin) for _ in range(workers)]
        for number, learner in enumerate(self.learners[1:], start=1):
            learner.reseed(number, learner.total_words)
        self.exchanges = [make(learner) for learner in self.learners]
        self.shard = shard
        shard.load(self.exchanges[0].whole()[0])
        self.seconds: Counter[str] = Counter()
        self.sent_bytes = self.plain_bytes = 0
        self._sequence = 0

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds[name] += time.process_time() - began

    def _add_bytes(self, update: Update) -> None:
        self.sent_bytes += update.nbytes
        rows = [update.vectors, update.output_vectors]
        rounded = sum(part.vectors.nbytes + part.units.nbytes for part in rows)
        self.plain_bytes += update.nbytes - rounded + 4 * sum(part.vectors.size for part in rows)

    def learn(self, worker: int, lines: list[str]) -> None:
        """Let a worker learn."""
        with self._timed("learn"):
            for batch in batches(lines):
                self.learners[worker].learn_text(batch)

    def push(self, worker: int, *, everything: bool = False) -> None:
        """Let a worker take, and the shard merge."""
        self._sequence += 1
        with self._timed("exchange"):
            (update,) = self.exchanges[worker].take(everything=everything)
            self.shard.push(worker, 0, self._sequence, update)
        self._add_bytes(update)

    def pull(self, worker: int, *, everything: bool = False) -> None:
        """Let a worker apply what the shard has for it."""
        with self._timed("exchange"):
            update = self.shard.pull(worker, 0, everything=everything)
            self.exchanges[worker].apply([update])
        self._add_bytes(update)

    def run(self, shares: list[list[str]], interval: Callable[[Exchange], int]) -> None:
        """Learn it all, and agree on one model."""
        positions = [0] * len(shares)
        while any(position < len(share) for position, share in zip(positions, shares, strict=True)):
            for worker, share in enumerate(shares):
                first = positions[worker]
                n_lines = max(1, interval(self.exchanges[worker]) // text.LINE_WORDS)
                positions[worker] = first + n_lines
                self.learn(worker, share[first : first + n_lines])
                self.push(worker)
                self.pull(worker)
        sent_bytes, plain_bytes = self.sent_bytes, self.plain_bytes
        for worker in range(len(shares)):
            self.push(worker, everything=True)
        for worker in range(len(shares)):
            self.pull(worker, everything=True)
        self.sent_bytes, self.plain_bytes = sent_bytes, plain_bytes  # what exchanges alone take


def dealt(lines: list[str], workers: int) -> list[list[str]]:
    """The lines of each worker."""
    blocks = [lines[first : first + BLOCK_LINES] for first in range(0, len(lines), BLOCK_LINES)]
    return [[line for block in blocks[w::workers] for line in block] for w in range(workers)]


@dataclass(frozen=True)
class Case:
    """One way of learning together."""

    name: str
    workers: int
    interval: int | None = None
    """Words, always; None: as :meth:`Exchange.interval` has it, with the command's default."""
    share: float | None = None
    """Part of what each learned that is merged; None, here and below: as Exchange has it."""
    rate_scale: float | None = None
    schedule: Schedule | None = None


def measure(case: Case, begin: Path, lines: list[str], seed: int) -> Result:
    """Learn the lines together from a snapshot on."""

    def make(learner: OnlineWord2Vec) -> Exchange:
        return Exchange(
            learner,
            workers=case.workers,
            schedule=case.schedule,
            share=case.share,
            rate_scale=case.rate_scale,
        )

    sync_every = ClusterSettings.model_fields["sync_every"].default

    def interval(exchange: Exchange) -> int:
        return case.interval or exchange.interval(sync_every)

    config = LearnerConfig(seed=seed)
    shard = MergedRows(config, case.workers, schedule=case.schedule)
    simulation = Simulation(begin, case.workers, make, shard)
    simulation.run(dealt(lines, case.workers), interval)
    model = simulation.learners[0]
    return Result(
        case.name,
        case.workers,
        seed,
        **own_scores(vectors_of(model)),
        words=len(lines) * text.LINE_WORDS,
        sent_bytes=simulation.sent_bytes,
        plain_bytes=simulation.plain_bytes,
        learning_seconds=simulation.seconds["learn"],
        exchange_seconds=simulation.seconds["exchange"],
    )


def single(lines: list[str], seed: int, first: int, folder: Path) -> tuple[Result, Path]:
    """One learner of everything, and its snapshot after ``first`` lines."""
    model = OnlineWord2Vec(LearnerConfig(seed=seed))
    began = time.process_time()
    for batch in batches(lines[:first]):
        model.learn_text(batch)
    begin = model.snapshot(folder / str(seed))
    for batch in batches(lines[first:]):
        model.learn_text(batch)
    seconds = time.process_time() - began
    words = len(lines) * text.LINE_WORDS
    result = Result(
        "one learner",
        1,
        seed,
        **own_scores(vectors_of(model)),
        words=words,
        learning_seconds=seconds,
    )
    return result, begin


def rules(workers: int) -> dict[str, tuple[float | None, float | None]]:
    """Other rules beside the one that is used: shares that are merged, and scales of rates."""
    return {
        "sum": (1.0, 1.0),
        "mean": (1 / workers, 1.0),
        "each learns for all, mean": (1 / workers, float(workers)),
        "each learns for most": (None, None),
    }


def _words(line: str) -> int:
    return len(line.split())


def _every(words: int) -> str:
    return f"every {words:,} words"


def cases(only: list[str]) -> list[Case]:
    """What is measured once."""
    found = []
    for workers in (2, 4):
        if "rules" in only:
            found += [
                Case(name, workers, 100_000, share, rate_scale)
                for name, (share, rate_scale) in rules(workers).items()
            ]
        if "intervals" in only:
            found += [Case(_every(words), workers, words) for words in INTERVALS]
        if "default" in only:
            found.append(Case(EVERY_ROW, workers, schedule=EVERYTHING))
    return found


EVERY_ROW = "default interval, every touched row"
DEFAULT = "default"


def _table(results: list[Result]) -> str:
    rows = []
    groups: dict[tuple[int, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.workers, result.name), []).append(result)
    plain = {r.workers: r.plain_bytes / r.words for r in results if r.name == EVERY_ROW}
    for (workers, name), group in sorted(groups.items(), key=lambda item: item[0][0]):
        first = group[0]
        is_shared = first.exchange_seconds > 0
        rows.append([
            name,
            str(workers),
            *(report.spread(getattr(r, score) for r in group).format(".1f")
              if len(group) > 1 else f"{getattr(first, score):.1f}" for score in SCORES),
            f"{first.sent_bytes / first.words:.0f}" if is_shared else "",
            f"{first.sent_bytes / first.words / plain[workers]:.0%}"
            if is_shared and name in (DEFAULT, EVERY_ROW) and workers in plain else "",
            f"{statistics.median(r.exchange_seconds / r.learning_seconds for r in group):.0%}"
            if is_shared else "",
        ])  # fmt: skip
    header = ["", "workers", *SCORES.values(), "bytes per word", "of all rows", "CPU of merging"]
    return report.table(header, rows)


def _plot(results: list[Result]) -> None:
    """Scores against the interval, beside those of one learner and of the default interval."""
    figure = new_figure(9, 3)

    def scores(name: str, workers: int, score: str) -> list[float]:
        return [getattr(r, score) for r in results if (r.name, r.workers) == (name, workers)]

    axes = figure.subplots(1, 3)
    for axis, (score, title) in zip(axes, SCORES.items(), strict=True):
        alone = scores("one learner", 1, score)
        axis.axhspan(min(alone), max(alone), color="#a9b4c2", alpha=0.5, label="one learner")
        for workers, color in ((2, "#2a6f97"), (4, "#d1495b")):
            curve = [scores(_every(words), workers, score)[0] for words in INTERVALS]
            axis.plot(INTERVALS, curve, "o-", ms=3, color=color, label=f"{workers} workers")
            default = statistics.median(scores(DEFAULT, workers, score))
            axis.axhline(default, color=color, ls=":", label=f"{workers}, default interval")
        axis.set(title=title, xscale="log", xlabel="words between two exchanges")
    axes[0].legend(fontsize=7, frameon=False)
    save_figure(figure, _PLOT)


def main() -> None:
    """Read the command line, measure, publish."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    text.add_data_option(parser, required=True)
    parts = ["rules", "intervals", "default"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    report.add_docs_option(parser)
    options = parser.parse_args()
    lines = text.read_lines(options.data)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            result, begin = single(lines, seed, FIRST_LINES, Path(folder))
            results.append(result)
            again = [Case(DEFAULT, workers) for workers in (2, 4)]
            for case in [*again, *(cases(options.only) if seed == options.seeds[0] else [])]:
                results.append(measure(case, begin, lines[FIRST_LINES:], seed))
                print(results[-1], flush=True)
    conditions = report.conditions(
        "exchange",
        f"Text: {options.data.name}, {sum(map(_words, lines)):,} words; the first "
        f"{FIRST_LINES * text.LINE_WORDS:,} are learned by one learner, which all then start from.",
        f"Seeds {', '.join(map(str, options.seeds))}, of several: median (least to greatest).",
        "Bytes go both ways, over all workers; their share is of sending every touched row as "
        "float32 at every exchange. CPU time is taking, merging and applying over learning.",
    )
    markdown = _table(results)
    if options.write_docs and set(parts) == set(options.only):
        _plot(results)
        markdown += f"\n\n![scores against words between two exchanges]({_PLOT.name})"
    report.publish(
        "exchange",
        {"results": [asdict(result) for result in results]},
        f"{markdown}\n\n{conditions}",
        write_docs=options.write_docs,
    )


if __name__ == "__main__":
    main()
