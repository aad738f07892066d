"""Daemons on the one broker of all Kafka tests (see ``tests/conftest.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon


@pytest.fixture
def daemon(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons on the cluster; ``daemon("--kafka-topic", ..., folder=...)``."""
    started: list[Daemon] = []

    def start(*args: str, folder: Path | None = None, **options: object) -> Daemon:
        servers = options.pop("servers", cluster.bootstrap_servers)
        process = Daemon(
            "--source", "kafka", "--kafka-bootstrap-servers", str(servers),
            "--kafka-config", f"session_timeout_ms={cluster.session_milliseconds}",
            "--kafka-config", "heartbeat_interval_ms=500", *args,
            folder=folder or tmp_path / "s", **options,  # type: ignore[arg-type]
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
