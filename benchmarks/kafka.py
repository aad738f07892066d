"""Kafka against a real broker: what survives kills, and how fast messages are learned.

``kills``: the daemon is killed with SIGKILL at random moments; ``broker``: the broker is;
``poison``: many messages cannot be decoded. Each ends with an error unless the counts of all words
are the topic's, and with one partition the vectors those of an undisturbed run.
``speed``: messages a second beside the same text on standard input.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from benchmarks import report
from streamer.sources.kafka.client import Consumer
from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon, counts
from w2v_online import load_vectors

LONG_SECONDS = 1800.0


@contextmanager
def own_cluster(folder: Path) -> Iterator[Cluster]:
    """A broker that may be killed."""
    broker = Broker(folder / "broker")
    broker.start()
    try:
        yield Cluster(broker.bootstrap_servers, broker)
    finally:
        broker.stop()


def words(text: Path) -> Iterator[bytes]:
    """All words of a file, again and again."""
    while True:
        with text.open("rb") as stream:
            for line in stream:
                yield from line.split()


def messages(text: Path, number: int, size: int) -> list[bytes]:
    """So many messages of about ``size`` bytes."""
    source, made = words(text), []
    for _ in range(number):
        message, length = [], 0
        while length < size:
            message.append(next(source))
            length += len(message[-1]) + 1
        made.append(b" ".join(message))
    return made


def produce(cluster: Cluster, topic: str, values: list[bytes], partitions: int) -> None:
    """Send messages round robin, as fast as it goes."""
    producer = KafkaProducer(
        bootstrap_servers=cluster.bootstrap_servers,
        linger_ms=20,
        batch_size=1 << 17,
        request_timeout_ms=60_000,
    )
    for number, value in enumerate(values):
        producer.send(topic, value, partition=number % partitions)
    producer.flush()
    producer.close()


def daemon(cluster: Cluster, topic: str, folder: Path, every: str, *args: str) -> Daemon:
    """A daemon that reads a topic, with a vector for every word."""
    return Daemon(
        "--source", "kafka", "--kafka-bootstrap-servers", cluster.bootstrap_servers,
        "--kafka-topic", topic, "--kafka-group", f"{topic}-{folder.name}",
        "--kafka-config", "session_timeout_ms=1500", "--kafka-config", "heartbeat_interval_ms=400",
        "--vector-size", "20", "--max-vocab-size", "1000000", "--snapshot-every", every, *args,
        folder=folder,
    )  # fmt: skip


def learn_all(process: Daemon, total: int) -> None:
    """Wait until so many words are in a snapshot, then end the daemon."""
    process.wait_for_words(total, LONG_SECONDS)
    if process.stop() != 0:
        sys.exit("the daemon failed:\n" + "".join(process.lines[-20:]))


def check_counts(folder: Path, expected: Counter[str]) -> None:
    """End with an error unless a model has counted exactly these words."""
    found = counts(folder)
    if found != expected:
        wrong = sum(found[word] != expected[word] for word in found | expected)
        sys.exit(f"counts of {wrong} words are wrong")
    print(f"counts of {len(expected):,} words, {sum(expected.values()):,} occurrences: exact")


def check_vectors(
    cluster: Cluster, topic: str, folder: Path, total: int, options: tuple[str, ...]
) -> None:
    """End with an error unless an undisturbed run gives the same bytes."""
    whole = folder.with_name("whole")
    learn_all(daemon(cluster, topic, whole, "2s", *options), total)
    one, other = load_vectors(folder), load_vectors(whole)
    if one.words != other.words or not np.array_equal(one.vectors, other.vectors):
        sys.exit("vectors differ from those of an uninterrupted run")
    print(f"vectors of {len(one.words):,} words: the bytes of an uninterrupted run")


def trial(
    options: argparse.Namespace,
    disturb: Callable[[Cluster, str, Path, random.Random], Daemon],
    *learner: str,
) -> None:
    """Learn a topic while something disturbs it; compare with what was sent."""
    with tempfile.TemporaryDirectory() as name, own_cluster(Path(name)) as cluster:
        values = messages(options.text, options.messages, 100)
        expected = Counter(word for value in values for word in value.decode().split())
        topic = cluster.topic(options.partitions)
        produce(cluster, topic, values, options.partitions)
        print(f"{len(values):,} messages in {options.partitions} partitions")
        folder = Path(name) / "disturbed"
        began = time.monotonic()
        last = disturb(cluster, topic, folder, random.Random(options.seed))
        learn_all(last, sum(expected.values()))
        print(f"learned in {time.monotonic() - began:.0f} s")
        check_counts(folder, expected)
        if options.partitions == 1:
            check_vectors(cluster, topic, folder, sum(expected.values()), learner)


def kill_daemons(options: argparse.Namespace) -> None:
    """Show what SIGKILL at random moments does."""

    def disturb(cluster: Cluster, topic: str, folder: Path, chance: random.Random) -> Daemon:
        # Often enough that each life gets some way, rarely enough that all kills happen.
        every = f"{12 * options.messages // (2 * options.kills)}words"
        for number in range(options.kills):
            process = daemon(cluster, topic, folder, every)
            process.event("kafka_partition_begun")
            time.sleep(chance.uniform(0.0, 1.2))
            process.kill()
            print(f"kill {number + 1}: {process.saved_words():,} words in snapshots", flush=True)
        return daemon(cluster, topic, folder, "2s")

    trial(options, disturb)


def kill_brokers(options: argparse.Namespace) -> None:
    """Show what killing the broker under load does."""
    slow = ("--vector-size", "300", "--negative", "20")  # so that there is load all the time

    def disturb(cluster: Cluster, topic: str, folder: Path, chance: random.Random) -> Daemon:
        assert cluster.broker is not None
        process = daemon(cluster, topic, folder, "1s", *slow)
        for number in range(options.kills):
            process.event("snapshot_written", 2 * number + 1)
            time.sleep(chance.uniform(0.0, 1.0))
            cluster.broker.kill()
            print(f"broker killed, {process.saved_words():,} words in snapshots", flush=True)
            time.sleep(chance.uniform(0.5, 2.0))
            cluster.broker.start()
        return process

    trial(options, disturb, *slow)


def poison(options: argparse.Namespace) -> None:
    """Show what becomes of messages that cannot be decoded: a tenth of them."""
    with tempfile.TemporaryDirectory() as name, own_cluster(Path(name)) as cluster:
        topic, letters = cluster.topic(options.partitions), cluster.topic()
        good = messages(options.text, options.messages, 100)
        values = [
            b'{"text": %d' % i if i % 10 == 0 else json.dumps({"text": v.decode()}).encode()
            for i, v in enumerate(good)
        ]
        produce(cluster, topic, values, options.partitions)
        kept = [value for i, value in enumerate(good) if i % 10]
        expected = Counter(word for value in kept for word in value.decode().split())
        folder = Path(name) / "poisoned"
        process = daemon(
            cluster, topic, folder, "1s", "--json-field", "text",
            "--kafka-dead-letter-topic", letters,
        )  # fmt: skip
        learn_all(process, sum(expected.values()))
        check_counts(folder, expected)
        counted = load_vectors(folder).manifest["counters"]["invalid_records"]
        stored = Counter(record.value for record in cluster.read(letters))
        if counted != len(values[::10]) or stored != Counter(values[::10]):
            sys.exit(f"{counted} counted, {sum(stored.values())} in the dead-letter topic")
        print(f"{counted:,} of {len(values):,} messages were bad: all counted, all in the topic")


def speed(options: argparse.Namespace) -> None:
    """Measure messages of two sizes beside the same text on standard input."""
    rows, clients = [], []
    with tempfile.TemporaryDirectory() as name, own_cluster(Path(name)) as cluster:
        for size in (100, 1000):
            values = messages(options.text, options.messages * 100 // size, size)
            file = Path(name) / "text"
            file.write_bytes(b"".join(value + b"\n" for value in values))
            topic = cluster.topic(1)
            produce(cluster, topic, values, 1)
            total = sum(len(value.split()) for value in values)
            rates: dict[str, list[float]] = {"stdin": [], "Kafka": []}
            for number in range(options.rounds + 1):
                rate = {
                    "stdin": learn_stdin(file, Path(name) / f"i{size}-{number}"),
                    "Kafka": learn_topic(cluster, topic, Path(name) / f"k{size}-{number}", total),
                }
                print(size, {way: f"{r:,.0f} words/s" for way, r in rate.items()}, flush=True)
                if number:  # the first round compiles and fills caches
                    for way, r in rate.items():
                        rates[way].append(r)
            alone = [client_rate(cluster, topic, in_bulk=bulk) for bulk in (False, True)]
            clients.append(
                f"The Kafka client alone, with messages of {size} bytes: {alone[0]:,.0f} per CPU "
                f"second record by record, {alone[1]:,.0f} as the daemon reads them."
            )
            ratios = [k / i for k, i in zip(rates["Kafka"], rates["stdin"], strict=True)]
            rows.append([
                f"{len(values):,} messages of {size} bytes", f"{median(rates['stdin']):,.0f}",
                f"{median(rates['Kafka']):,.0f}", report.spread(ratios).format(".2f"),
            ])  # fmt: skip
    lines = [
        "Options: the defaults, one trainer thread; a topic of one partition, not compressed.",
        "Words a second from the start of the loop, joining the group included, to the last batch.",
        "The broker ran on the same machine.",
        *clients,
    ]
    table = report.table(["", "stdin, words/s", "Kafka, words/s", "Kafka / stdin"], rows)
    conditions = report.conditions("kafka", *lines, packages=("kafka-python",))
    report.publish(
        "kafka", {"rows": rows}, f"{table}\n\n{conditions}", write_docs=options.write_docs
    )


def client_rate(cluster: Cluster, topic: str, *, in_bulk: bool) -> float:
    """Messages that the client alone takes apart in a second of CPU time."""
    partition = TopicPartition(topic, 0)
    make = Consumer if in_bulk else KafkaConsumer
    consumer = make(bootstrap_servers=cluster.bootstrap_servers, metrics_enabled=False)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    end = consumer.end_offsets([partition])[partition]
    consumer.poll(timeout_ms=1000)
    first, began = consumer.position(partition), time.process_time()
    while consumer.position(partition) < end and time.process_time() < began + 10:
        consumer.poll(timeout_ms=100, max_records=32 if in_bulk else 500)
    rate = (consumer.position(partition) - first) / (time.process_time() - began)
    consumer.close()
    return rate


def _rate(process: Daemon) -> float:
    return float(process.event("stopped").partition("words_per_second=")[2].split()[0])


_OPTIONS = ["--vector-size", "100", "--min-count", "5", "--max-vocab-size", "1000000"]


def learn_stdin(file: Path, folder: Path) -> float:
    """Words a second of a daemon that reads a pipe."""
    read, write = os.pipe()
    with file.open("rb") as stream:
        process = Daemon(*_OPTIONS, folder=folder, stdin=read)
        os.close(read)
        with os.fdopen(write, "wb", buffering=0) as pipe:
            for block in iter(lambda: stream.read(1 << 18), b""):
                pipe.write(block)
    process.process.wait()
    return _rate(process)


def learn_topic(cluster: Cluster, topic: str, folder: Path, total: int) -> float:
    """Words a second of a daemon that reads a topic."""
    process = daemon(cluster, topic, folder, f"{total}words", *_OPTIONS)
    learn_all(process, total)
    return _rate(process)


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["kills", "broker", "poison", "speed"])
    parser.add_argument("--text", type=Path, required=True, help="file with words")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    report.add_docs_option(parser)
    options = parser.parse_args()
    {"kills": kill_daemons, "broker": kill_brokers, "poison": poison, "speed": speed}[options.what](
        options
    )


if __name__ == "__main__":
    main()
