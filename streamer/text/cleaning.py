"""What is no text in text: terminals' control sequences, byte order marks, zeros."""

from __future__ import annotations

import re

_ESCAPE = b"\x1b"
_MARK = b"\xef\xbb\xbf"
_SEQUENCES = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]*[ -/]*(?:[@-~]|(?=\n))"  # colours and the like (CSI), also cut ones
    rb"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles and links (OSC)
    rb"|[PX^_][^\x1b\n]*\x1b\\"  # strings to a device
    rb"|[ -/]*[0-~]|)"
)


def clean(records: bytes) -> bytes:
    """Records without what terminals and editors put between the words.

    Control sequences and zeros go wherever they stand, byte order marks where a record begins.
    """
    if _ESCAPE in records:
        records = _SEQUENCES.sub(b"", records)
    if b"\0" in records:
        records = records.replace(b"\0", b"")
    if _MARK in records:
        records = records.removeprefix(_MARK).replace(b"\n" + _MARK, b"\n")
    return records
