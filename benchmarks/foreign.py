"""Foreign lines in a log, live: each line is scored just before it is learned.

    python -m benchmarks.foreign FOLDER [--native HDFS] [--lines 300] [--seeds 1 2 3] [--write-docs]

FOLDER holds ``*_2k.log`` of logpai/loghub. Into the 2,000 lines of a log lines of another system
are mixed at random places, and the model starts with the first of them, empty. The AUC is the
chance that a foreign line was more surprising, when it came, than a native one. Beside it drain3
(``pip install drain3``), which groups lines by template as they come: a line is as surprising as
its template is rare so far.
"""

from __future__ import annotations

import argparse
import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.anomalies import as_they_come, auc, mixed, read_log, tokens
from w2v_online import LearnerConfig
from w2v_online.learning.surprise import Measure

_OPTIONS = {"sample": 0.0, "boundaries": True, "max_vocab_size": 100_000}
_LOSSES = ("ns", "hs")
_MEASURES = (
    Measure("pm4", "context"),
    Measure("max", "context"),
    Measure("mean", "context"),
    Measure("pm4", "both"),
)
_BATCH_LINES = 256


def of_model(lines: list[str], loss: str, seed: int) -> dict[str, NDArray[np.float64]]:
    """Surprise of each line before it was learned, by measure."""
    config = LearnerConfig.model_validate({**_OPTIONS, "loss": loss, "seed": seed})
    texts = [tokens(lines[i : i + _BATCH_LINES]) for i in range(0, len(lines), _BATCH_LINES)]
    found = as_they_come(config, texts, _MEASURES, separated=True)
    return {
        f"{loss}, {measure.by}, {measure.of}": np.nan_to_num(values)
        for measure, values in found.items()
    }


def of_templates(lines: list[str]) -> NDArray[np.float64]:
    """-log of the share of earlier lines with the line's template, by drain3."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    miner = TemplateMiner(config=TemplateMinerConfig())
    sizes = [miner.add_log_message(line)["cluster_size"] for line in lines]
    return np.log(np.arange(1, len(lines) + 1)) - np.log(sizes)


def measure(folder: Path, native: str, foreign: str, n_lines: int, seed: int) -> dict[str, float]:
    """The AUC of each way."""
    rng = random.Random(seed)
    planted = rng.sample(read_log(folder, foreign), n_lines)
    lines = mixed(read_log(folder, native), planted, rng)
    is_foreign = np.isin(lines, planted)
    ways = {}
    for loss in _LOSSES:
        ways |= of_model(lines, loss, seed)
    if find_spec("drain3"):
        ways["drain3"] = of_templates(lines)
    return {name: auc(values[is_foreign], values[~is_foreign]) for name, values in ways.items()}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--native", default="HDFS")
    parser.add_argument("--lines", type=int, default=300, help="foreign ones mixed in")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    report.add_docs_option(parser)
    options = parser.parse_args()
    systems = sorted(log.stem.removesuffix("_2k") for log in options.folder.glob("*_2k.log"))
    others = [system for system in systems if system != options.native]
    found: dict[str, dict[str, float]] = {}
    for system in others:
        rounds = [
            measure(options.folder, options.native, system, options.lines, seed)
            for seed in options.seeds
        ]
        for way in rounds[0]:
            found.setdefault(way, {})[system] = float(np.mean([r[way] for r in rounds]))
        print(system, *(f"{way} {found[way][system]:.3f}" for way in found), sep="  ", flush=True)
    rows = []
    for way, by_system in found.items():
        worst = sorted(by_system, key=by_system.__getitem__)[:3]
        told = ", ".join(f"{by_system[system]:.3f} ({system})" for system in worst)
        rows.append([way, f"{np.mean(list(by_system.values())):.3f}", told])
    conditions = report.conditions(
        "foreign",
        f"{options.lines} lines of each of {len(others)} other systems, one at a time, in the "
        f"2,000 lines of {options.native}; means of {len(options.seeds)} seeds.",
        "Options: --tokenizer log --boundaries --sample 0; drain3 with its defaults.",
    )
    report.publish_table(
        "foreign", ["", "mean AUC", "least"], rows, conditions,
        write_docs=options.write_docs, auc=found,
    )  # fmt: skip


if __name__ == "__main__":
    main()
