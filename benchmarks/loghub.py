"""What the ``log`` tokenizer makes of loghub's logs, beside ``whitespace``.

    python -m benchmarks.loghub FOLDER

FOLDER holds ``*_2k.log`` and ``*_2k.log_structured.csv`` of logpai/loghub.

Vocabulary: distinct tokens of 2,000 lines. Words: the words of letters alone in the event
templates, and how many of them do not come out as tokens. Retrieval: a model learns the messages of
a system, shuffled with a fixed seed, each five times because there are so few; a template's vector
is the weighted mean of its words' (``embed``), and so is a message's; of the ten nearest messages
to each template that has ten, how many are of it.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.registry import open_tokenizer
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

_CONFIG = LearnerConfig(vector_size=50, min_count=1, sample=1e-3, max_vocab_size=20_000)
_REPEATS = 5
_TOPN = 10
_VALUE = re.compile(r"<\*>|<NUM>")
"""What stands for a value in loghub's templates: no line has it as it is."""

_SPEED_BYTES = 20_000_000


def _tokens(tokenizer: Tokenizer, text: bytes) -> list[list[str]]:
    tokens = bytes(tokenizer.tokenize(text)).decode()
    if not tokenizer.is_separated:
        return [record.split() for record in tokens.split("\n")[:-1]]
    return [[t for t in record.split("\x1f") if t] for record in tokens.split("\x1e")[:-1]]


def _alphabetic(template: str) -> set[str]:
    return set(re.findall(r"(?<!\w)[A-Za-z]+(?!\w)", _VALUE.sub("0", template)))


def _retrieval(
    lines: list[list[str]], templates: list[list[str]], of: list[int], folder: Path
) -> float:
    """Mean precision at 10 over templates that have ten lines."""
    model = OnlineWord2Vec(_CONFIG)
    order = list(range(len(lines))) * _REPEATS
    random.Random(1).shuffle(order)
    model.learn(lines[i] for i in order)
    wv = load_vectors(model.snapshot(folder))
    embedded = np.array([_unit(wv.embed(line)) for line in lines])
    truth = np.array(of)
    precisions = []
    for number, template in enumerate(templates):
        if np.count_nonzero(truth == number) < _TOPN:
            continue
        nearest = np.argsort(-(embedded @ _unit(wv.embed(template))), kind="stable")[:_TOPN]
        precisions.append(float(np.mean(truth[nearest] == number)))
    return float(np.mean(precisions)) if precisions else math.nan


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _row(log: Path, tokenizer: Tokenizer, folder: Path) -> tuple[float, float]:
    """One system: prints a row; returns the shrinkage and the precision with ``tokenizer``."""
    with Path(f"{log}_structured.csv").open(encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    text = log.read_bytes().decode(errors="replace").replace("\r\n", "\n").rstrip("\n") + "\n"
    whitespace = open_tokenizer("whitespace", {})
    words = [_tokens(t, text.encode()) for t in (whitespace, tokenizer)]
    sizes = [len({token for line in lines for token in line}) for lines in words]
    templates = sorted({row["EventTemplate"] for row in rows})
    number = {template: i for i, template in enumerate(templates)}
    of = [number[row["EventTemplate"]] for row in rows]
    wanted = set().union(*map(_alphabetic, templates))
    missing = wanted - {token for line in words[1] for token in line}
    contents = "".join(row["Content"].replace("\n", " ") + "\n" for row in rows).encode()
    texts = "".join(t.replace("<*>", " ").replace("\n", " ") + "\n" for t in templates).encode()
    precision = [
        _retrieval(_tokens(t, contents), _tokens(t, texts), of, folder / f"{log.stem}{i}")
        for i, t in enumerate((whitespace, tokenizer))
    ]
    print(
        f"| {log.stem.removesuffix('_2k')} "
        f"| {sizes[0]:,} | {sizes[1]:,} | {sizes[0] / sizes[1]:.1f} "
        f"| {len(missing)} of {len(wanted)} | {precision[0]:.2f} | {precision[1]:.2f} |",
        flush=True,
    )
    return sizes[0] / sizes[1], precision[1]


def _speed(name: str, text: bytes) -> str:
    tokenizer = open_tokenizer(name, {})
    pieces = [text[i : i + (1 << 19)] for i in range(0, len(text), 1 << 19)]
    pieces = [piece.decode(errors="ignore").encode() for piece in pieces]
    tokens, best = 0, math.inf
    for _ in range(3):
        began = time.process_time()
        made = [tokenizer.tokenize(piece) for piece in pieces]
        best = min(best, time.process_time() - began)
        tokens = sum(piece.count(b"\x1f") + piece.count(b"\x1e") for piece in map(bytes, made))
    words = len(text.split())
    return (
        f"{name}: {len(text) / best / 1e6:.0f} MB/s, {words / best / 1e6:.1f} million words/s "
        f"(between whitespace), {tokens / best / 1e6:.1f} million tokens/s"
    )


def main() -> None:
    """Print a table in Markdown and the speeds, in CPU time of one core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    logs = sorted(parser.parse_args().folder.glob("*_2k.log"))
    tokenizer = open_tokenizer("log", {})
    print("| system | whitespace | log | ratio | words missing | P@10 whitespace | P@10 log |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with TemporaryDirectory() as folder:
        results = [_row(log, tokenizer, Path(folder)) for log in logs]
    ratio = math.exp(float(np.mean([math.log(ratio) for ratio, _ in results])))
    print(f"geometric mean {ratio:.1f}, mean P@10 {np.mean([p for _, p in results]):.3f}")
    text = b"".join(log.read_bytes() for log in logs).decode(errors="replace").encode()
    text *= 1 + _SPEED_BYTES // len(text)
    for name in ("log", "unicode"):
        print(_speed(name, text))


if __name__ == "__main__":
    main()
