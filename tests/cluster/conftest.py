"""Two Ray nodes on this machine, for all tests that need some, and clusters on them."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.process import ClusterDaemon

# Read when Ray is imported, and by processes that are started.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # by this Ray stays on the loopback address
    "RAY_AUTH_MODE": "disabled",
    "W2V_TESTS": str(os.getpid()),
}

GONE_SECONDS = 60.0


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """A Ray cluster of two nodes, on the loopback address; in the end all of it is gone."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install '.[cluster]'")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 4, "include_dashboard": False, "node_ip_address": "127.0.0.1"}
    nodes = Cluster(initialize_head=True, head_node_args=node)
    nodes.add_node(num_cpus=4)
    try:
        yield nodes.address
    finally:
        nodes.shutdown()
        deadline = time.monotonic() + GONE_SECONDS
        while left := _ray_processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.2)


def _ray_processes() -> list[str]:
    """Command lines of Ray's processes that descend from this one, or did."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # ended just now, or somebody else's
        if b"W2V_TESTS=%d\0" % os.getpid() in environment and "ray" in command:
            found.append(command)
    return found


@pytest.fixture
def start(ray_address: str, tmp_path: Path) -> Iterator[Callable[..., ClusterDaemon]]:
    """Starts ``w2v-stream cluster`` on the two nodes."""
    started: list[ClusterDaemon] = []

    def start_one(*args: str, folder: Path | None = None) -> ClusterDaemon:
        process = ClusterDaemon(
            "--ray-address", ray_address, *args, folder=folder or tmp_path / "s"
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
