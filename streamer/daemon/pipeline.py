"""The loop: records from a source, through decoder, tokenizer and learner, into checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamer.daemon.runtime import Runtime
from streamer.errors import SourceError
from streamer.telemetry.parts import Parts
from streamer.text.trace import Trace
from w2v_online.stats import BatchStats

if TYPE_CHECKING:
    from streamer.alerts.watching import Traced


def run(parts: Parts, runtime: Runtime) -> bool:
    """Learn until the source ends or a signal asks to stop; return whether all is on disk.

    If the source fails, what was learned until then is saved before its SourceError is passed on.
    """
    source, decoder, tokenizer = parts.source, parts.decoder, parts.tokenizer
    learner, checkpointer, watching = parts.learner, parts.checkpointer, parts.watching
    grouper, signals, progress = parts.grouper, runtime.signals, runtime.progress
    position = source.position
    failure: SourceError | None = None

    def advance(*, is_wanted: bool = False, at_once: bool = False) -> None:
        counters = {"invalid_records": decoder.invalid_records + tokenizer.failed_records}
        durable = checkpointer.advance(position, counters, is_wanted=is_wanted, at_once=at_once)
        if durable is not None:
            source.commit(durable)
            if parts.annealer is not None:
                parts.annealer.offer(Path(checkpointer.written.path))

    def learn(text: bytes, trace: Traced | None) -> BatchStats:
        tokens = tokenizer.tokenize(text)
        if watching is None or trace is None:
            return learner.learn_text(tokens, separated=tokenizer.is_separated, wait=False)
        return watching.learn(tokens, separated=tokenizer.is_separated, text=text, trace=trace)

    try:
        while (batch := source.stop() if signals.stop else source.next_batch()) is not None:
            trace = None if watching is None else Trace(batch)
            text = decoder.decode(batch, trace)
            if grouper is not None:
                grouped = grouper.take(text) if trace is None else grouper.take(text, trace.origin)
                progress.learned(learn(grouped.text, grouped), len(batch.records))
            else:
                progress.learned(learn(text, trace), len(batch.records))
            position = batch.position
            advance(is_wanted=signals.take_snapshot_request(), at_once=batch.checkpoint)
            progress.show(
                learner.total_words,
                len(learner.vocabulary),
                checkpointer.age_seconds(),
                source.figures,
            )
            runtime.turned()
    except SourceError as error:
        failure = error
    runtime.ending()
    progress.learned(learner.flush())
    has_ended = failure is None and not signals.stop
    if grouper is not None and has_ended:
        grouped = grouper.end()
        progress.learned(learn(grouped.text, grouped))
        progress.learned(learner.flush())
    if learner.is_new and has_ended:
        return True  # the next run reads the input from its beginning
    if watching is not None and has_ended:
        watching.alerts.end()
    advance(at_once=True)
    if failure is not None:
        raise failure
    return checkpointer.is_saved(position)
