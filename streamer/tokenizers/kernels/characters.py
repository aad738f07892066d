"""Kinds of bytes, runs of them, and short words as numbers. Bytes beyond ASCII are letters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner

LETTER, DIGIT, HEX_DIGIT, JOINT, PATH_PART, MAIL_PART, UPPER = 1, 2, 4, 8, 16, 32, 64
WORD = LETTER | DIGIT | JOINT


def _kinds() -> NDArray[Any]:
    kinds = np.zeros(256, np.uint8)
    kinds[128:] |= LETTER | PATH_PART
    for byte in range(33, 127):
        character = chr(byte)
        kinds[byte] |= LETTER * character.isalpha() | DIGIT * character.isdigit()
        kinds[byte] |= UPPER * character.isupper() | JOINT * (character == "_")
        kinds[byte] |= HEX_DIGIT * (character in "0123456789abcdefABCDEF")
        kinds[byte] |= PATH_PART * (character not in "\"'`<>|,;()[]{}")
        kinds[byte] |= MAIL_PART * (character.isalnum() or character in "._+-")
    return kinds


KINDS = _kinds()


def packed(words: str) -> NDArray[Any]:
    """Short words as the numbers that :func:`pack` makes of them."""
    return np.array([int.from_bytes(word.encode(), "big") for word in words.split()], np.uint64)


@inner
def pack(text, start, stop):
    """Up to eight bytes as a number, ASCII letters in lower case."""
    number = np.uint64(0)
    for i in range(start, min(stop, start + 8)):
        number = (number << np.uint64(8)) | np.uint64(text[i] | 32)
    return number


@inner
def is_one_of(number, numbers):
    """Whether a number is in an array."""
    found = False
    for other in numbers:
        found |= number == other
    return found


@inner
def run(text, at, end, mask):
    """Where the bytes of some kinds that begin at ``at`` end."""
    while at < end and KINDS[text[at]] & mask:
        at += 1
    return at
