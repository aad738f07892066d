"""The beginning of a stream that a checkpoint already holds: skipped, and compared on the way."""

from __future__ import annotations

import zlib
from typing import Any

from streamer.errors import ConfigurationError, SourceError


class KnownBeginning:
    """Skips to ``position``, which :meth:`position` of an earlier run of the same text gave."""

    def __init__(self, position: dict[str, Any]) -> None:
        try:
            self.bytes = int(position.get("bytes", 0))
            self._checked_bytes = int(position.get("checked_bytes", 0))
            self._expected = int(position.get("crc32", 0))
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the snapshot's position in standard input cannot be used: {error}"
            ) from error
        self._seen_bytes = 0
        self._checksum = 0

    @property
    def is_over(self) -> bool:
        """Whether all that was looked at then has come again."""
        return self._seen_bytes >= self._checked_bytes

    def rest(self, data: bytes) -> bytes:
        """What of the next ``data`` is not learned yet; SourceError if the text is another one."""
        rest = data[max(0, self.bytes - self._seen_bytes) :]
        if not self.is_over:
            known = data[: self._checked_bytes - self._seen_bytes]
            self._checksum = zlib.crc32(known, self._checksum)
            if self._seen_bytes + len(known) == self._checked_bytes:
                self._compare()
        self._seen_bytes += len(data)
        return rest

    def _compare(self) -> None:
        if self._checksum != self._expected:
            raise SourceError(
                f"--stdin-skip-known: the first {self._checked_bytes} bytes on standard input are "
                "not those that the snapshot was learned from; pipe the same text again, or leave "
                "the option out to learn all of this one"
            )

    def end(self) -> None:
        """Say that the stream has ended; SourceError if that was before what is known."""
        if not self.is_over:
            raise SourceError(
                f"--stdin-skip-known: standard input ended after {self._seen_bytes} bytes, before "
                f"the {self._checked_bytes} that the snapshot was learned from"
            )
