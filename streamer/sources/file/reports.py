"""What the file source reports: events."""

from __future__ import annotations

from streamer.catalog import Event

_PATH = {"path": "the file"}

EVENTS = (
    Event("waiting_for_file", "info", "Waiting for {path}.", {"path": "files or patterns"}),
    Event(
        "pattern_unmatched",
        "warning",
        "{pattern} names nothing to read: {reason}.",
        {"pattern": "a pattern or a file", "reason": "why"},
    ),
    Event(
        "log_lost",
        "error",
        "{path} was rotated and deleted before it was read to its end, from byte {after_byte} on.",
        {**_PATH, "after_byte": "the first byte that was not read"},
    ),
    Event(
        "log_unreadable",
        "error",
        "{path} cannot be read: {reason}.",
        {**_PATH, "reason": "why"},
    ),
    Event(
        "log_damaged",
        "error",
        "{path} is damaged: {reason}.",
        {**_PATH, "reason": "what is wrong with it"},
    ),
    Event(
        "log_gone",
        "info",
        "{path} was deleted while nothing ran; all that was in it before was read.",
        _PATH,
    ),
    Event(
        "log_replaced",
        "info",
        "{path} was replaced by another file, which is read from its beginning.",
        _PATH,
    ),
    Event(
        "too_few_descriptors",
        "error",
        "{path} cannot be opened: too many files are open.",
        {
            **_PATH,
            "reason": "why",
            "waiting": "logs that wait until others are closed",
            "note": "what to do",
        },
    ),
    Event(
        "log_truncated",
        "error",
        "{path} was truncated.",
        {**_PATH, "copy_found": "whether a copy was found and is read on; then the level is info"},
    ),
)
