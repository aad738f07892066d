"""Three brokers that fail under load: exact counts, and how long nothing is read.

    python -m benchmarks.kafka_brokers --daemons 1
    python -m benchmarks.kafka_brokers --daemons 2

Replication 3, ``min.insync.replicas`` 2, and an idempotent producer that sends all the time. The
leader of partition 0 is killed ``--kills`` times and comes back; then all brokers are restarted one
after the other, partitions are reassigned, and the leader hangs (SIGSTOP) for ``--hang`` seconds.
In the end every word's count, over the models of all daemons of the group, must be the topic's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.kafka.failover import trial


def main() -> None:
    """Try it and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--daemons", type=int, default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--hang", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        try:
            messages, longest = trial(
                Path(name), options.daemons, options.kills, options.hang, pause=0.1
            )
        except AssertionError as error:
            sys.exit(str(error))
    print(f"{messages:,} messages, every word's count exact")
    for phase, seconds in longest.items():
        print(f"{phase}: nothing read for {seconds:.1f} s at the longest")


if __name__ == "__main__":
    main()
