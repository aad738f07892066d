"""Results: medians with their spread, tables, the machine, and where all of it is written.

A result is JSON and Markdown in benchmarks/results, and on request a section of
docs/benchmarks.md between its two marker comments.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, Usage

RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs" / "benchmarks.md"
MIB = 1 << 20


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, with the least and the greatest."""

    median: float
    low: float
    high: float

    def format(self, form: str) -> str:
        """All three, as ``form`` says."""
        return f"{self.median:{form}} ({self.low:{form}} to {self.high:{form}})"


def spread(values: Iterable[float]) -> Spread:
    """Of one value a round."""
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values))


def mean(values: Iterable[float], form: str) -> str:
    """The mean of two or more values, with its standard error."""
    values = list(values)
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.mean(values):{form}} ± {error:.1f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *rows])


USAGE_HEADER = ["", "words/s", "CPU seconds", "peak MiB"]


def usage_cells(name: str, usages: Sequence[Usage], words: int) -> list[str]:
    """A table's cells for the runs of one program on so many words, under ``USAGE_HEADER``."""
    return [
        name,
        spread(words / usage.seconds for usage in usages).format(",.0f"),
        f"{spread(usage.cpu_seconds for usage in usages).median:.1f}",
        f"{spread(usage.peak_bytes / MIB for usage in usages).median:,.0f}",
    ]


def show_run(number: int, name: str, usage: Usage, rate: float) -> None:
    """Print how one run of a program went, while the others are still to come."""
    others = f"{usage.others_share:.0%} of the CPU to others"
    print(f"round {number}  {name}{rate:>12,.0f} words/s  {others}", flush=True)


def ratio_of_times(of: Sequence[Usage], to: Sequence[Usage]) -> str:
    """How many times as long the runs ``of`` took as the runs ``to``, round by round."""
    ratios = [a.seconds / b.seconds for a, b in zip(of, to, strict=True)]
    return spread(ratios).format(".2f")


def machine() -> str:
    """Processor, its number of CPUs, memory and operating system."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", info, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"{model[1] if model else platform.machine()}, {os.cpu_count()} CPUs, "
        f"{memory / 2**30:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"
    )


def versions(*packages: str) -> str:
    """Versions of w2v-stream with its commit, of Python and of the packages named."""
    described = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    commit = described.stdout.strip() or "no commit"
    names = ["numba", "numpy", *packages]
    return ", ".join(
        [f"w2v-stream {version('w2v-stream')} ({commit})", f"Python {platform.python_version()}"]
        + [f"{name} {version(name)}" for name in names]
    )


def shown_command(module: str) -> str:
    """The command line of this run without the folders of this machine."""
    arguments = [re.sub(r"(^|=)[^=]*/", r"\1", argument) for argument in sys.argv[1:]]
    return shlex.join(["python", "-m", f"benchmarks.{module}", *arguments])


def rounds_line(rounds: int, cpus: Sequence[int]) -> str:
    """How whole processes were measured."""
    return (
        f"Whole processes, CPUs: {len(cpus)}, rounds in alternation: {rounds}. Median (least to "
        "greatest); ratios are taken within a round."
    )


def noise_line(usages: Iterable[Usage]) -> str:
    """How much of the CPUs' time went to something else."""
    shares = spread(usage.others_share for usage in usages)
    return (
        f"Other programs and the hypervisor took {shares.median:.0%} of the CPU's time in the "
        f"median run, {shares.high:.0%} in the worst."
    )


def listed(settings: dict[str, Any]) -> str:
    """Names and values in a sentence."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def conditions(module: str, *lines: str, packages: Sequence[str] = ()) -> str:
    """What a result depends on, as a Markdown list."""
    facts = [
        *lines,
        f"Machine: {machine()}.",
        f"Versions: {versions(*packages)}.",
        f"Measured on {datetime.now(timezone.utc):%Y-%m-%d} with `{shown_command(module)}`.",
    ]
    return "\n".join(f"- {fact}" for fact in facts)


def add_docs_option(parser: argparse.ArgumentParser) -> None:
    """The option that asks for the result in docs/benchmarks.md."""
    parser.add_argument("--write-docs", action="store_true", help="put it in docs/benchmarks.md")


def publish(name: str, document: dict[str, Any], markdown: str, *, write_docs: bool) -> None:
    """Print a result and write it down."""
    print(f"\n{markdown}\n")
    RESULTS.mkdir(exist_ok=True)
    facts = {
        "machine": machine(),
        "versions": versions(),
        "command": shown_command(name),
        **document,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(_finite(facts), indent=2) + "\n")
    (RESULTS / f"{name}.md").write_text(markdown + "\n")
    if write_docs:
        _replace_section(name, markdown)


def publish_table(
    name: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    conditions: str,
    *,
    write_docs: bool,
    **facts: Any,
) -> None:
    """Publish a table with its conditions; ``facts`` are what else is written down."""
    document = {"header": list(header), "rows": [list(row) for row in rows], **facts}
    publish(name, document, f"{table(header, rows)}\n\n{conditions}", write_docs=write_docs)


def _finite(value: Any) -> Any:
    """The same with null for nan, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replace_section(name: str, markdown: str) -> None:
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    page = DOCS.read_text("utf-8")
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        sys.exit(f"{DOCS.name} lacks {begin} or {end}")
    DOCS.write_text(f"{before}{begin}\n{markdown}\n{end}{after}", "utf-8")
