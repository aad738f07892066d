"""UTF-16 and UTF-32 to UTF-8, told by a byte order mark or by the zeros that ASCII has there."""

from __future__ import annotations

import codecs

from w2v_online.byte_order import MARKS, marked_encoding

_LOOK_BYTES = 256
_SURE_BYTES = 16
"""So many bytes with a zero in every other place are UTF-16 without a mark; UTF-32 has three."""


def encoding_of(head: bytes) -> str | None:
    """Python's name for the encoding of what begins so, None for UTF-8 and what else is ASCII."""
    if (marked := marked_encoding(head)) is not None:
        return marked
    for size, little, big in ((2, "utf-16-le", "utf-16-be"), (4, "utf-32-le", "utf-32-be")):
        look = head[: min(len(head), _LOOK_BYTES) // size * size]
        characters = len(look) // size
        if len(look) < _SURE_BYTES or look.count(0) != len(look) - characters:
            continue
        if look[::size].count(0) == 0:
            return little
        if look[size - 1 :: size].count(0) == 0:
            return big
    return None


def is_undecided(head: bytes) -> bool:
    """Whether more bytes are needed to say what this is: text, encoded or compressed."""
    if len(head) >= _SURE_BYTES or (len(head) >= 4 and encoding_of(head) is not None):
        return False
    is_line = b"\n" in head and b"\0" not in head
    return not is_line or any(mark.startswith(head[:4]) for mark in MARKS)


class Transcoder:
    """Text in one encoding as UTF-8, a piece at a time; what is invalid becomes U+FFFD."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return the characters that they complete."""
        return self._decoder.decode(data).encode(errors="replace")
