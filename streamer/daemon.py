"""What ``w2v-stream run`` is: settings to parts, the parts to the pipeline, and the end of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamer import pipeline
from streamer.checkpoint import Checkpointer
from streamer.decode import Decoder
from streamer.errors import EXIT_DONE, EXIT_FAILURE
from streamer.folder import SnapshotFolder
from streamer.footprint import release_compiler
from streamer.parts import Parts
from streamer.probe import QualityProbe
from streamer.reload import Reload
from streamer.report import LogLevel, Progress, make_log
from streamer.service import Service
from streamer.settings import RunSettings
from streamer.signals import Signals
from streamer.sources.base import Source
from streamer.sources.file import FileSource
from streamer.sources.multiline import MultilineSplitter
from streamer.sources.records import RecordSplitter
from streamer.sources.stdin import StdinSource
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.phrases import PhraseTokenizer
from streamer.tokenizers.registry import tokenizer_of
from streamer.warmstart import warm_start
from w2v_online import __version__
from w2v_online.learner import warm_up

if TYPE_CHECKING:
    from streamer.deadletter import DeadLetters

COMPILE_NOTICE_SECONDS = 1.0


def run(settings: RunSettings, reread: Callable[[], RunSettings]) -> int:
    """Learn until the source ends or a signal comes; return the exit code.

    ``reread`` gives the settings as they are now, for when SIGHUP comes.
    """
    signals = Signals()
    level = LogLevel(settings.log_level)
    log = make_log(settings.log_format, level)
    kafka_config = _kafka_config(settings)
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
    tokenizer = _warm_up(settings, log)
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
        source = _open_kafka(settings, kafka_config, position, log)
    else:
        source = _open_source(settings, position, signals, log)
    checkpointer = Checkpointer(
        learner,
        folder,
        settings.snapshot_every,
        settings.retention,
        log,
        source.name,
        positions,
        probe=probe,
        text={"lowercase": settings.lowercase},
        vectors_every=settings.vectors_every,
    )

    def is_stopping() -> bool:
        service.health.beat()  # whoever asks this waits for a broker, and is not stuck
        return signals.stop

    dead_letters = _open_dead_letters(settings, kafka_config, is_stopping, log)
    decoder = Decoder(
        RecordSplitter(
            settings.max_line_bytes, settings.max_token_bytes, keep_runs=settings.has_words_in_runs
        ),
        lowercase=settings.lowercase,
        json_fields=settings.json_field,
        other_is_text=settings.json_other == "text",
        stop_at_errors=settings.errors == "stop",
        dead_letters=dead_letters,
        invalid_records=manifest.get("counters", {}).get("invalid_records", 0),
    )
    try:
        with Progress(settings, log) as progress:
            service.began(
                Parts(
                    settings,
                    progress.counters,
                    learner,
                    checkpointer,
                    decoder,
                    tokenizer,
                    source,
                )
            )

            def turned(is_over: bool) -> None:
                if is_over:
                    service.ending()
                    return
                service.beat(progress)
                if signals.take_reload_request():
                    service.reloading()
                    reload.apply(checkpointer)
                    service.reloaded()

            complete = pipeline.run(
                source, decoder, tokenizer, learner, checkpointer, progress, signals, turned
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


def _warm_up(settings: RunSettings, log: Any) -> Tokenizer:
    """Load kernels and the tokenizer, and say so if that takes long because they are compiled."""
    notice = threading.Timer(
        COMPILE_NOTICE_SECONDS,
        lambda: log.info("compiling_kernels", note="once per machine and version, then cached"),
    )
    notice.daemon = True
    notice.start()
    try:
        warm_up(settings.learner_config)
        tokenizer = tokenizer_of(settings)
        release_compiler()
    finally:
        notice.cancel()
    return tokenizer


def _open_source(
    settings: RunSettings, position: dict[str, Any], signals: Signals, log: Any
) -> Source:
    """Standard input or files, at the position of the checkpoint (``{}`` without one)."""

    def make_splitter() -> RecordSplitter:
        limits = settings.max_line_bytes, settings.max_token_bytes
        # A document that is cut is broken; one error a document is enough.
        keep_runs = settings.has_words_in_runs and not settings.json_field
        if settings.record_start:
            return MultilineSplitter(*limits, settings.record_start, keep_runs=keep_runs)
        return RecordSplitter(*limits, keep_runs=keep_runs)

    if settings.source == "file":
        return FileSource(
            settings.path,
            follow=settings.follow,
            make_splitter=make_splitter,
            position=position,
            log=log,
            wake_descriptor=signals.descriptor,
        )
    if sys.stdin.isatty():
        log.info("reading_terminal", note="type text, end it with Ctrl-D, or pipe some in")
    return StdinSource(
        make_splitter(),
        wake_descriptor=signals.descriptor,
        known=position if settings.stdin_skip_known else None,
    )


# Kafka's client is imported by those who use it: it takes a third of a second.


def _kafka_config(settings: RunSettings) -> dict[str, Any]:
    """kafka-python's settings; ConfigurationError before anything is made if they are wrong."""
    if settings.source != "kafka":
        return {}
    from streamer.sources.kafka.config import consumer_config

    return consumer_config(settings)


def _open_kafka(
    settings: RunSettings, config: dict[str, Any], position: dict[str, Any], log: Any
) -> Source:
    """The Kafka source at the position of the checkpoint (``{}`` without one)."""
    from streamer.sources.kafka.source import KafkaSource

    return KafkaSource(
        config,
        position,
        log,
        topics=settings.kafka_topic,
        pattern=settings.kafka_topic_pattern,
        partitions=settings.kafka_partitions,
        start=settings.kafka_start,
        expired=settings.kafka_expired,
    )


def _open_dead_letters(
    settings: RunSettings, config: dict[str, Any], is_stopping: Callable[[], bool], log: Any
) -> DeadLetters | None:
    if settings.source != "kafka" or settings.kafka_dead_letter_topic is None:
        return None
    from streamer.deadletter import DeadLetters

    return DeadLetters(config, settings.kafka_dead_letter_topic, log, is_stopping)
