"""What a second training thread gains: the whole daemon with one and with two, on two CPUs."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from benchmarks import processes, programs, report, runs
from benchmarks.processes import Usage
from benchmarks.programs import Program, Settings, W2vStream
from benchmarks.report import table
from benchmarks.text import add_data_option, prepare
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning.warmup import warm_up

BATCH_BYTES = 1 << 19
"""The size of the batches that the daemon trains."""


def learning_alone(path: Path, settings: Settings) -> float:
    """Words a second from first to last batch, in this process: no start-up, no snapshot."""
    model = OnlineWord2Vec(LearnerConfig.model_validate(asdict(settings)))
    with path.open("rb") as text:
        began = time.perf_counter()
        while lines := text.readlines(BATCH_BYTES):
            model.learn_text(b"".join(lines), wait=False)
        model.flush()
    return model.total_words / (time.perf_counter() - began)


def alone_table(path: Path, settings: Settings, counts: list[int], rounds: int) -> str:
    """Markdown of :func:`learning_alone`, in turn."""
    warm_up(LearnerConfig())
    rates: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(rounds):
        for count in counts:
            rates[count].append(learning_alone(path, replace(settings, threads=count)))
    rows = []
    for count in counts:
        ratios = [rate / one for rate, one in zip(rates[count], rates[counts[0]], strict=True)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append([f"--threads {count}", f"{median(rates[count]):,.0f}", spread])
    return table(["reading, encoding, training alone", "words/s", "times one thread"], rows)


def threads_table(usages: dict[str, list[Usage]], words: int) -> str:
    """Markdown: one number of threads a row; the first one is what the others are held against."""
    single, *_ = usages.values()
    rows = []
    for name, of_one in usages.items():
        ratio = report.ratio_of_times(of=single, to=of_one)
        rows.append([*report.usage_cells(name, of_one, words), ratio])
    return table([*report.USAGE_HEADER, "times one thread"], rows)


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    programs.add_options(parser)
    parser.set_defaults(threads=2)
    processes.add_cpu_option(parser)
    report.add_docs_option(parser)
    return parser.parse_args()


def main() -> None:
    """Measure, print and write the result."""
    options = parse_options()
    settings = programs.settings_of(options)
    cpus = processes.choose_cpus(settings.threads, options.cpu)
    with tempfile.TemporaryDirectory(prefix="w2v-benchmark-") as name:
        text = prepare(options.data, Path(name))
        counts = [1, settings.threads]
        daemons: list[Program] = [
            W2vStream(f"--threads {count}", threads=count) for count in counts
        ]
        usages = runs.in_turn(daemons, text, settings, cpus, options.rounds, Path(name))
        alone = alone_table(text.path, settings, counts, options.rounds)
    lines = [
        f"Text: {text.name}, {text.words:,} words.",
        f"Settings: {report.listed(asdict(replace(settings, threads=1)))} or {settings.threads}.",
        report.rounds_line(options.rounds, cpus),
        report.noise_line(usage for of_one in usages.values() for usage in of_one),
    ]
    markdown = (
        f"{threads_table(usages, text.words)}\n\n{alone}\n\n{report.conditions('threads', *lines)}"
    )
    document = {
        "text": {"name": text.name, "words": text.words},
        "settings": asdict(settings),
        "runs": {name: [asdict(usage) for usage in of_one] for name, of_one in usages.items()},
    }
    report.publish("threads", document, markdown, write_docs=options.write_docs)


if __name__ == "__main__":
    main()
