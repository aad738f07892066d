"""Annealing: text that replay keeps is trained again at a learning rate that decays to zero.

At the end of the input the daemon does this once its last checkpoint is on disk. Only the published
vectors are annealed: the next run goes on from the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamer.checkpoints.checkpointer import Checkpointer
    from w2v_online.learning.learner import OnlineWord2Vec


def anneal_and_publish(
    learner: OnlineWord2Vec,
    passes: int,
    checkpointer: Checkpointer,
    goes_on: Callable[[float], bool],
    log: Any,
) -> bool:
    """Anneal while ``goes_on`` agrees, and publish; return whether what was wanted is on disk."""
    assert learner.replay is not None  # noqa: S101 for mypy: settings ask for passes with replay only
    log.info("annealing_started", passes=passes, words=learner.replay.kept_words)
    if not learner.anneal(passes, goes_on):
        log.info("annealing_stopped", note="the vectors of the last checkpoint stay published")
        return True
    return checkpointer.publish(annealed={"passes": passes})
