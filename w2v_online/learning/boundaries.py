"""Records whose start and end are words, so that contexts tell what begins and ends a record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.boundaries import add_boundaries
from w2v_online.kernels.encode import RECORD_END, TOKEN_END
from w2v_online.separators import TOKEN_SEPARATOR

START, END = b"<s>", b"</s>"
"""The words that stand for the start and the end of a record."""


def with_boundaries(text: bytes | bytearray, classes: NDArray[np.uint8]) -> bytes:
    """``text`` with START and END around every record that has a token.

    ``classes`` says of each byte whether it is of a token, ends a token or ends a record.
    """
    token_end = b" " if classes[ord(" ")] == TOKEN_END else TOKEN_SEPARATOR
    record_end = int(np.flatnonzero(classes == RECORD_END)[0])
    before, after = START + token_end, token_end + END
    buffer = np.frombuffer(text, np.uint8)
    records = np.count_nonzero(buffer == record_end) + 1
    out = np.empty(len(text) + records * (len(before) + len(after) + 1), np.uint8)
    size = add_boundaries(
        buffer,
        len(text),
        classes,
        np.frombuffer(before, np.uint8),
        np.frombuffer(after, np.uint8),
        record_end,
        out,
    )
    return out[:size].tobytes()
