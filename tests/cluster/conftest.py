"""Two Ray nodes on this machine, for all tests that need some, and clusters on them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.nodes import ray_nodes
from tests.cluster.process import ClusterDaemon
from w2v_online import LearnerConfig
from w2v_online.learning.warmup import warm_up
from w2v_online.sharing import exchange


@pytest.fixture(scope="session", autouse=True)
def _kernels() -> None:
    """Compiled once where they are not, and not by every process of a cluster at once."""
    warm_up(LearnerConfig())
    exchange.warm_up(LearnerConfig())


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """A Ray cluster of two nodes; in the end all of it is gone."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install '.[cluster]'")
    with ray_nodes(2) as address:
        yield address


@pytest.fixture
def start(ray_address: str, tmp_path: Path) -> Iterator[Callable[..., ClusterDaemon]]:
    """Starts ``w2v-stream cluster`` on the two nodes, all of whose workers read at once."""
    started: list[ClusterDaemon] = []

    def start_one(*args: str, folder: Path | None = None) -> ClusterDaemon:
        where = folder or tmp_path / "s"
        together = ["--ray-address", ray_address, "--join-after", "0"]
        process = ClusterDaemon(*together, *args, folder=where)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
