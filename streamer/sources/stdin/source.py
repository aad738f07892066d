"""Standard input as a source: whatever a pipe, a file or a terminal delivers.

Standard input cannot be read twice, so what was read but not yet in a snapshot is lost if the
process is killed. The position tells how far the stream was read and a checksum of it, for when
the same text is piped in again.
"""

from __future__ import annotations

import fcntl
import os
import select
import time
import zlib
from typing import Any

from streamer.sources.base import LocalSource
from streamer.sources.stdin.known import KnownBeginning
from streamer.text.batch import Batch
from streamer.text.records import RecordSplitter

READ_BYTES = 1 << 18
BATCH_BYTES = 1 << 19
"""A batch is trained in a fraction of a second, so signals are answered soon."""

IDLE_SECONDS = 0.25
"""Longest wait for input before the caller gets an empty batch."""

_LINGER_SECONDS = 0.02
"""Wait for more once something has come, so that single lines share a batch."""

_PIPE_BYTES = 1 << 20


class StdinSource(LocalSource):
    """Records from a file descriptor, in order, with the number of bytes read as position.

    ``known`` is the position of a checkpoint that begins with the same text, which is skipped then.
    ``wake_descriptor`` becomes readable when a signal has come, so that no wait delays it.
    """

    name = "stdin"

    def __init__(
        self,
        splitter: RecordSplitter,
        descriptor: int = 0,
        wake_descriptor: int | None = None,
        known: dict[str, Any] | None = None,
    ) -> None:
        self._splitter = splitter
        self._descriptor = descriptor
        self._wake = wake_descriptor
        self._known_position = known or {}
        self._known = KnownBeginning(self._known_position)
        self._read_bytes = 0
        self._checksum = 0
        self._ended = False
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except (OSError, AttributeError):
            pass  # not a pipe, or not Linux; only speed differs

    def _wait(self, seconds: float) -> bool:
        watched = [self._descriptor] if self._wake is None else [self._descriptor, self._wake]
        ready, _, _ = select.select(watched, [], [], seconds)
        return self._descriptor in ready and self._wake not in ready

    def next_batch(self) -> Batch | None:
        """What has arrived; see :class:`streamer.sources.base.Source`."""
        if self._ended:
            return None
        records = b""
        deadline = time.monotonic() + IDLE_SECONDS
        while len(records) + self._splitter.pending_bytes < BATCH_BYTES or not records:
            wait = _LINGER_SECONDS if records else deadline - time.monotonic()
            if wait < 0 or not self._wait(wait):
                break
            data = os.read(self._descriptor, READ_BYTES)
            if not data:
                self._known.end()
                self._ended = True
                records += self._splitter.flush()
                break
            rest = self._known.rest(data)
            self._read_bytes += len(data)
            self._checksum = zlib.crc32(data, self._checksum)
            records += self._splitter.feed(rest)
        return Batch(records, self.position)

    def stop(self) -> Batch | None:
        """The line that was begun, as the last record; see :class:`Source`."""
        if self._ended:
            return None
        self._ended = True
        if not self._known.is_over:
            return None
        return Batch(self._splitter.flush(), self.position)

    @property
    def position(self) -> dict[str, Any]:
        """How many bytes have gone into records, and a checksum of all that were read."""
        if not self._known.is_over:
            return self._known_position
        return {
            "bytes": self._read_bytes - self._splitter.pending_bytes,
            "checked_bytes": self._read_bytes,
            "crc32": self._checksum,
        }

    def close(self) -> None:
        """Nothing to let go of: the descriptor belongs to the process."""
