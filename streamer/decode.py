"""Records to valid UTF-8 text: what cannot be decoded is replaced and counted, never lost."""

from __future__ import annotations


class TextDecoder:
    """Makes batches of records valid UTF-8, in lower case if asked to.

    A record with invalid bytes keeps its other words: each invalid sequence becomes U+FFFD and
    the record is counted in ``invalid_records``.
    """

    def __init__(self, *, lowercase: bool = False, invalid_records: int = 0) -> None:
        self._lowercase = lowercase
        self.invalid_records = invalid_records

    def decode(self, records: bytes) -> bytes:
        """The same records as valid UTF-8; line feeds stay where they are."""
        if records.isascii():
            return records.lower() if self._lowercase else records
        try:
            text = records.decode()
        except UnicodeDecodeError:
            text = self._repair(records)
            records = text.encode()
        return text.lower().encode() if self._lowercase else records

    def _repair(self, records: bytes) -> str:
        lines = []
        for line in records.split(b"\n"):
            try:
                lines.append(line.decode())
            except UnicodeDecodeError:
                self.invalid_records += 1
                lines.append(line.decode(errors="replace"))
        return "\n".join(lines)
