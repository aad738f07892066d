"""What is computed of words and vectors while they are written for readers."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import kernel

_LINE_FEED = 10


@kernel
def index_words(text, starts, places):
    """Find where words begin, and enter each into a hash table by its FNV-1a hash of 64 bits.

    Parameters
    ----------
    text : uint8[n], words with a line feed after each
    starts : int64[V + 1], where each word begins, and n; written
    places : int32[T], T a power of two greater than V, all -1; row i is entered at the first free
        place from hash modulo T on

    Returns how many words there are: V, or another number if ``starts`` has not the right length.

    """
    mask = np.uint64(len(places) - 1)
    hashed = np.uint64(0xCBF29CE484222325)
    row = 0
    if len(starts):
        starts[0] = 0
    for i in range(len(text)):
        if text[i] != _LINE_FEED:
            hashed = (hashed ^ np.uint64(text[i])) * np.uint64(0x100000001B3)
            continue
        if row + 1 >= len(starts):
            return row + 1
        place = hashed & mask
        while places[place] >= 0:
            place = (place + np.uint64(1)) & mask
        places[place] = row
        row += 1
        starts[row] = i + 1
        hashed = np.uint64(0xCBF29CE484222325)
    return row


@kernel
def vector_norms(vectors, norms):
    """The Euclidean length of each row of ``vectors`` (float32[n, D]) into ``norms`` (float32[n]).

    Summed in double precision one after the other, so the same on every machine.
    """
    for i in range(len(vectors)):
        total = 0.0
        for j in range(vectors.shape[1]):
            value = np.float64(vectors[i, j])
            total += value * value
        norms[i] = np.float32(np.sqrt(total))
