"""Makes the parts that text passes through, as the settings say: splitter, decoder, tokenizer.

The daemon and each worker of a cluster join them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamer.config.settings import RunSettings
from streamer.daemon.compiling import CompileNotice
from streamer.daemon.footprint import release_compiler
from streamer.text.containers import DOCKER_FIELDS, ContainerSplitter
from streamer.text.decode import DeadLetters, Decoder
from streamer.text.groups import STATE, Grouper
from streamer.text.invalid import InvalidRecords
from streamer.text.multiline import MultilineSplitter
from streamer.text.records import RecordSplitter
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.registry import tokenizer_of
from w2v_online.kernels.jit import cache_problem
from w2v_online.learning.warmup import warm_up


def warm_tokenizer(settings: RunSettings, log: Any) -> Tokenizer:
    """Load kernels and the tokenizer; log it if that takes long because they are compiled."""
    with CompileNotice(log) as notice:
        architecture = "CBOW" if settings.cbow else "skip-gram"
        notice.step(f"{architecture} with --loss {settings.loss}")
        warm_up(settings.learner_config, scored=bool(settings.alerts))
        notice.step(f"--tokenizer {settings.tokenizer}")
        tokenizer = tokenizer_of(settings)
        release_compiler()
    if problem := cache_problem():
        log.warning(
            "kernel_cache_unusable", reason=problem,
            note="each start compiles kernels, which takes ten seconds and more; let "
            "NUMBA_CACHE_DIR name a folder that can be written",
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


def make_splitter(settings: RunSettings) -> RecordSplitter:
    """A splitter as the settings say; each file or stream needs one of its own."""
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


def make_grouper(settings: RunSettings, text_state: Mapping[str, Any]) -> Grouper | None:
    """What joins lines to records, as the checkpoint has it; None if nothing is to be joined.

    Lines that a run with ``--group-by`` left are learned by one without it, too.
    """
    if not settings.group_by and STATE not in text_state:
        return None
    grouper = Grouper(
        settings.group_by,
        seconds=settings.group_timeout.seconds or 0.0,
        lines=settings.group_lines,
        max_characters=settings.max_line_bytes,
    )
    if STATE in text_state:
        grouper.restore(text_state)
    return grouper
