"""How long daemons take to read from Kafka: four at a time, each on its own topic and group.

    python -m benchmarks.kafka_starts --daemons 200 --busy 6
    python -m benchmarks.kafka_starts --daemons 100 --busy 6 --late 2

With ``--late`` the topic is made so many seconds after the daemon's start, and not before.
``--busy`` processes compete for the processors meanwhile. Kernels are compiled before. A daemon
reads as soon as a partition has begun; one that does not within a minute counts as stalled.
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon

WAIT_SECONDS = 60.0


def start(cluster: Cluster, folder: Path, late: float) -> float | None:
    """Seconds from a daemon's start until it reads, None if it does not."""
    topic = f"t-{uuid.uuid4().hex[:12]}"
    if not late:
        cluster.produce(cluster.topic(name=topic), [b"a b c"] * 50)
    began = time.monotonic()
    daemon = Daemon(
        "--source", "kafka", "--kafka-bootstrap-servers", cluster.bootstrap_servers,
        "--kafka-topic", topic, "--kafka-group", topic, folder=folder / topic,
    )  # fmt: skip
    try:
        if late:
            time.sleep(late)
            cluster.produce(cluster.topic(name=topic), [b"a b c"] * 50)
        daemon.wait_for("event=kafka_partition_begun", seconds=WAIT_SECONDS)
        return time.monotonic() - began
    except AssertionError as error:
        print(f"{topic} stalled: {error}", flush=True)
        return None
    finally:
        daemon.process.terminate()
        daemon.process.wait(60)


def spin() -> None:
    """Keep a processor busy."""
    while True:
        pass


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--daemons", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--late", type=float, default=0.0)
    options = parser.parse_args()
    subprocess.run([sys.executable, "-m", "streamer", "warmup"], check=True)
    busy = [multiprocessing.Process(target=spin, daemon=True) for _ in range(options.busy)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder / "broker")
        broker.start()
        cluster = Cluster(broker.bootstrap_servers, broker)
        for process in busy:
            process.start()
        try:
            with ThreadPoolExecutor(options.at_once) as pool:
                times = list(
                    pool.map(lambda _: start(cluster, folder, options.late), range(options.daemons))
                )
        finally:
            for process in busy:
                process.kill()
            broker.stop()
    read = sorted(seconds for seconds in times if seconds is not None)
    print(
        f"{len(read)} of {len(times)} daemons read, the median after {read[len(read) // 2]:.1f} s, "
        f"the slowest after {read[-1]:.1f} s; {sum(s > 30 for s in read)} took longer than 30 s"
    )
    sys.exit(len(read) < len(times))


if __name__ == "__main__":
    main()
