"""Learning from one pass: what one look at a stream gives, and what more looks at it cost.

Usage: python -m benchmarks.onepass quality --data TEXT [--write-docs]

Scores against processor seconds, for w2v-stream with and without --replay and for gensim with one
epoch and with five. All run as whole processes, one after the other, at most on one CPU at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks import quality, report, text
from benchmarks.processes import Usage
from benchmarks.programs import Gensim, Program, Settings, W2vStream

_PLOT = report.DOCS.parent / "onepass.svg"


class Replaying(W2vStream):
    """w2v-stream with more looks at the recent past."""

    def __init__(self, replay: int) -> None:
        super().__init__(f"w2v-stream --replay {replay}")
        self._replay = replay

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`."""
        return [*super().command(text, output, settings), f"--replay={self._replay}"]


class Epochs(Gensim):
    """gensim that reads the text several times."""

    def __init__(self, epochs: int) -> None:
        super().__init__(f"gensim, {epochs} epochs")
        self._epochs = epochs

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`."""
        options = json.dumps(asdict(settings) | {"epochs": self._epochs})
        return [*super().command(text, output, settings)[:-1], options]


def _plot(rows: list[tuple[str, Usage, quality.Quality]]) -> None:
    """Analogies against seconds, every program a point."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots(1, 3, sharex=True)
    for axis, score in zip(axes, asdict(rows[0][2]), strict=True):
        for name, usage, scores in rows:
            color = "tab:blue" if name.startswith("w2v") else "tab:orange"
            axis.scatter(usage.cpu_seconds, asdict(scores)[score], color=color)
            label = name.removeprefix("w2v-stream ")
            axis.annotate(
                label,
                (usage.cpu_seconds, asdict(scores)[score]),
                textcoords="offset points",
                xytext=(0, 5),
                ha="center",
                fontsize=7,
            )
        axis.set(title=score, xscale="log", xlabel="CPU seconds")
        axis.margins(0.25)
    figure.savefig(_PLOT, metadata={"Date": None})


def measure(options: argparse.Namespace) -> None:
    """Run them all and publish the table."""
    programs: list[Program] = [Epochs(5), Gensim("gensim, 1 epoch")]
    programs += [Replaying(options.replay), W2vStream("w2v-stream")]
    settings, cpus = Settings(), sorted(os.sched_getaffinity(0))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared = text.prepare(options.data, folder)
        frequent = prepared.frequent(settings.min_count)
        for program in programs:
            program.run(prepared.warm_up_path, settings, cpus, folder)
            usage = program.run(prepared.path, settings, cpus, folder)
            program.check(prepared, settings, folder)
            scores = quality.evaluate(program.vectors(program.output(folder)), frequent)
            print(f"{program.name}: {usage.cpu_seconds:.1f} CPU seconds, {scores}", flush=True)
            rows.append((program.name, usage, scores))
    rows.sort(key=lambda row: row[1].cpu_seconds)
    most = rows[-1][1].cpu_seconds
    cells = [
        [
            name,
            f"{usage.cpu_seconds:.1f}",
            f"{most / usage.cpu_seconds:.1f}",
            f"{scores.wordsim353:.1f}",
            f"{scores.simlex999:.1f}",
            f"{scores.analogies:.1f}",
        ]
        for name, usage, scores in rows
    ]
    header = ["", "CPU seconds", "times cheaper", "WordSim-353", "SimLex-999", "analogies %"]
    if options.write_docs:
        _plot(rows)
    conditions = report.conditions(
        "onepass",
        f"Text: {prepared.name}, {prepared.words:,} words, a vocabulary of {len(frequent):,}.",
        f"Settings: {report.listed(asdict(settings))}.",
        "Whole processes, one run each; CPU seconds are user and system time.",
        report.noise_line(usage for _, usage, _ in rows),
        packages=["gensim"],
    )
    report.publish(
        "onepass",
        {"runs": [{"name": n, **asdict(usage), **asdict(scores)} for n, usage, scores in rows]},
        f"{report.table(header, cells)}\n\n{conditions}",
        write_docs=options.write_docs,
    )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["quality"])
    parser.add_argument("--replay", type=int, default=4)
    text.add_data_option(parser)
    report.add_docs_option(parser)
    options = parser.parse_args()
    if options.data is None:
        sys.exit("--data: random text tells nothing about quality")
    measure(options)


if __name__ == "__main__":
    main()
