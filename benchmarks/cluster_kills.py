"""Kills workers, shards and the command of a cluster with SIGKILL, and counts words afterwards.

A topic of 8 partitions on a real broker gets messages all the while. At the end the model must have
counted every word exactly as often as it was sent. Worker 0 learns a 30th of the text alone.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from benchmarks.kafka import LONG_SECONDS, check_counts, messages, own_cluster, produce
from tests.cluster.nodes import ray_nodes
from tests.cluster.process import ClusterDaemon
from tests.kafka.cluster import Cluster
from w2v_online.snapshots import reader

PARTITIONS = 8
LIFE_SECONDS = 2.0
"""Longest time between a beginning and a kill."""


class Trial:
    """One command after the other on the same snapshots."""

    def __init__(self, options: argparse.Namespace, args: list[str], folder: Path) -> None:
        self._options = options
        self._args = args
        self._folder = folder
        self._chance = random.Random(options.seed)
        self._epoch = 0
        self.process = self._start()

    def _start(self) -> ClusterDaemon:
        self._epoch = 0
        return ClusterDaemon(*self._args, folder=self._folder)

    def saved_words(self) -> int:
        """Words in the newest snapshot."""
        found = reader.newest_whole(self._folder) if self._folder.exists() else None
        return 0 if found is None else int(found.manifest["totals"]["words"])

    def kill(self, kind: str) -> None:
        """Kill a worker, a shard or the command at a random moment, and have it replaced."""
        self._epoch += 1
        self.process.event("epoch_started", self._epoch)
        if self._chance.random() < 0.5:  # as most lives would, get some way
            saved = self.saved_words()
            self.process.wait_until(lambda: self.saved_words() > saved)
        time.sleep(self._chance.uniform(0.0, LIFE_SECONDS))
        if kind == "command":
            self.process.kill()
            self.process = self._start()
            return
        number = self._chance.randrange(
            self._options.workers if kind == "worker" else self._options.shards
        )
        self.process.kill_member(f"{kind} {number}", self._epoch)


def keep_sending(cluster: Cluster, topic: str, values: list[bytes], stop: threading.Event) -> None:
    """Send messages for longer than kills take, the rest at once when it is told to stop."""
    lot = max(1, len(values) // 2000)
    for first in range(0, len(values), lot):
        produce(cluster, topic, values[first : first + lot], PARTITIONS)
        stop.wait(0.3)


def main() -> None:
    """Kill, learn the rest, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, required=True, help="file with words")
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--kills", type=int, default=10, help="of each kind")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        own_cluster(Path(name)) as cluster,
        ray_nodes(2) as address,
    ):
        values = messages(options.text, options.messages, 100)
        expected = Counter(word for value in values for word in value.decode().split())
        topic, stop = cluster.topic(PARTITIONS), threading.Event()
        sender = threading.Thread(target=keep_sending, args=(cluster, topic, values, stop))
        sender.start()
        trial = Trial(options, [
            "--ray-address", address, "--source", "kafka", "--kafka-bootstrap-servers",
            cluster.bootstrap_servers, "--kafka-topic", topic, "--kafka-group", topic,
            "--workers", str(options.workers), "--shards", str(options.shards),
            "--vector-size", "20", "--max-vocab-size", "1000000", "--sync-every", "20000",
            "--snapshot-every", "1s", "--join-after", str(expected.total() // 30),
        ], Path(name) / "snapshots")  # fmt: skip
        kinds = ["worker", "shard", "command"] * options.kills
        random.Random(options.seed).shuffle(kinds)
        try:
            for number, kind in enumerate(kinds, 1):
                trial.kill(kind)
                print(f"kill {number}, a {kind}: {trial.saved_words():,} words in "
                      "snapshots", flush=True)  # fmt: skip
            stop.set()
            sender.join()
            trial.process.wait_for_words(sum(expected.values()), LONG_SECONDS)
            if trial.process.stop() != 0:
                sys.exit("it failed:\n" + "".join(trial.process.lines[-20:]))
        finally:
            stop.set()
            trial.process.kill()
        check_counts(Path(name) / "snapshots", expected)


if __name__ == "__main__":
    main()
