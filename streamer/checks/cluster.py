"""What a cluster needs besides what ``run`` does: a Ray, and memory for workers and shards.

Changes nothing and starts nothing. What other machines have is not looked at: it may be another
one at the next start.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from streamer.checks.memory import BASE_BYTES, SMALLER, fits_in_memory, mib
from streamer.cluster.network import reachable
from streamer.config.cluster_settings import ClusterSettings
from streamer.finding import Finding


def ray_answers(settings: ClusterSettings) -> Iterator[Finding]:
    """Whether Ray is installed, and a cluster listens at its address."""
    if importlib.util.find_spec("ray") is None:
        told = "cluster needs Ray: pip install 'w2v-stream[cluster]'"
        yield Finding("failure", "ray", told)
        return
    if settings.ray_address == "local":
        yield Finding("ok", "ray", "is installed, and will be started on this machine")
        return
    try:
        yield Finding("ok", "ray-address", f"{reachable(settings.ray_address)} answers")
    except (ConnectionError, ValueError, RuntimeError) as error:
        told = f"{settings.ray_address}: no Ray cluster answers: {str(error).splitlines()[0]}"
        yield Finding("failure", "ray-address", told)


def workers_fit(settings: ClusterSettings) -> Iterator[Finding]:
    """What full vocabularies of all workers and shards would take."""
    from w2v_online.learning.learner import OnlineWord2Vec
    from w2v_online.sharing.exchange import Exchange
    from w2v_online.sharing.merge import MergedRows

    config, workers, shards = settings.learner_config, settings.workers, settings.shards

    def worker_bytes(*, publishes: bool) -> int:
        learner = OnlineWord2Vec(config.model_copy(update={"averaging": publishes}))
        return BASE_BYTES + learner.max_bytes + Exchange(learner, shards, workers).max_bytes

    try:
        first = worker_bytes(publishes=config.averaging)
        shard = BASE_BYTES + MergedRows(config, workers, shards).max_bytes
        needed = first + (workers - 1) * worker_bytes(publishes=False) + shards * shard
    except (MemoryError, OSError):
        told = "for full vocabularies it cannot be reserved"
        yield Finding("failure", "memory", f"{told}; {SMALLER}")
        return
    told = f"a worker takes up to {mib(first)}, a shard {mib(shard)}"
    if settings.ray_address == "local":
        yield fits_in_memory(needed, f"{told}, all of them {mib(needed)}")
    else:
        yield Finding("ok", "memory", f"{told}, on the nodes of {settings.ray_address}")
