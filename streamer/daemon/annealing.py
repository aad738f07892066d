"""Settling: text that replay keeps is learned again at rates that fall to zero, for readers.

At the end of the input the daemon does it once its last checkpoint is on disk: learning goes on
from there, as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamer.checkpoints.checkpointer import Checkpointer
    from w2v_online.learning.learner import OnlineWord2Vec


def settle_and_publish(
    learner: OnlineWord2Vec,
    looks: int,
    checkpointer: Checkpointer,
    goes_on: Callable[[float], bool],
    log: Any,
) -> bool:
    """Settle, as long as it ``goes_on``, and publish; return whether what was wanted is on disk."""
    assert learner.replay is not None  # noqa: S101 for mypy: looks are wanted with replay alone
    log.info("settling_begun", looks=looks, words=learner.replay.kept_words)
    if not learner.settle(looks, goes_on):
        log.info("settling_stopped", note="what the last checkpoint has stays published")
        return True
    return checkpointer.publish(settled={"looks": looks})
