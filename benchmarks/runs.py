"""Programs as runs: the processor time that one took, and the scores of its vectors.

All run as whole processes, one after the other, at most on one CPU at a time.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from benchmarks import quality, report, text
from benchmarks.processes import Usage
from benchmarks.programs import Program, Settings


@dataclass(frozen=True)
class Run:
    """What one program took and scored."""

    name: str
    cpu_seconds: float  # the median
    others_share: float | None
    wordsim353: float
    simlex999: float
    analogies: float
    measured: str  # the day
    rounds: int = 1


def in_turn(
    compared: list[Program],
    prepared: text.Text,
    settings: Settings,
    cpus: list[int],
    rounds: int,
    folder: Path,
) -> dict[str, list[Usage]]:
    """Run every program once a round; each run must have done all of the work."""
    for program in compared:
        # Compiles our kernels, and shows at once if a program does not work.
        program.run(prepared.warm_up_path, settings, cpus, folder)
    usages: dict[str, list[Usage]] = {program.name: [] for program in compared}
    for number in range(1, rounds + 1):
        for program in compared:
            usage = program.run(prepared.path, settings, cpus, folder)
            program.check(prepared, settings, folder)
            usages[program.name].append(usage)
            speed = prepared.words / usage.seconds
            report.show_run(number, f"{program.name:<12}", usage, speed)
    return usages


def measure(
    programs: list[Program], prepared: text.Text, folder: Path, rounds: int = 1
) -> dict[str, Run]:
    """Run programs in turn and score what each wrote last."""
    settings, cpus = Settings(), sorted(os.sched_getaffinity(0))
    frequent = prepared.frequent(settings.min_count)
    usages = in_turn(programs, prepared, settings, cpus, rounds, folder)
    runs = {}
    for program in programs:
        scores = quality.evaluate(program.vectors(program.output(folder)), frequent)
        shares = [u.others_share for u in usages[program.name] if u.others_share is not None]
        run = Run(
            program.name,
            median(usage.cpu_seconds for usage in usages[program.name]),
            max(shares, default=None),
            **asdict(scores),
            rounds=rounds,
            measured=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        )
        print(run, flush=True)
        runs[program.name] = run
    return runs


def publish(
    name: str, markdown: str, prepared: text.Text, runs: list[Run], *, write_docs: bool
) -> None:
    """Publish what some runs came to, ``markdown``, with their conditions."""
    conditions = report.conditions(name, *_describe(prepared, runs), packages=["gensim"])
    document = {"runs": [asdict(run) for run in runs]}
    report.publish(name, document, f"{markdown}\n\n{conditions}", write_docs=write_docs)


def _describe(prepared: text.Text, runs: list[Run]) -> list[str]:
    """The conditions of some runs in words."""
    settings = Settings()
    shares = [run.others_share for run in runs if run.others_share is not None]
    vocabulary = len(prepared.frequent(settings.min_count))
    return [
        f"Text: {prepared.name}, {prepared.words:,} words, a vocabulary of {vocabulary:,}.",
        f"Settings: {report.listed(asdict(settings))}.",
        (
            f"Whole processes in turn, rounds: {max(run.rounds for run in runs)}; CPU seconds are "
            "user and system time, their median. Scores are of the last round."
        ),
        (
            f"Up to {max(shares):.0%} of the CPUs' time went to other programs and the hypervisor, "
            "which makes caches colder and CPU seconds more."
        ),
    ]
