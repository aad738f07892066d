"""What tests share: one broker for those that need Kafka, one process for those that need it, and
logs that hold what the catalogue says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import logs
from tests.kafka import broker as brokers
from tests.kafka.cluster import Cluster

_SHARED = (
    "tests/kafka/",
    "tests/cluster/test_files.py",
    "tests/cluster/test_kafka.py",
    "tests/integration/test_commands.py",
    "tests/publishing/test_security.py",
    "tests/publishing/test_stores.py",
)
"""Tests with one broker or with Ray: one process runs them all."""


class _ByFile(LoadScopeScheduling):
    """Several processes: a file's tests are run by one of them, which has its fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        return "shared" if nodeid.startswith(_SHARED) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Asked by pytest-xdist, if there are to be several processes."""
    return _ByFile(config, log)


@pytest.fixture(autouse=True)
def logs_as_declared(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a daemon of a test has logged below ``tmp_path`` is in the catalogue of events."""
    has_folder = "tmp_path" in request.fixturenames
    folder = request.getfixturevalue("tmp_path") if has_folder else None
    yield
    if folder is not None:
        logs.check(folder)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """``KAFKA_BOOTSTRAP_SERVERS`` if set, else a broker of our own.

    Without Java and Maven tests are skipped, or fail if ``REQUIRE_KAFKA`` is set.
    """
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield Cluster(given)
        return
    missing = brokers.missing_programs()
    if missing:
        reason = f"a Kafka broker needs {', '.join(missing)}; or set KAFKA_BOOTSTRAP_SERVERS"
        if os.environ.get("REQUIRE_KAFKA"):
            pytest.fail(reason)
        pytest.skip(reason)
    broker = brokers.Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    try:
        yield Cluster(broker.bootstrap_servers, broker)
    finally:
        broker.stop()


@pytest.fixture
def broker(cluster: Cluster) -> brokers.Broker:
    """The broker as a process of ours, to be killed and restarted."""
    if cluster.broker is None:
        pytest.skip("needs a broker of its own; KAFKA_BOOTSTRAP_SERVERS is set")
    return cluster.broker
