"""Byte order marks, by which text in UTF-16 and UTF-32 is known."""

from __future__ import annotations

import codecs

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Python's encodings, which take off the mark; the first that fits, as UTF-32's may begin with
UTF-16's."""


def marked_encoding(head: bytes) -> str | None:
    """Python's name for the encoding of what begins with a mark, None if there is none."""
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
