"""How much a source hands over at once, and how long it waits for it."""

from __future__ import annotations

READ_BYTES = 1 << 18
"""Bytes of a file or pipe that are read at once."""

BATCH_BYTES = 1 << 19
"""A batch is trained in a fraction of a second, so signals are answered soon."""

IDLE_SECONDS = 0.25
"""Longest wait for input before the caller gets an empty batch."""
