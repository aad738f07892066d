"""What a second training thread brings: the whole daemon with one and with two, on two CPUs."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import processes, programs, report
from benchmarks.processes import Usage
from benchmarks.programs import Settings, W2vStream
from benchmarks.report import table
from benchmarks.text import Text, add_data_option, prepare


def measure(
    text: Text, settings: Settings, counts: list[int], rounds: int, at: Path, cpus: list[int]
) -> dict[int, list[Usage]]:
    """Run the daemon once a round with each number of threads."""
    program = W2vStream("w2v-stream")
    program.run(text.warm_up_path, settings, cpus, at)
    runs: dict[int, list[Usage]] = {count: [] for count in counts}
    for number in range(1, rounds + 1):
        for count in counts:
            with_threads = replace(settings, threads=count)
            usage = program.run(text.path, with_threads, cpus, at)
            program.check(text, with_threads, at)
            runs[count].append(usage)
            report.show_run(number, f"--threads {count}", usage, text.words / usage.seconds)
    return runs


def threads_table(runs: dict[int, list[Usage]], words: int) -> str:
    """Markdown: one number of threads a row; the first one is what the others are held against."""
    single, *_ = runs.values()
    rows = []
    for count, usages in runs.items():
        ratio = report.ratio_of_times(of=single, to=usages)
        rows.append([*report.usage_cells(f"--threads {count}", usages, words), ratio])
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
        runs = measure(text, settings, counts, options.rounds, Path(name), cpus)
    lines = [
        f"Text: {text.name}, {text.words:,} words.",
        f"Settings: {report.listed(asdict(replace(settings, threads=1)))} or {settings.threads}.",
        report.rounds_line(options.rounds, cpus),
        report.noise_line(usage for usages in runs.values() for usage in usages),
    ]
    markdown = f"{threads_table(runs, text.words)}\n\n{report.conditions('threads', *lines)}"
    document = {
        "text": {"name": text.name, "words": text.words},
        "settings": asdict(settings),
        "runs": {str(count): [asdict(u) for u in usages] for count, usages in runs.items()},
    }
    report.publish("threads", document, markdown, write_docs=options.write_docs)


if __name__ == "__main__":
    main()
