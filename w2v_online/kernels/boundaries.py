"""Records whose start and end are words of their own."""

from __future__ import annotations

from w2v_online.kernels.encode import RECORD_END, TOKEN_BYTE
from w2v_online.kernels.jit import inner, kernel


@inner
def _put(out, size, word):
    for i in range(len(word)):
        out[size + i] = word[i]
    return size + len(word)


@kernel
def add_boundaries(text, end, classes, before, after, record_end, out):
    """Write ``text[:end]`` with a word before and one after each record; return the bytes written.

    Parameters
    ----------
    text : uint8[n], n >= end
    end : int, what of it to read
    classes : uint8[256], TOKEN_BYTE, TOKEN_END or RECORD_END for each byte
    before, after : uint8[b], uint8[a], the words with what separates them from others
    record_end : int, the byte written at the end of each record
    out : uint8[m], written; with room for ``before``, ``after`` and a byte for each record besides

    A record without tokens stays empty. A last record that nothing ends is ended.

    """
    size = 0
    position = 0
    while position < end:
        start = position
        has_token = False
        while position < end and classes[text[position]] != RECORD_END:
            has_token |= classes[text[position]] == TOKEN_BYTE
            position += 1
        if has_token:
            size = _put(out, size, before)
            for i in range(start, position):
                out[size + i - start] = text[i]
            size = _put(out, size + position - start, after)
        out[size] = record_end
        size += 1
        position += 1
    return size
