"""Learning from one pass: what one look at a stream gives, and what more looks at it cost.

Usage: python -m benchmarks.onepass --data TEXT [--write-docs]

Scores against processor seconds, for w2v-stream with and without --replay and for gensim with one
epoch and with five. All run as whole processes, one after the other, at most on one CPU at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import quality, report, text
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


@dataclass(frozen=True)
class Run:
    """What one program took and scored."""

    name: str
    cpu_seconds: float
    others_share: float | None
    wordsim353: float
    simlex999: float
    analogies: float
    measured: str  # the day


_SCORES = {"wordsim353": "WordSim-353", "simlex999": "SimLex-999", "analogies": "analogies %"}


def _plot(runs: list[Run]) -> None:
    """Scores against seconds, every program a point."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams |= {"svg.hashsalt": "w2v-stream", "svg.fonttype": "none"}
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axis, (score, title) in zip(figure.subplots(1, 3), _SCORES.items(), strict=True):
        for run in runs:
            at = run.cpu_seconds, getattr(run, score)
            axis.scatter(*at, color="#2a6f97" if run.name.startswith("w2v") else "#a9b4c2")
            place = {"textcoords": "offset points", "xytext": (0, 5), "ha": "center"}
            axis.annotate(run.name, at, fontsize=7, **place)
        axis.set(title=title, xscale="log", xlabel="CPU seconds")
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(0.35, 0.2)
    figure.savefig(_PLOT, metadata={"Date": None})


def _earlier() -> dict[str, Run]:
    """The runs of the last result, by name."""
    file = report.RESULTS / "onepass.json"
    runs = json.loads(file.read_text())["runs"] if file.exists() else []
    return {run["name"]: Run(**run) for run in runs}


def measure(programs: list[Program], prepared: text.Text, folder: Path) -> dict[str, Run]:
    """Run programs one after the other."""
    settings, cpus = Settings(), sorted(os.sched_getaffinity(0))
    frequent = prepared.frequent(settings.min_count)
    runs = {}
    for program in programs:
        program.run(prepared.warm_up_path, settings, cpus, folder)
        usage = program.run(prepared.path, settings, cpus, folder)
        program.check(prepared, settings, folder)
        scores = asdict(quality.evaluate(program.vectors(program.output(folder)), frequent))
        day = f"{datetime.now(timezone.utc):%Y-%m-%d}"
        run = Run(program.name, usage.cpu_seconds, usage.others_share, **scores, measured=day)
        print(run, flush=True)
        runs[program.name] = run
    return runs


def _table(runs: list[Run]) -> str:
    most = runs[-1].cpu_seconds
    rows = [
        [run.name, f"{run.cpu_seconds:.1f}", f"{most / run.cpu_seconds:.1f}"]
        + [f"{getattr(run, score):.1f}" for score in _SCORES]
        for run in runs
    ]
    return report.table(["", "CPU seconds", "times cheaper", *_SCORES.values()], rows)


def main() -> None:
    """Read the command line, measure, publish."""
    programs = [Epochs(5), Gensim("gensim, 1 epoch"), Replaying(4), W2vStream("w2v-stream")]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = [program.name for program in programs]
    parser.add_argument(
        "--only",
        nargs="+",
        choices=names,
        default=names,
        help="run these; of the others the last result stays",
    )
    text.add_data_option(parser)
    report.add_docs_option(parser)
    options = parser.parse_args()
    if options.data is None:
        sys.exit("--data: random text tells nothing about quality")
    with tempfile.TemporaryDirectory() as folder:
        prepared = text.prepare(options.data, Path(folder))
        chosen = [program for program in programs if program.name in options.only]
        by_name = _earlier() | measure(chosen, prepared, Path(folder))
    runs = sorted(by_name.values(), key=lambda run: run.cpu_seconds)
    shares = [run.others_share for run in runs if run.others_share is not None]
    markdown = _table(runs)
    if options.write_docs:
        _plot(runs)
        markdown += f"\n\n![scores against CPU seconds]({_PLOT.name})"
    settings = Settings()
    vocabulary = len(prepared.frequent(settings.min_count))
    conditions = report.conditions(
        "onepass",
        f"Text: {prepared.name}, {prepared.words:,} words, a vocabulary of {vocabulary:,}.",
        f"Settings: {report.listed(asdict(settings))}.",
        "Whole processes, one run each; CPU seconds are user and system time.",
        f"Up to {max(shares):.0%} of the CPUs' time went to other programs and the hypervisor, "
        "which makes caches colder and CPU seconds more.",
        packages=["gensim"],
    )
    report.publish(
        "onepass",
        {"runs": [asdict(run) for run in runs]},
        f"{markdown}\n\n{conditions}",
        write_docs=options.write_docs,
    )


if __name__ == "__main__":
    main()
