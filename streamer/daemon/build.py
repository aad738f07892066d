"""Makes the parts that text passes through, as the settings say: source, decoder, tokenizer.

The daemon and each worker of a cluster join them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.config.settings import RunSettings
from streamer.daemon.compiling import CompileNotice
from streamer.daemon.footprint import release_compiler
from streamer.sources.base import Source
from streamer.sources.file.source import FileSource
from streamer.sources.stdin.source import StdinSource, check_stdin
from streamer.text.containers import DOCKER_FIELDS, ContainerSplitter
from streamer.text.decode import Decoder
from streamer.text.invalid import InvalidRecords
from streamer.text.multiline import MultilineSplitter
from streamer.text.records import RecordSplitter
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.registry import tokenizer_of
from w2v_online.kernels.jit import cache_problem
from w2v_online.learning.warmup import warm_up

if TYPE_CHECKING:
    from streamer.sources.kafka.dead_letters import DeadLetters


def warm_tokenizer(settings: RunSettings, log: Any) -> Tokenizer:
    """Load kernels and the tokenizer; log it if that takes long because they are compiled."""
    with CompileNotice(log) as notice:
        architecture = "CBOW" if settings.cbow else "skip-gram"
        notice.step(f"{architecture} with --loss {settings.loss}")
        warm_up(settings.learner_config)
        notice.step(f"--tokenizer {settings.tokenizer}")
        tokenizer = tokenizer_of(settings)
        release_compiler()
    if problem := cache_problem():
        log.warning(
            "kernel_cache_unusable", reason=problem,
            note="each start compiles kernels, which takes a minute or more; let NUMBA_CACHE_DIR "
            "name a folder that can be written",
        )  # fmt: skip
    return tokenizer


def make_decoder(
    settings: RunSettings, dead_letters: DeadLetters | None, log: Any, invalid_records: int = 0
) -> Decoder:
    """The decoder; ``invalid_records`` is the count of earlier processes."""
    return Decoder(
        RecordSplitter(
            settings.max_line_bytes, settings.max_token_bytes, keep_runs=settings.has_words_in_runs
        ),
        lowercase=settings.lowercase,
        json_fields=settings.json_field,
        other_is_text=settings.json_other == "text",
        stop_at_errors=settings.errors == "stop",
        dead_letters=dead_letters,
        invalid=InvalidRecords(invalid_records, log),
    )


def _make_splitter(settings: RunSettings) -> RecordSplitter:
    limits = settings.max_line_bytes, settings.max_token_bytes
    # A document that was cut is invalid; one error per document is enough.
    keep_runs = settings.has_words_in_runs and not settings.json_field
    splitter = (
        MultilineSplitter(*limits, settings.record_start, keep_runs=keep_runs)
        if settings.record_start
        else RecordSplitter(*limits, keep_runs=keep_runs)
    )
    keeps_documents = any(path.split(".")[0] in DOCKER_FIELDS for path in settings.json_field)
    return ContainerSplitter(splitter, settings.max_line_bytes, keeps_documents=keeps_documents)


def open_stdin(settings: RunSettings, position: dict[str, Any], wake: int, log: Any) -> Source:
    """Standard input; ``wake`` is a descriptor that becomes readable when a signal arrives."""
    check_stdin()
    if sys.stdin.isatty():
        log.info("reading_terminal", note="type text and end it with Ctrl-D")
    return StdinSource(
        _make_splitter(settings),
        log=log,
        wake_descriptor=wake,
        known=position if settings.stdin_skip_known else None,
    )


def open_files(
    settings: RunSettings,
    position: dict[str, Any],
    log: Any,
    wake: int | None = None,
    logs: frozenset[Path] | None = None,
) -> Source:
    """The files, at the checkpoint's position (``{}`` without one); only ``logs`` if given."""
    return FileSource(
        settings.path,
        follow=settings.follow,
        make_splitter=lambda: _make_splitter(settings),
        position=position,
        log=log,
        wake_descriptor=wake,
        logs=logs,
    )


# kafka-python is imported only where it is used: that takes a third of a second.


def kafka_config(settings: RunSettings) -> dict[str, Any]:
    """kafka-python's settings, ``{}`` without Kafka. Raises ConfigurationError."""
    if settings.source != "kafka":
        return {}
    from streamer.sources.kafka.config import consumer_config

    return consumer_config(settings)


def open_kafka(
    settings: RunSettings,
    config: dict[str, Any],
    position: dict[str, Any],
    log: Any,
    partitions: Mapping[str, tuple[int, ...]] | None = None,
) -> Source:
    """The Kafka source at the checkpoint's position (``{}`` without one).

    If ``partitions``, by topic, are given, these are read instead of what the settings say.
    """
    from streamer.sources.kafka.source import KafkaSource

    topics, pattern = settings.kafka_topic, settings.kafka_topic_pattern
    if partitions is not None:
        topics, pattern = tuple(partitions), None
    elif settings.kafka_partitions:
        partitions = dict.fromkeys(topics, settings.kafka_partitions)
    return KafkaSource(
        config,
        position,
        log,
        topics=topics,
        pattern=pattern,
        partitions=partitions or {},
        start=settings.kafka_start,
        expired=settings.kafka_expired,
        frame=settings.kafka_frame,
        excluded=settings.kafka_dead_letter_topic,
    )


def open_dead_letters(
    settings: RunSettings, config: dict[str, Any], is_stopping: Callable[[], bool], log: Any
) -> DeadLetters | None:
    """Where messages go that cannot be decoded, with --kafka-dead-letter-topic."""
    if settings.source != "kafka" or settings.kafka_dead_letter_topic is None:
        return None
    from streamer.sources.kafka.dead_letters import DeadLetters

    return DeadLetters(config, settings.kafka_dead_letter_topic, log, is_stopping)
