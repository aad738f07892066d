"""What ``--alerts`` costs: words a CPU second with it against without, in pairs of blocks.

    python -m benchmarks.alerting [--sizes 70000 1000000] [--losses ns hs] [--write-docs]

Two models learn the same random text by Zipf's law: first every word once, so that all have a row,
then blocks of draws, in turn; one of them scores each record before it learns it and considers it
for an alert into a file, as the daemon does. Only the blocks are timed: CPU seconds of this
process, one thread, in tokens that are split already.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks import report
from benchmarks.scale import LINE_WORDS, ZipfText
from streamer.alerts.alerts import Alerts, Limits
from streamer.alerts.rule import Rule
from streamer.alerts.targets.lines import LinesTarget
from streamer.alerts.watching import Watching
from streamer.config.alert_at import parse_alert_at
from streamer.telemetry.log import LogLevel, make_log
from streamer.text.batch import Batch
from streamer.text.trace import Trace
from w2v_online import LearnerConfig, OnlineWord2Vec


@dataclass(frozen=True)
class Rates:
    """Words a CPU second of one block."""

    alone: float
    with_alerts: float


def short_lines(block: bytes, line_words: int) -> bytes:
    """The same words in lines of ``line_words``."""
    words = block.split()
    lines = (b" ".join(words[i : i + line_words]) for i in range(0, len(words), line_words))
    return b"".join(line + b"\n" for line in lines)


def cpu_seconds(function: object, *args: object, **named: object) -> float:
    """CPU time of a call."""
    began = time.process_time()
    function(*args, **named)  # type: ignore[operator]
    return time.process_time() - began


def measure(size: int, loss: str, options: argparse.Namespace, target: Path) -> list[Rates]:
    """Rates of each block."""
    config = LearnerConfig(
        loss=loss, min_count=1, max_vocab_size=size, sample=options.sample, window=options.window
    )
    alone, watched = OnlineWord2Vec(config), OnlineWord2Vec(config)
    log = make_log("text", LogLevel("error"))
    alerts = Alerts(Rule(parse_alert_at("p=0.001")), [LinesTarget(str(target), log)], Limits())
    watching = Watching(watched, alerts)
    text = ZipfText(size)
    for block in text.every_word():
        for model in (alone, watched):
            model.learn_text(block)
    rates = []
    for block in islice(text.draws(), options.skip + options.blocks):
        lines = short_lines(block, options.line_words)
        words = block.count(b" ") + block.count(b"\n")
        trace = Trace(Batch(lines))
        plain = cpu_seconds(alone.learn_text, lines)
        scored = cpu_seconds(watching.learn, lines, separated=False, text=lines, trace=trace)
        rates.append(Rates(words / plain, words / scored))
    return rates[options.skip :]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[70_000, 1_000_000])
    parser.add_argument("--losses", nargs="+", default=["ns", "hs"])
    parser.add_argument("--blocks", type=int, default=20, help="of 100,000 words, timed")
    parser.add_argument("--skip", type=int, default=3, help="blocks before those")
    parser.add_argument("--line-words", type=int, default=20)
    parser.add_argument("--sample", type=float, default=1e-3)
    parser.add_argument("--window", type=int, default=5)
    report.add_docs_option(parser)
    options = parser.parse_args()
    if any(size % LINE_WORDS for size in options.sizes):
        parser.error(f"--sizes must be multiples of {LINE_WORDS}")
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            for loss in options.losses:
                rates = measure(size, loss, options, Path(folder) / f"{size}{loss}.jsonl")
                alone = report.spread(rate.alone for rate in rates)
                watched = report.spread(rate.with_alerts for rate in rates)
                share = report.spread(rate.with_alerts / rate.alone for rate in rates)
                row = [f"{loss}, {size:,} words"]
                row += [alone.format(",.0f"), watched.format(",.0f"), share.format(".2f")]
                rows.append(row)
                figures[f"{loss} {size}"] = share.median
                print("  ".join(row), flush=True)
    conditions = report.conditions(
        "alerting",
        f"{options.blocks} blocks of 100,000 words in lines of {options.line_words}, in turn; "
        "median (least to greatest).",
        f"Settings: sample {options.sample:g}, window {options.window}, one thread.",
    )
    report.publish_table(
        "alerting",
        ["", "words per CPU second", "with --alerts", "ratio"],
        rows,
        conditions,
        write_docs=options.write_docs,
        ratios=figures,
    )


if __name__ == "__main__":
    main()
