"""What ``w2v-stream run`` is: settings to parts, the parts to the pipeline, and the end of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamer.checkpoints.checkpointer import Checkpointer
from streamer.checkpoints.entries import Entries
from streamer.checkpoints.folder import SnapshotFolder
from streamer.checkpoints.quality_probe import QualityProbe
from streamer.config.settings import RunSettings
from streamer.daemon import build, pipeline
from streamer.daemon.annealing import anneal_and_publish
from streamer.daemon.reload import Reload
from streamer.daemon.service import Service
from streamer.daemon.signals import Signals
from streamer.daemon.warm_start import warm_start
from streamer.errors import EXIT_DONE, EXIT_FAILURE
from streamer.telemetry.log import LogLevel, make_log
from streamer.telemetry.progress import Progress
from streamer.telemetry.view import Parts
from streamer.tokenizers.phrases import PhraseTokenizer
from w2v_online import __version__

if TYPE_CHECKING:
    from streamer.telemetry.metrics import DaemonMetrics


def run(settings: RunSettings, reread: Callable[[], RunSettings]) -> int:
    """Learn until the source ends or a signal comes; return the exit code.

    ``reread`` gives the settings as they are now, for when SIGHUP comes.
    """
    signals = Signals()
    level = LogLevel(settings.log_level)
    log = make_log(settings.log_format, level)
    kafka_config = build.kafka_config(settings)
    probe = QualityProbe(settings.probe) if settings.probe else None
    folder = SnapshotFolder(settings.snapshot_dir)
    service = Service(settings, folder.path, log)
    try:
        return _run(
            settings, signals, log, kafka_config, probe, folder, service,
            Reload(settings, reread, level, log),
        )  # fmt: skip
    finally:
        service.close()


def _run(
    settings: RunSettings,
    signals: Signals,
    log: Any,
    kafka_config: dict[str, Any],
    probe: QualityProbe | None,
    folder: SnapshotFolder,
    service: Service,
    reload: Reload,
) -> int:
    tokenizer = build.warm_tokenizer(settings, log)
    learner, manifest = folder.open_learner(settings, tokenizer.identity, log)
    if isinstance(tokenizer, PhraseTokenizer):
        if manifest:
            tokenizer.restore(learner.text_state)
        learner.text_state = tokenizer.state()
    if settings.init and not manifest:
        warm_start(learner, settings.init, log)
    log.info(
        "started",
        version=__version__,
        source=settings.source,
        snapshot_dir=settings.snapshot_dir,
        memory_ceiling_mib=round(learner.max_bytes / 2**20),
    )
    positions = manifest.get("positions", {})
    position = positions.get(settings.source, {})
    if settings.source == "kafka":
        source = build.open_kafka(settings, kafka_config, position, log)
    elif settings.source == "file":
        source = build.open_files(settings, position, log, signals.descriptor)
    else:
        source = build.open_stdin(settings, position, signals.descriptor, log)

    def is_stopping() -> bool:
        service.health.beat()  # whoever asks this waits for a broker, and is not stuck
        return signals.stop

    dead_letters = build.open_dead_letters(settings, kafka_config, is_stopping, log)
    invalid_records = manifest.get("counters", {}).get("invalid_records", 0)
    decoder = build.make_decoder(settings, dead_letters, invalid_records)
    checkpointer = Checkpointer(
        learner,
        folder,
        Entries(source.name, positions, {"lowercase": settings.lowercase}, probe),
        settings.snapshot_every,
        settings.retention,
        log,
        vectors_every=settings.vectors_every,
        settle=decoder.settle,
    )
    try:
        with Progress(settings, log) as progress:
            parts = Parts(
                settings, progress.counters, learner, checkpointer, decoder, tokenizer, source
            )
            service.began(parts, lambda: _metrics(parts), checkpointer.is_recent)

            def turned(is_over: bool) -> None:
                if is_over:
                    service.ending()
                    return
                service.beat(progress)
                if signals.take_reload_request():
                    service.reloading()
                    reload.apply(checkpointer.change)
                    service.reloaded()

            def goes_on(done: float) -> bool:
                progress.annealing(done)
                service.still_ending(progress)
                return not signals.stop

            complete = pipeline.run(
                source, decoder, tokenizer, learner, checkpointer, progress, signals, turned
            )
            if complete and settings.anneal_passes and not signals.stop:
                complete = anneal_and_publish(
                    learner, settings.anneal_passes, checkpointer, goes_on, log
                )
    finally:
        source.close()
        if dead_letters is not None:
            dead_letters.close()
    log.info(
        "stopped",
        reason="signal" if signals.stop else "end of input",
        words_per_second=round(progress.words_per_second),
        invalid_records=decoder.invalid_records + tokenizer.failed_records,
        **source.figures(),
        **learner.totals(),
    )
    if not complete:
        log.error("incomplete", reason="what was learned since the last snapshot is not on disk")
        return EXIT_FAILURE
    return EXIT_DONE


def _metrics(parts: Parts) -> DaemonMetrics:
    # Imported here: a daemon without HTTP need not load Prometheus' client.
    from streamer.telemetry.metrics import DaemonMetrics

    return DaemonMetrics(parts)
