"""Makes what cuts bytes into records, for sources that read lines."""

from __future__ import annotations

from streamer.config.settings import RunSettings
from streamer.text.containers import DOCKER_FIELDS, ContainerSplitter
from streamer.text.multiline import MultilineSplitter
from streamer.text.records import RecordSplitter


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
