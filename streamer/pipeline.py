"""The loop: records from a source, through decoder and learner, into checkpoints."""

from __future__ import annotations

from streamer.checkpoint import Checkpointer
from streamer.decode import TextDecoder
from streamer.report import Progress
from streamer.signals import Signals
from streamer.sources.base import Source
from w2v_online.learner import OnlineWord2Vec


def run(
    source: Source,
    decoder: TextDecoder,
    learner: OnlineWord2Vec,
    checkpointer: Checkpointer,
    progress: Progress,
    signals: Signals,
) -> bool:
    """Learn until the source ends or a signal asks to stop; return whether all is on disk."""
    position = source.position
    while (batch := source.stop() if signals.stop else source.next_batch()) is not None:
        progress.learned(learner.learn_text(decoder.decode(batch.records), wait=False))
        position = batch.position
        if signals.take_snapshot_request() or checkpointer.is_due():
            checkpointer.write(source.name, position, invalid_records=decoder.invalid_records)
        progress.show(learner.total_words, len(learner.vocabulary), checkpointer.age_seconds())
    progress.learned(learner.flush())
    return checkpointer.write(source.name, position, invalid_records=decoder.invalid_records)
