"""What the Redis source reports: events, and figures that become fields and metrics."""

from __future__ import annotations

from streamer.catalog import Event, Family

_STREAM = {"stream": "the stream"}

EVENTS = (
    Event("redis_connected", "info", "Connected to Redis.", {"address": "host and port"}),
    Event(
        "redis_unreachable",
        "warning",
        "Redis cannot be reached: {reason}. Trying again.",
        {"reason": "why", "retry_seconds": "pause before the next attempt"},
    ),
    Event(
        "redis_stream_begun",
        "info",
        "Reading stream {stream} behind entry {entry}.",
        {**_STREAM, "entry": "id of the last entry that was read, 0-0 for none"},
    ),
    Event(
        "redis_entries_trimmed",
        "error",
        "{lost:,} entries of stream {stream} were removed before they could be read.",
        {**_STREAM, "entry": "id of the last entry that was read", "lost": "number of entries"},
    ),
    Event(
        "redis_stream_shorter",
        "warning",
        "Redis lost the last entries of stream {stream}, as a server does that crashes before they "
        "are on its disk; they were read already, and reading goes on behind entry {entry}.",
        {**_STREAM, "entry": "id of the last entry that is left of those that were read"},
    ),
    Event(
        "redis_stream_recreated",
        "warning",
        "Stream {stream} was deleted and created again; it is read from its start.",
        {**_STREAM, "entry": "id of the last entry that was read of the former one"},
    ),
    Event(
        "redis_field_missing",
        "warning",
        "Entries of stream {stream} have no field {field}; they have {fields}.",
        {
            **_STREAM,
            "field": "the field that is to be read",
            "fields": "fields of such an entry",
            "total": "number of such entries so far",
        },
    ),
)

FIGURES = (
    Family("messages", "counter", "Messages read."),
    Family("source_errors", "counter", "Errors of the connection."),
    Family("lost_messages", "counter", "Messages that were deleted before they could be read."),
    Family("messages_without_text", "counter", "Messages without the field that is to be read."),
)
