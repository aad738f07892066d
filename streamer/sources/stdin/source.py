"""Standard input as a source: whatever a pipe, a file or a terminal delivers.

Standard input cannot be read twice, so what was read but not yet in a snapshot is lost if the
process is killed. The position tells how far the stream was read and a checksum of it, for when
the same text is piped in again.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
import time
import zlib
from typing import Any

from streamer.errors import ConfigurationError, SourceError
from streamer.sources.base import LocalSource
from streamer.sources.batching import BATCH_BYTES, IDLE_SECONDS, READ_BYTES
from streamer.sources.stdin.known import KnownBeginning
from streamer.text.batch import Batch
from streamer.text.compression import RefusedError
from streamer.text.layers import Layers
from streamer.text.origins import Origins, Stretch, TracedStream
from streamer.text.records import RecordSplitter, count_lines

_PACKED_BYTES = 1 << 13
"""Read at once of what may be compressed: a little can become megabytes of text."""

_LINGER_SECONDS = 0.02
"""Wait for more once something has come, so that single lines share a batch."""

_PIPE_BYTES = 1 << 20


def check_stdin(descriptor: int = 0) -> None:
    """ConfigurationError if standard input cannot be read at all."""
    # A closed descriptor may have become another file's by now; Python looked before.
    if descriptor == 0 and sys.__stdin__ is None:
        raise ConfigurationError("standard input is closed; pipe text in, or name a file")
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise ConfigurationError("standard input is a folder; name the files in it")


class StdinSource(LocalSource):
    """Records from a file descriptor, in order, with the number of bytes read as position.

    Text may be compressed or in UTF-16; all numbers are of the text itself. ``known`` is the
    position of a checkpoint that begins with the same text, which is skipped then.
    ``wake_descriptor`` becomes readable when a signal has come, so that no wait delays it.
    """

    name = "stdin"

    def __init__(
        self,
        splitter: RecordSplitter,
        descriptor: int = 0,
        wake_descriptor: int | None = None,
        known: dict[str, Any] | None = None,
        log: Any = None,
    ) -> None:
        self._splitter = splitter
        self._layers = Layers()
        self._descriptor = descriptor
        self._wake = wake_descriptor
        self._log = log
        self._known_position = known or {}
        self._known = KnownBeginning(self._known_position)
        self._read_bytes = 0
        self._checksum = 0
        self._lines = 0
        self._traced = TracedStream()
        self._places = Origins()
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
            records += self._read()
            if self._ended:
                break
        return self._batch(records)

    def _batch(self, records: bytes) -> Batch:
        places, self._places = self._places, Origins()
        return Batch(records, self.position, places=places)

    def _read(self) -> bytes:
        """Records of the next bytes, the last ones at the end. Raises SourceError."""
        try:
            size = READ_BYTES if self._layers.is_plain else _PACKED_BYTES
            data = os.read(self._descriptor, size)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise SourceError(f"standard input cannot be read: {error.strerror}") from error
        try:
            text = self._layers.feed(data)
            problem = self._layers.problem
            if not data or problem:
                rest, missing = self._layers.end()
                text, problem = text + rest, problem or missing
        except RefusedError as error:
            raise SourceError(f"standard input {error}") from error
        new = self._known.rest(text)
        self._read_bytes += len(text)
        self._checksum = zlib.crc32(text, self._checksum)
        is_last = not data or bool(problem)
        if is_last:
            self._known.end()
            self._ended = True
        records = self._split(text, new, is_last=is_last)
        if problem and self._log is not None:
            self._log.error("input_damaged", reason=problem)
        return records

    def stop(self) -> Batch | None:
        """The line that was begun, as the last record; see :class:`Source`. Raises SourceError."""
        if self._ended:
            return None
        self._ended = True
        if not self._known.is_over:
            return None
        try:
            rest, _ = self._layers.end()
        except RefusedError as error:
            raise SourceError(f"standard input {error}") from error
        self._read_bytes += len(rest)
        self._checksum = zlib.crc32(rest, self._checksum)
        return self._batch(self._split(rest, rest, is_last=True))

    def _split(self, text: bytes, new: bytes, *, is_last: bool) -> bytes:
        """The records of ``text``, of which only the end is ``new``."""
        self._lines += count_lines(text)
        here = Stretch(new, self._read_bytes, self._lines, {"source": "stdin"})
        return self._traced.split(
            self._splitter,
            lambda splitter: splitter.feed(new) + (splitter.flush() if is_last else b""),
            here,
            self._places,
        )

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
