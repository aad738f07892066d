"""What is no text in text: control sequences of terminals, marks of byte order, invisible signs."""

from __future__ import annotations

import re

_ESCAPE = b"\x1b"
_MARK = b"\xef\xbb\xbf"
_MARKS = re.compile(rb"(?m)^(?:\xef\xbb\xbf)+")
"""Several come from tools that put one before what has one."""

_SEQUENCES = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]*[ -/]*(?:[@-~]|(?=\n))"  # colours and the like (CSI), also cut ones
    rb"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles and links (OSC)
    rb"|[PX^_][^\x1b\n]*\x1b\\"  # strings to a device
    rb"|[ -/]*[0-~]|)"
)
_INVISIBLE = re.compile(rb"\xc2\xad|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa0\xa6-\xa9]")
"""Soft hyphens, word joiners and marks of direction in UTF-8: the word is the same without them."""
_INVISIBLE_BEGIN = (b"\xc2\xad", b"\xe2\x80", b"\xe2\x81")


def clean(records: bytes) -> bytes:
    """Records without what terminals and editors put into words and between them.

    Control sequences, zeros and invisible signs go wherever they stand, byte order marks where a
    record begins. What joins characters (U+200C, U+200D) stays: it makes other words.
    """
    if _ESCAPE in records:
        records = _SEQUENCES.sub(b"", records)
    if b"\0" in records:
        records = records.replace(b"\0", b"")
    if records.isascii():
        return records
    if _MARK in records:
        records = _MARKS.sub(b"", records)
    if any(begin in records for begin in _INVISIBLE_BEGIN):
        records = _INVISIBLE.sub(b"", records)
    return records
