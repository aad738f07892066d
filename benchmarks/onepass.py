"""Learning from one pass: scores against processor time, without and with further passes.

Usage: python -m benchmarks.onepass --data TEXT [--write-docs]

Scores against processor seconds, for w2v-stream with and without --replay and for gensim with one
epoch and with five. All run as whole processes, one after the other, at most on one CPU at a time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks import report, runs, text
from benchmarks.plots import new_figure, save_figure
from benchmarks.programs import Gensim, Program, W2vStream
from benchmarks.quality import SCORES
from benchmarks.runs import Run

_PLOT = report.DOCS.parent / "onepass.svg"


def _plot(measured: list[Run]) -> None:
    """Scores against seconds, every program a point."""
    figure = new_figure(9, 2.8)
    for axis, (score, title) in zip(figure.subplots(1, 3), SCORES.items(), strict=True):
        for run in measured:
            at = run.cpu_seconds, getattr(run, score)
            axis.scatter(*at, color="#2a6f97" if run.name.startswith("w2v") else "#a9b4c2")
            place = {"textcoords": "offset points", "xytext": (0, 5), "ha": "center"}
            axis.annotate(run.name, at, fontsize=7, **place)
        axis.set(title=title, xscale="log", xlabel="CPU seconds")
        axis.margins(0.35, 0.2)
    save_figure(figure, _PLOT)


def _earlier() -> dict[str, Run]:
    """The runs of the last result, by name."""
    file = report.RESULTS / "onepass.json"
    earlier = json.loads(file.read_text())["runs"] if file.exists() else []
    return {run["name"]: Run(**run) for run in earlier}


def _table(measured: list[Run]) -> str:
    most = measured[-1].cpu_seconds
    rows = [
        [run.name, f"{run.cpu_seconds:.1f}", f"{most / run.cpu_seconds:.1f}"]
        + [f"{getattr(run, score):.1f}" for score in SCORES]
        for run in measured
    ]
    return report.table(["", "CPU seconds", "times cheaper", *SCORES.values()], rows)


def main() -> None:
    """Read the command line, measure, publish."""
    programs: list[Program] = [
        Gensim("gensim, 5 epochs", epochs=5),
        Gensim("gensim, 1 epoch"),
        W2vStream("w2v-stream --replay 4", "--replay=4"),
        W2vStream("w2v-stream --replay 1", "--replay=1"),
        W2vStream("w2v-stream"),
    ]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = [program.name for program in programs]
    parser.add_argument(
        "--only",
        nargs="+",
        choices=names,
        default=names,
        help="run these; of the others the last result stays",
    )
    text.add_data_option(parser, required=True)
    report.add_docs_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepared = text.prepare(options.data, Path(folder))
        chosen = [program for program in programs if program.name in options.only]
        by_name = _earlier() | runs.measure(chosen, prepared, Path(folder))
    measured = sorted(by_name.values(), key=lambda run: run.cpu_seconds)
    markdown = _table(measured)
    if options.write_docs:
        markdown += f"\n\n![scores against CPU seconds]({_PLOT.name})"
    runs.publish("onepass", markdown, prepared, measured, write_docs=options.write_docs)
    if options.write_docs:
        _plot(measured)


if __name__ == "__main__":
    main()
