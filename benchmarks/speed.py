"""Words per second, memory and quality of w2v-stream beside other programs, as whole processes.

Every program learns the same text with the same settings on the same CPU, one after the other and
round after round, so that what else the machine does meets all of them. ``make bench`` runs it.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import processes, programs, report
from benchmarks.plots import new_figure, save_figure
from benchmarks.processes import Usage
from benchmarks.programs import Settings
from benchmarks.quality import Quality, evaluate
from benchmarks.report import spread, table
from benchmarks.runs import in_turn
from benchmarks.text import Text, add_data_option, prepare

PLOT_NAME = "speed.svg"


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=BINARY")
    parser.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    programs.add_options(parser)
    processes.add_cpu_option(parser)
    report.add_docs_option(parser)
    return parser.parse_args()


def speed_table(runs: dict[str, list[Usage]], words: int) -> str:
    """Markdown: one program a row; the first one is ours."""
    ours, *_ = runs.values()
    rows = []
    for name, theirs in runs.items():
        ratio = "" if theirs is ours else report.ratio_of_times(of=theirs, to=ours)
        rows.append([*report.usage_cells(name, theirs, words), ratio])
    return table([*report.USAGE_HEADER, "w2v-stream is faster by"], rows)


def quality_table(qualities: dict[str, Quality]) -> str:
    """Markdown: one program a row."""
    rows = [
        [name, f"{q.wordsim353:.1f}", f"{q.simlex999:.1f}", f"{q.analogies:.1f}"]
        for name, q in qualities.items()
    ]
    return table(["", "WordSim-353", "SimLex-999", "analogies %"], rows)


def draw_plot(runs: dict[str, list[Usage]], words: int, path: Path) -> None:
    """A bar a program: median words/s, with a line from the least to the greatest."""
    names = list(runs)
    rates = [spread(words / usage.seconds for usage in runs[name]) for name in names]
    medians = [rate.median for rate in rates]
    errors = [[r.median - r.low for r in rates], [r.high - r.median for r in rates]]
    figure = new_figure(7, 0.6 + 0.45 * len(names))
    axes = figure.subplots()
    colors = ["#2a6f97"] + ["#a9b4c2"] * (len(names) - 1)
    axes.barh(names, medians, xerr=errors, color=colors, error_kw={"elinewidth": 1, "capsize": 2})
    axes.invert_yaxis()
    axes.set_xlabel("words per second, whole process")
    axes.locator_params(axis="x", nbins=6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    save_figure(figure, path)


def describe(
    text: Text, settings: Settings, runs: dict[str, list[Usage]], cpus: list[int]
) -> list[str]:
    """The conditions of this benchmark in words."""
    usages = [usage for of_program in runs.values() for usage in of_program]
    vocabulary = len(text.frequent(settings.min_count))
    return [
        f"Text: {text.name}, {text.words:,} words, a vocabulary of {vocabulary:,}.",
        f"Settings: {report.listed(asdict(settings))}; one pass.",
        report.rounds_line(len(usages) // len(runs), cpus),
        report.noise_line(usages),
    ]


def to_json(
    runs: dict[str, list[Usage]], qualities: dict[str, Quality], text: Text, settings: Settings
) -> dict[str, Any]:
    """All that was measured."""
    return {
        "text": {"name": text.name, "words": text.words},
        "settings": asdict(settings),
        "versions": report.versions("gensim"),
        "runs": {name: [asdict(usage) for usage in usages] for name, usages in runs.items()},
        "quality": {name: asdict(quality) for name, quality in qualities.items()},
    }


def main() -> None:
    """Measure, print and write the result."""
    options = parse_options()
    settings = programs.settings_of(options)
    compared = programs.make_programs(options.peer)
    cpus = processes.choose_cpus(settings.threads, options.cpu)
    with tempfile.TemporaryDirectory(prefix="w2v-benchmark-") as name:
        folder = Path(name)
        text = prepare(options.data, folder)
        runs = in_turn(compared, text, settings, cpus, options.rounds, folder)
        frequent = text.frequent(settings.min_count)
        qualities = {
            program.name: evaluate(program.vectors(program.output(folder)), frequent)
            for program in compared
            if not text.synthetic  # random text has no meaning to learn
        }
    lines = describe(text, settings, runs, cpus)
    parts = [speed_table(runs, text.words), f"![words per second]({PLOT_NAME})"]
    if qualities:
        parts.append("Quality of the vectors of the last round:\n\n" + quality_table(qualities))
    parts.append(report.conditions("speed", *lines, packages=["gensim"]))
    document = to_json(runs, qualities, text, settings)
    report.publish("speed", document, "\n\n".join(parts), write_docs=options.write_docs)
    draw_plot(runs, text.words, report.RESULTS / PLOT_NAME)
    if options.write_docs:
        draw_plot(runs, text.words, report.DOCS.parent / PLOT_NAME)


if __name__ == "__main__":
    main()
