"""Several Ray nodes on this machine, all on the loopback address, and the end of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GONE_SECONDS = 180.0

# Read when Ray is imported, and by the processes that are started.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # by this Ray stays on the loopback address
    "RAY_AUTH_MODE": "disabled",
    "RAY_prestart_worker_first_driver": "0",  # processes that no test would use
    "RAY_enable_worker_prestart": "0",
    "W2V_TESTS": str(os.getpid()),
}


@contextmanager
def ray_nodes(number: int) -> Iterator[str]:
    """The address of a Ray cluster of so many nodes; afterwards all its processes are gone."""
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 4, "include_dashboard": False}
    nodes = Cluster(
        initialize_head=True, head_node_args={**options, "node_ip_address": "127.0.0.1"}
    )
    for _ in range(number - 1):
        nodes.add_node(**options)
    try:
        yield nodes.address
    finally:
        nodes.shutdown()
        deadline = time.monotonic() + GONE_SECONDS
        while left := ray_processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.2)


def ray_processes() -> list[str]:
    """Command lines of Ray's processes that descend from this one, or did."""
    found = []
    mark = f"W2V_TESTS={os.getpid()}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # ended just now, or somebody else's
        if mark in environment and "ray" in command and "pytest" not in command:
            found.append(command)
    return found
