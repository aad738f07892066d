"""What ``w2v-stream run`` is: parts made as the settings say, the loop, and annealing after it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from streamer.checkpoints.agreement import changed_options
from streamer.checkpoints.checkpointer import Checkpointer
from streamer.checkpoints.entries import Entries
from streamer.config.settings import RunSettings
from streamer.daemon import build, pipeline
from streamer.daemon.annealing import anneal_and_publish
from streamer.daemon.runtime import Outcome, Runtime, live
from streamer.daemon.watching import open_watching
from streamer.sources.base import Opening
from streamer.sources.registry import KINDS
from streamer.telemetry.parts import Parts
from streamer.text.saved import text_entry
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.phrases import PhraseTokenizer
from w2v_online import __version__
from w2v_online.config import ANNEAL_PASSES
from w2v_online.learning.learner import OnlineWord2Vec

if TYPE_CHECKING:
    from streamer.checkpoints.annealer import Annealer
    from streamer.checkpoints.folder import SnapshotFolder
    from streamer.telemetry.metrics import DaemonMetrics


def run(settings: RunSettings, reread: Callable[[], RunSettings]) -> int:
    """Learn until the source ends or a signal comes; return the exit code.

    ``reread`` gives the settings as they are now, for when SIGHUP comes.
    """
    return live(settings, reread, _learn)


def _learn(runtime: Runtime) -> Outcome:
    settings, log = runtime.settings, runtime.log
    tokenizer = build.warm_tokenizer(settings, log)
    learner, manifest = _begin_or_resume(runtime, tokenizer)
    log.info(
        "started",
        version=__version__,
        source=settings.source,
        snapshot_dir=settings.snapshot_dir,
        memory_ceiling_mib=round(learner.max_bytes / 2**20),
    )
    runtime.signals.defer()
    with ExitStack() as opened:
        parts = _make_parts(runtime, learner, tokenizer, manifest, opened)
        opened.enter_context(runtime.progress)
        runtime.began(parts, lambda: _metrics(parts), parts.checkpointer)
        is_saved = pipeline.run(parts, runtime)
        totals = learner.totals()
        is_stopped = runtime.signals.stop
        is_empty = learner.is_new and not is_stopped
        if is_saved and settings.anneal_passes and totals["vocabulary"] and not is_stopped:
            is_saved = _anneal(parts, runtime)
    if is_empty:
        invalid = parts.decoder.invalid_records
        reason = _reason(invalid, parts.decoder.first_reason)
        log.error("nothing_learned", reason=reason, invalid_records=invalid)
    elif not totals["vocabulary"]:
        log.warning("vocabulary_empty", min_count=settings.min_count, words=totals["words"])
    return Outcome(
        is_saved,
        {
            "invalid_records": parts.decoder.invalid_records + tokenizer.failed_records,
            **parts.source.figures(),
            **({} if parts.watching is None else parts.watching.alerts.figures()),
            **totals,
        },
        has_learned=not is_empty,
    )


def _begin_or_resume(
    runtime: Runtime, tokenizer: Tokenizer
) -> tuple[OnlineWord2Vec, dict[str, Any]]:
    """The learner, and the manifest of the snapshot it resumes from; ``{}`` for a new one."""
    settings, log = runtime.settings, runtime.log
    learner, manifest = runtime.folder.open_learner(settings, tokenizer.identity, log)
    changed = changed_options(manifest, settings, runtime.folder.path) if manifest else ""
    if changed:
        log.warning("options_changed", options=changed)
    if isinstance(tokenizer, PhraseTokenizer):
        if manifest:
            tokenizer.restore(learner.text_state)
        learner.text_state = {**learner.text_state, **tokenizer.state()}
    if settings.init and not manifest:
        # Imported here: few runs read vectors that were learned elsewhere.
        from streamer.daemon.warm_start import warm_start

        warm_start(learner, settings.init, log)
    return learner, manifest


def _make_parts(
    runtime: Runtime,
    learner: OnlineWord2Vec,
    tokenizer: Tokenizer,
    manifest: dict[str, Any],
    opened: ExitStack,
) -> Parts:
    """Open the source where the manifest says, and join all parts; ``opened`` closes them."""
    settings, log = runtime.settings, runtime.log
    positions = manifest.get("positions", {})
    kind, position = KINDS[settings.source], positions.get(settings.source, {})
    splitters = partial(build.make_splitter, settings)
    source = kind.open(settings, Opening(position, log, splitters, runtime.signals.descriptor))
    opened.callback(source.close)
    dead_letters = kind.open_dead_letters(settings, runtime.waits, log)
    if dead_letters is not None:
        opened.callback(dead_letters.close)
    watching = open_watching(runtime, learner)
    if watching is not None:
        opened.callback(watching.alerts.close)
    invalid_records = manifest.get("counters", {}).get("invalid_records", 0)
    decoder = build.make_decoder(settings, dead_letters, log, invalid_records)

    grouper = build.make_grouper(settings, learner.text_state)

    def writes_empty() -> bool:
        """Whether a place in the stream is kept though nothing was learned up to it.

        Else what is written, rotated or sent before the next start would be missed. Not if all
        records were invalid: they can be read again, unless dead letters hold them.
        """
        return dead_letters is not None or not decoder.invalid_records + tokenizer.failed_records

    def settle() -> bool:
        """Whether nothing that precedes a checkpoint can be lost."""
        is_settled = decoder.settle()
        if grouper is not None:
            learner.text_state = {**learner.text_state, **grouper.state()}
        return (watching is None or watching.settle()) and is_settled

    checkpointer = Checkpointer(
        learner,
        runtime.folder,
        Entries(
            source.name,
            positions,
            text_entry(settings),
            runtime.quality_probe,
            *(() if watching is None else (watching.alerts.describe, watching.alerts.muted_kinds)),
        ),
        settings.snapshot_every,
        settings.retention,
        log,
        vectors_every=settings.vectors_every,
        settle=settle,
        writes_empty=writes_empty,
    )
    runtime.progress.counters.figures = learner.objective.figures
    annealer = _make_annealer(settings, learner, checkpointer, runtime.folder, log)
    if annealer is not None:
        opened.callback(annealer.close)
    return Parts(
        settings,
        runtime.progress.counters,
        learner,
        checkpointer,
        decoder,
        tokenizer,
        source,
        annealer,
        watching,
        grouper,
    )


def _make_annealer(
    settings: RunSettings,
    learner: OnlineWord2Vec,
    checkpointer: Checkpointer,
    folder: SnapshotFolder,
    log: Any,
) -> Annealer | None:
    if settings.anneal_every is None:
        return None
    # Imported here: few runs anneal beside the stream.
    from streamer.checkpoints.annealer import Annealer, location_of

    return Annealer(
        location_of(settings.snapshot_dir),
        settings.anneal or ANNEAL_PASSES,
        lambda: checkpointer.keep.vectors,
        settings.anneal_every,
        lambda: learner.total_words,
        folder.in_use,
        log,
    )


def _reason(invalid_records: int, first_reason: str) -> str:
    """Why nothing was learned at all."""
    if invalid_records:
        told = f"none of {invalid_records:,} records could be decoded"
        return f"{told}; of the first: {first_reason}" if first_reason else told
    return "the input was empty, or could not be read"


def _anneal(parts: Parts, runtime: Runtime) -> bool:
    """Learn the kept text again; whether what that gives is on disk."""

    def goes_on(done: float) -> bool:
        runtime.progress.annealing(done)
        runtime.still_ending()
        return not runtime.signals.stop

    return anneal_and_publish(
        parts.learner, parts.settings.anneal_passes, parts.checkpointer, goes_on, runtime.log
    )


def _metrics(parts: Parts) -> DaemonMetrics:
    # Imported here: a daemon without HTTP need not load Prometheus' client.
    from streamer.telemetry.metrics import DaemonMetrics

    return DaemonMetrics(parts)
