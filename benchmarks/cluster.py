"""Workers that share a stream beside one daemon: counts, quality, words a second, bytes a word.

``quality``: a topic of 8 partitions on a real broker, learned by one daemon and by clusters; counts
must be the topic's, to the last word. ``speed``: the same text in 8 files, in one worker and in
two, exchange and merging included; files, because a broker takes a part of the machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import quality, report, text
from benchmarks.kafka import LONG_SECONDS, own_cluster, produce
from benchmarks.programs import Settings
from benchmarks.quality import SCORES
from benchmarks.text import Text
from tests.cluster.nodes import ray_nodes
from tests.cluster.process import ClusterDaemon
from tests.kafka.process import Daemon, counts
from w2v_online import load_vectors

PARTITIONS = 8
_OPTIONS = ["--vector-size", "100", "--max-vocab-size", "1000000"]


@dataclass(frozen=True)
class Outcome:
    """What one process, or one cluster, made of the text."""

    name: str
    seed: int
    words_per_second: float
    bytes_per_word: float
    wordsim353: float = float("nan")
    simlex999: float = float("nan")
    analogies: float = float("nan")
    cpu_seconds: tuple[float, ...] = ()
    """Of each worker, then of all shards together, since learning began."""


def learn(name: str, seed: int, process: Daemon, total: int, *, has_end: bool) -> Outcome:
    """Wait until all is learned and in a snapshot."""
    cpu_seconds: tuple[float, ...] = ()
    if has_end and isinstance(process, ClusterDaemon):
        cpu_seconds = _cpu_seconds(process)
    elif has_end:
        process.process.wait(LONG_SECONDS)
    else:
        process.wait_for_words(total, LONG_SECONDS)
        if process.stop() != 0:
            sys.exit("it failed:\n" + "".join(process.lines[-20:]))
    line = process.event("stopped")
    if _figure(line, "rollbacks"):
        sys.exit("a process was lost:\n" + "".join(process.lines[-20:]))
    exchanged = _figure(line, "sent_bytes") + _figure(line, "received_bytes")
    rate = _figure(line, "words_per_second")
    return Outcome(name, seed, rate, exchanged / total, cpu_seconds=cpu_seconds)


def _cpu_seconds(process: ClusterDaemon) -> tuple[float, ...]:
    """Time that workers and shards took of the CPUs, until the stream is at its end."""
    places = re.findall(r"'(worker|shard) \d+': '[^:]+:(\d+)'", process.event("epoch_started"))
    began = {pid: _cpu_seconds_of(pid) for _, pid in places}
    taken = dict.fromkeys(began, 0.0)
    while process.process.poll() is None:
        for pid in taken:
            taken[pid] = max(taken[pid], _cpu_seconds_of(pid) - began[pid])
        time.sleep(0.1)
    workers = [taken[pid] for kind, pid in places if kind == "worker"]
    return (*workers, sum(taken[pid] for kind, pid in places if kind == "shard"))


def _cpu_seconds_of(pid: str) -> float:
    """User and system time of a process, 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _figure(line: str, name: str) -> float:
    found = re.search(rf"\b{name}=([0-9.]+)", line)
    return float(found[1]) if found else 0.0


def check_counts(folder: Path, prepared: Text, times: int = 1, passes: int = 1) -> None:
    """End with an error unless a model has counted exactly the text's words, so many times.

    Its ``min_count`` is so many ``passes`` times the usual one.
    """
    frequent = prepared.frequent(-(-passes * Settings().min_count // times))
    expected = Counter({word: times * prepared.counts[word] for word in frequent})
    totals = load_vectors(folder).manifest["totals"]
    found = counts(folder)
    if found != expected or totals["words"] != times * prepared.words:
        wrong = sum(found[word] != expected[word] for word in found | expected)
        sys.exit(f"{folder}: counts of {wrong} words are wrong, {totals}")


def score(outcome: Outcome, folder: Path, prepared: Text) -> Outcome:
    """With the scores of its vectors."""
    opened = load_vectors(folder)
    vectors = opened.words, np.array(opened.vectors)
    scores = quality.evaluate(vectors, prepared.frequent(Settings().min_count))
    return Outcome(**{**asdict(outcome), **asdict(scores)})


def measure_quality(options: argparse.Namespace, prepared: Text, folder: Path) -> list[Outcome]:
    """One daemon and clusters on the same topic, for each seed."""
    outcomes = []
    with own_cluster(folder) as broker, ray_nodes(2) as address:
        topic = broker.topic(PARTITIONS)
        values = prepared.path.read_bytes().splitlines()
        produce(broker, topic, values, PARTITIONS)
        for seed in range(1, options.seeds + 1):
            for workers in [0, *options.workers]:
                name = f"{workers} workers" if workers else "one daemon"
                where = folder / f"workers{workers}-{seed}"
                args = [
                    "--source", "kafka", "--kafka-bootstrap-servers", broker.bootstrap_servers,
                    "--kafka-topic", topic, "--kafka-group", where.name, *_OPTIONS,
                    "--min-count", str(Settings().min_count), "--seed", str(seed),
                    "--snapshot-every", "15s",
                ]  # fmt: skip
                process = (
                    ClusterDaemon("--ray-address", address, *args,
                                  *_cluster_options(options, workers), folder=where)
                    if workers
                    else Daemon(*args, folder=where)
                )  # fmt: skip
                outcome = learn(name, seed, process, prepared.words, has_end=False)
                check_counts(where, prepared)
                outcomes.append(score(outcome, where, prepared))
                print(outcomes[-1], flush=True)
    return outcomes


def _cluster_options(options: argparse.Namespace, workers: int) -> list[str]:
    chosen = ["--workers", str(workers), "--shards", str(options.shards)]
    if options.sync_every:
        chosen += ["--sync-every", str(options.sync_every)]
    return chosen


def measure_speed(options: argparse.Namespace, prepared: Text, folder: Path) -> list[Outcome]:
    """One worker and two on the same files, in alternation; the first round does not count.

    With ``mature`` they go on from a model that has learned the text so often already. Its words
    are the same ones: the more often the text comes, the higher ``min_count``.
    """
    lines = prepared.path.read_bytes().splitlines(keepends=True)
    passes = max(1, options.mature)
    for name, times in (("first", options.mature), ("part", options.times)):
        for part in range(PARTITIONS):
            file = folder / f"{name}-{part}.txt"
            file.write_bytes(b"".join(lines[part::PARTITIONS]) * times)
    common = [
        *_OPTIONS, "--min-count", str(passes * Settings().min_count),
        "--snapshot-every", "1h", "--source", "file", "--path",
    ]  # fmt: skip
    if options.mature:
        first = Daemon(*common, str(folder / "first-*.txt"), folder=folder / "mature")
        learn("one daemon", 1, first, options.mature * prepared.words, has_end=True)
    outcomes = []
    with ray_nodes(2) as address:
        for number in range(options.rounds + 1):
            for workers in (1, 2):
                where = folder / f"speed{workers}-{number}"
                if options.mature:
                    shutil.copytree(folder / "mature", where)
                process = ClusterDaemon(
                    "--ray-address", address, *common, str(folder / "part-*.txt"),
                    *_cluster_options(options, workers), folder=where,
                )  # fmt: skip
                name = f"{workers} worker{'s' * (workers > 1)}"
                outcome = learn(name, 1, process, options.times * prepared.words, has_end=True)
                check_counts(where, prepared, options.mature + options.times, passes)
                shutil.rmtree(where)
                print(number, outcome, flush=True)
                if number:
                    outcomes.append(outcome)
    return outcomes


def _by_name(outcomes: list[Outcome]) -> dict[str, list[Outcome]]:
    names = dict.fromkeys(outcome.name for outcome in outcomes)
    return {name: [outcome for outcome in outcomes if outcome.name == name] for name in names}


def quality_table(outcomes: list[Outcome]) -> str:
    """Medians over the seeds, and how far clusters are from the single daemon on average."""
    by_name = _by_name(outcomes)
    (_, single), *clusters = by_name.items()
    rows, beside = [], []
    for name, chosen in by_name.items():
        scores = [report.spread(getattr(one, score) for one in chosen) for score in SCORES]
        sent = report.spread(one.bytes_per_word for one in chosen).median
        rows.append([name, *(spread.format(".1f") for spread in scores), f"{sent:.1f}"])
    for name, chosen in clusters:
        pairs = list(zip(single, chosen, strict=True))
        less = [[getattr(b, score) - getattr(a, score) for a, b in pairs] for score in SCORES]
        beside.append([name, *(report.mean(differences, "+.1f") for differences in less)])
    table = report.table(["", *SCORES.values(), "bytes a word"], rows)
    beside_table = report.table(["less one daemon's, mean", *SCORES.values()], beside)
    return f"{table}\n\n{beside_table}"


def speed_table(outcomes: list[Outcome]) -> str:
    """Words and CPU seconds, and two workers beside one, round by round."""
    rows, by_name = [], _by_name(outcomes)
    for name, chosen in by_name.items():
        rows.append([
            name,
            report.spread(one.words_per_second for one in chosen).format(",.0f"),
            report.spread(max(one.cpu_seconds[:-1]) for one in chosen).format(".1f"),
            report.spread(one.cpu_seconds[-1] for one in chosen).format(".1f"),
            report.spread(one.bytes_per_word for one in chosen).format(".0f"),
        ])  # fmt: skip
    header = ["", "words/s", "CPU s, slowest worker", "CPU s, shards", "bytes a word"]
    pairs = list(zip(*by_name.values(), strict=True))
    apart = [a.cpu_seconds[0] / max(b.cpu_seconds[:-1]) for a, b in pairs]
    shared = [2 * a.cpu_seconds[0] / sum(b.cpu_seconds) for a, b in pairs]
    facts = [
        ("measured, words a second", [b.words_per_second / a.words_per_second for a, b in pairs]),
        ("by CPU seconds, a CPU for each worker and each shard", apart),
        ("by CPU seconds, two CPUs for all of them", shared),
    ]
    beside = [[text, report.spread(ratios).format(".2f")] for text, ratios in facts]
    beside_table = report.table(["two workers beside one", "times"], beside)
    return f"{report.table(header, rows)}\n\n{beside_table}"


def main() -> None:
    """Measure one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["quality", "speed"])
    text.add_data_option(parser, required=True)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--sync-every", type=int, default=0, help="default: the command's")
    parser.add_argument("--seeds", type=int, default=3, help="quality: two at least")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mature", type=int, default=0, metavar="TIMES", help="speed: with a model"
                        " that has learned the text so often before")  # fmt: skip
    parser.add_argument("--times", type=int, default=1, help="speed: so often the text is learned")
    report.add_docs_option(parser)
    options = parser.parse_args()
    if options.what == "quality" and options.seeds < 2:
        parser.error("--seeds: a spread needs two at least")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared = text.prepare(options.data, folder)
        is_quality = options.what == "quality"
        outcomes = (measure_quality if is_quality else measure_speed)(options, prepared, folder)
    table = (quality_table if is_quality else speed_table)(outcomes)
    conditions = report.conditions(
        "cluster",
        f"Text: {prepared.name}, {prepared.words:,} words; counts of all words were exact.",
        "Two Ray nodes, shards, workers, and with a topic the broker, on the same machine; its "
        f"load at the end was {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs.",
        packages=("ray", "kafka-python"),
    )
    document = {"outcomes": [asdict(outcome) for outcome in outcomes]}
    report.publish(
        f"cluster_{options.what}", document, f"{table}\n\n{conditions}",
        write_docs=options.write_docs,
    )  # fmt: skip


if __name__ == "__main__":
    main()
