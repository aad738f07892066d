"""What tests share: a broker for those that need Kafka, the order in which several processes take
them, and logs that hold what the catalogue says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import logs
from tests.kafka import broker as brokers
from tests.kafka.cluster import Cluster

_TOGETHER = {
    "tests/cluster/": "ray",
    "tests/kafka/test_a": "kafka 1",
    "tests/kafka/test_c": "kafka 1",
    "tests/kafka/test_d": "kafka 1",
    "tests/kafka/": "kafka 2",
    "tests/publishing/test_s": "kafka 2",
}
"""Beginnings of tests that one process runs, since they need the same broker or Ray."""

_FIRST = (
    "tests/cluster/",
    "tests/kafka/",
    "tests/w2v_online/test_kernels.py",
    "tests/integration/test_page.py",
    "tests/integration/test_commands.py",
    "tests/integration/test_cli.py",
    "tests/w2v_online/test_machines.py",
)
"""Those that take longest begin first, or the others would wait for them in the end."""


class _ByFile(LoadScopeScheduling):
    """Several processes: a file's tests are run by one of them, which has its fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        for beginning, name in _TOGETHER.items():
            if nodeid.startswith(beginning):
                return name
        return nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Asked by pytest-xdist, if there are to be several processes."""
    config.option.loadscopereorder = False  # which begins with the most tests, not the longest
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests first that take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


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
