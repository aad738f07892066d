"""Foreign lines in a log, and whether ``score`` ranks them above its own.

    python -m benchmarks.anomalies FOLDER [--native HDFS OpenSSH] [--lines 300] [--write-docs]

FOLDER holds ``*_2k.log`` of logpai/loghub. Into the 2,000 lines of a log some lines of each
other system are mixed, chosen and placed at random with a fixed seed. Lines are ranked by their
surprise, as ``score --top`` does; the AUC is the chance that a foreign line stands above a native
one. The model has learned, in one pass, the native log; or its first half only, and the second is
scored; or the very file that is scored, foreign lines included, a few of them or as many as before.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from streamer.tokenizers.log import LogTokenizer
from w2v_online import LearnerConfig, OnlineWord2Vec, Scorer, Surprise
from w2v_online.learning.surprise import Measure

_LOSSES = ("hs", "softmax", "ns")
_SEED = 1
_WANTED = 0.95

_TOKENIZER = LogTokenizer()


def auc(foreign: np.ndarray, native: np.ndarray) -> float:
    """The chance that a foreign value is greater than a native one; equal ones count half."""
    greater = np.count_nonzero(foreign[:, None] > native)
    equal = np.count_nonzero(foreign[:, None] == native)
    return float((greater + equal / 2) / (len(foreign) * len(native)))


def read_log(folder: Path, system: str) -> list[str]:
    """The lines of a system."""
    text = (folder / f"{system}_2k.log").read_bytes().decode(errors="replace")
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


def tokens(lines: list[str]) -> bytes:
    """The lines as the daemon hands them to the learner with ``--tokenizer log``."""
    return _TOKENIZER.tokenize("".join(f"{line}\n" for line in lines).encode())


def learned(lines: list[str], loss: str) -> Scorer:
    """A model of these lines, with the default options but for the loss."""
    model = OnlineWord2Vec(LearnerConfig.model_validate({"loss": loss, "max_vocab_size": 100_000}))
    model.learn_text(tokens(lines), separated=True)
    return Scorer(model)


def as_they_come(
    config: LearnerConfig, texts: Sequence[bytes], measures: Sequence[Measure], *, separated: bool
) -> dict[Measure, NDArray[np.float64]]:
    """Surprise of each record of texts just before it is learned, as ``--alerts`` measures it."""
    surprises: dict[bool, list[Surprise]] = {}
    for by_each_context in {measure.of == "context" for measure in measures}:
        model = OnlineWord2Vec(config)
        surprises[by_each_context] = [
            model.learn_scored_text(text, separated=separated, by_each_context=by_each_context)[1]
            for text in texts
        ]
    return {
        measure: np.concatenate(
            [measure.of_records(part) for part in surprises[measure.of == "context"]]
        )
        for measure in measures
    }


def ranking(scorer: Scorer, native: list[str], foreign: list[str]) -> float:
    """AUC of the lines' surprise."""
    surprise = scorer.score_text(tokens(native + foreign), separated=True).surprise
    return auc(surprise[len(native) :], surprise[: len(native)])


def mixed(native: list[str], foreign: list[str], rng: random.Random) -> list[str]:
    """The native lines in their order with the foreign ones anywhere between them."""
    places = sorted(rng.choices(range(len(native) + 1), k=len(foreign)))
    lines, begin = [], 0
    for place, line in zip(places, foreign, strict=True):
        lines += [*native[begin:place], line]
        begin = place
    return lines + native[begin:]


def case_names(n_lines: int, few: int) -> tuple[str, ...]:
    """What the model has learned."""
    return ("native", "first half", f"mixed, {few} lines", f"mixed, {n_lines} lines")


def measure(
    folder: Path, native_system: str, others: list[str], loss: str, n_lines: int, few: int
) -> dict[str, dict[str, float]]:
    """By case and foreign system the AUC."""
    native = read_log(folder, native_system)
    half = len(native) // 2
    of_all, of_half = learned(native, loss), learned(native[:half], loss)
    cases = case_names(n_lines, few)
    found: dict[str, dict[str, float]] = {case: {} for case in cases}
    for system in others:
        rng = random.Random(_SEED)
        foreign = rng.sample(read_log(folder, system), n_lines)
        values = [ranking(of_all, native, foreign), ranking(of_half, native[half:], foreign)]
        values += [
            ranking(learned(mixed(native, lines, rng), loss), native, lines)
            for lines in (foreign[:few], foreign)
        ]
        for case, value in zip(cases, values, strict=True):
            found[case][system] = value
    return found


def main() -> None:
    """Measure, print a table, and end with an error if a model of the native log misses 0.95."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--native", nargs="+", default=["HDFS", "OpenSSH"])
    parser.add_argument("--lines", type=int, default=300, help="foreign ones mixed in")
    parser.add_argument("--few", type=int, default=20, help="of a mixed file that is learned")
    report.add_docs_option(parser)
    options = parser.parse_args()
    systems = sorted(log.stem.removesuffix("_2k") for log in options.folder.glob("*_2k.log"))
    cases = case_names(options.lines, options.few)
    results, rows, missed = {}, [], []
    for native in options.native:
        others = [system for system in systems if system != native]
        for loss in _LOSSES:
            found = measure(options.folder, native, others, loss, options.lines, options.few)
            results[f"{native} {loss}"] = found
            cells = [native, loss]
            for case in cases:
                worst = min(found[case], key=found[case].__getitem__)
                mean = sum(found[case].values()) / len(others)
                cells += [f"{found[case][worst]:.3f} ({worst})", f"{mean:.3f}"]
            rows.append(cells)
            print("  ".join(cells), flush=True)
            missed += [cells[:3]] if min(found[cases[0]].values()) < _WANTED else []
    header = [
        "log",
        "loss",
        *(f"{case}: {which}" for case in cases for which in ("least", "mean")),
    ]
    conditions = report.conditions(
        "anomalies",
        f"{options.lines} lines of each of {len(systems) - 1} other systems, one at a time.",
        "Options: the defaults, but for the loss; --tokenizer log; one pass.",
    )
    report.publish_table(
        "anomalies", header, rows, conditions, write_docs=options.write_docs, auc=results
    )
    if missed:
        raise SystemExit(f"below {_WANTED}: {missed}")


if __name__ == "__main__":
    main()
