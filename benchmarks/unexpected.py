"""Planted lines in a Kafka topic, alerts into another one, and a daemon that is killed.

    python -m benchmarks.unexpected FOLDER [--lines 1000000] [--planted 100] [--kills 20]

FOLDER holds ``*_2k.log`` of logpai/loghub. The topic has lines of one system, drawn at random, and
some of the others' planted among them behind the first tenth, each of a kind of its own. Ends with
an error unless every planted line is among the alerts, under one id.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.anomalies import read_log
from benchmarks.kafka import daemon, own_cluster, produce
from streamer.alerts.kinds import kind_of

_OPTIONS = (
    "--tokenizer", "log", "--boundaries", "--sample", "0", "--min-count", "1",
    "--alert-limit", "1000000", "--alert-window", "1s",
)  # fmt: skip


def topic_lines(folder: Path, native: str, total: int, planted: int) -> tuple[list[str], list[str]]:
    """All lines of the topic, and those that were planted."""
    chance = random.Random(1)
    own = read_log(folder, native)
    kinds: dict[str, str] = {}
    for log in sorted(folder.glob("*_2k.log")):
        if log.stem != f"{native}_2k":
            for line in read_log(folder, log.stem.removesuffix("_2k")):
                kinds.setdefault(kind_of(line), line)
    foreign = chance.sample(sorted(kinds.values()), planted)
    lines = chance.choices(own, k=total - planted)
    places = sorted(chance.sample(range(total // 10, total - planted), planted), reverse=True)
    for place, line in zip(places, foreign, strict=True):
        lines.insert(place, line)
    return lines, foreign


def main() -> None:
    """Plant, kill, and count the alerts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--native", default="HDFS")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    lines, foreign = topic_lines(options.folder, options.native, options.lines, options.planted)
    chance = random.Random(2)
    with tempfile.TemporaryDirectory() as name, own_cluster(Path(name)) as cluster:
        topic, told = cluster.topic(), cluster.topic()
        produce(cluster, topic, [line.encode() for line in lines], 1)
        arguments = [*_OPTIONS, "--alerts", f"kafka:{told}"]
        folder = Path(name) / "s"
        began = time.monotonic()
        for _ in range(options.kills):
            process = daemon(cluster, topic, folder, "50000words", *arguments)
            process.event("started")
            time.sleep(chance.uniform(0.0, 3.0))
            process.kill()
        process = daemon(cluster, topic, folder, "2s", *arguments)
        process.wait_until(lambda: _learned(folder) == options.lines, 1800.0)
        if process.stop() != 0:
            sys.exit("the daemon failed:\n" + "".join(process.lines[-20:]))
        seconds = time.monotonic() - began
        ids: dict[str, set[str]] = {}
        messages = 0
        for record in cluster.read(told):
            alert = orjson.loads(record.value)
            ids.setdefault(alert["text"].strip(), set()).add(alert["id"])
            messages += 1
    found = [line for line in foreign if len(ids.get(line.strip(), ())) == 1]
    alerts = sum(map(len, ids.values()))
    print(
        f"{options.lines:,} lines, {options.kills} kills, {seconds:.0f} s: {len(found)} of "
        f"{len(foreign)} planted lines told under one id; {alerts:,} ids in {messages:,} messages"
    )
    if len(found) < len(foreign):
        sys.exit(f"missing: {[line for line in foreign if line not in found][:5]}")


def _learned(folder: Path) -> int:
    from w2v_online.snapshots import reader

    newest = reader.newest(folder)
    return 0 if newest is None else int(newest.manifest["totals"]["records"])


if __name__ == "__main__":
    main()
