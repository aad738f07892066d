"""Annealing: passes over the text that replay keeps, at learning rates that decay to zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from w2v_online.config import SLOT_IDS
from w2v_online.learning.model import Model
from w2v_online.learning.segments import MAX_SEGMENT_WORDS


def anneal(model: Model, passes: int, goes_on: Callable[[float], bool] | None = None) -> bool:
    """See :meth:`OnlineWord2Vec.anneal`."""
    replay, averages, trainers = model.replay, model.averages, model.trainers
    if replay is None:
        raise ValueError("annealing trains on kept text, and this model has no replay")
    if passes < 0:
        raise ValueError(f"there cannot be {passes} passes")
    # Part of the text can teach only part of what the model knows: it stays nearer to that.
    share = min(1.0, replay.kept_words / max(1.0, float(model.vocabulary.counts.sum())))
    if passes and averages is not None:
        averages.pull(1.0 - share)
    is_whole = True
    slots_until_turn = MAX_SEGMENT_WORDS // SLOT_IDS
    for turn, (done, part) in enumerate(replay.whole_passes(passes), 1):
        if goes_on is not None and not goes_on(done):
            is_whole = False
            break
        scale = share * (1.0 - done) * model.segments.rate_scale
        trainers.anneal(model.total_words, scale, turn)
        trainers.train(part)
        if averages is not None and turn % slots_until_turn == 0:
            averages.visit()
    trainers.wait()
    trainers.take_threaded()
    model.segments.set_age()
    if is_whole and passes and averages is not None:
        averages.reset(np.arange(len(model.embeddings), dtype=np.int32))
    return is_whole
