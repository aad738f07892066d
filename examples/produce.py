"""Send lines to a Kafka topic: those of standard input (``-``), or made-up log lines without end.

With a broker on this machine: ``python examples/produce.py --topic logs --rate 100``, or
``some-command | python examples/produce.py --topic logs -``.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator

from kafka import KafkaProducer
from kafka.errors import KafkaError

_LINES = (
    "INFO request GET {path} user {user} status 200 in {ms} ms",
    "WARN slow request GET {path} user {user} status 200 in {ms} ms",
    "ERROR request POST {path} user {user} status 503 upstream timeout",
    "INFO user {user} logged in from {city}",
    "WARN disk {disk} almost full on host {host}",
    "ERROR disk {disk} read error on host {host}",
    "INFO backup of disk {disk} on host {host} finished",
)


def sample_lines() -> Iterator[str]:
    """Log lines of a small imaginary site."""
    while True:
        yield random.choice(_LINES).format(
            path=random.choice(["/cart", "/search", "/login", "/product"]),
            user=random.choice(["ann", "bob", "eve", "joe"]),
            ms=random.randint(1, 3000),
            city=random.choice(["berlin", "paris", "rome"]),
            disk=random.choice(["sda", "sdb", "nvme0"]),
            host=random.choice(["web1", "web2", "db1"]),
        )


def main() -> None:
    """Send lines until there are no more, or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rate", type=float, default=1000.0, help="made-up lines a second")
    parser.add_argument("input", nargs="?", choices=["-"], help="- for lines of standard input")
    options = parser.parse_args()
    try:
        producer = KafkaProducer(
            bootstrap_servers=options.bootstrap_servers, linger_ms=20, max_block_ms=10_000
        )
    except KafkaError as error:
        sys.exit(f"{options.bootstrap_servers}: {error}. Is there a broker?")
    try:
        for line in sys.stdin if options.input else sample_lines():
            producer.send(options.topic, line.rstrip("\n").encode())
            if not options.input:
                time.sleep(1 / options.rate)
    except KeyboardInterrupt:
        pass
    except KafkaError as error:
        sys.exit(f"{options.topic}: {error}. Is the topic there, and may it be made?")
    finally:
        producer.flush()
        producer.close()


if __name__ == "__main__":
    main()
