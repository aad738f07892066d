"""A cluster of three brokers, of which one fails after the other: everything is read once."""

from __future__ import annotations

from pathlib import Path

from tests.kafka.cluster import Cluster
from tests.kafka.failover import trial


def test_brokers_fail_in_many_ways_under_load(cluster: Cluster, tmp_path: Path) -> None:
    """Killed, restarted, relieved of partitions, hanging; two daemons share the partitions.

    ``benchmarks.kafka_brokers`` does the same for longer.
    """
    assert cluster.bootstrap_servers  # else Java is missing, and the test is skipped
    trial(tmp_path, daemons=2, kills=1, hang=8.0, pause=0.3)
