"""What standard input reports: events."""

from __future__ import annotations

from streamer.catalog import Event

EVENTS = (
    Event(
        "input_damaged",
        "error",
        "Standard input is damaged: {reason}. What came before is learned.",
        {"reason": "what is wrong with it"},
    ),
)
