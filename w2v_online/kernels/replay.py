"""Past text in slots: append sentences, read and subsample them, choose slots, move rows.

A slot is int32[SLOT_IDS] of which the first so many are used: rows of words, sentence after
sentence, the last of each sentence as its complement (~row), which is negative.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import below, uniform

CANDIDATES = 3
"""Slots that are drawn for each one that is chosen: the one trained least often of them."""

NO_WORD = 2**31 - 1
"""Stands for a word that was forgotten; no row has this number."""


@kernel
def append_sentences(ids, sentence_ends, first_sentence, slot, used):
    """Append sentences to a slot; return the first one that did not fit, or how many there are.

    Parameters
    ----------
    ids : int32[n], rows of words
    sentence_ends : int64[s], where each sentence ends in ``ids``
    first_sentence : int, where to begin
    slot : int32[m], written; no sentence is longer
    used : int32[1], how much of it is used; advanced

    Sentences of fewer than two words, which train nothing, are left out.

    """
    n_used = np.int64(used[0])
    start = sentence_ends[first_sentence - 1] if first_sentence else 0
    sentence = first_sentence
    while sentence < len(sentence_ends):
        end = sentence_ends[sentence]
        n_words = end - start
        if n_words > 1:
            if n_used + n_words > len(slot):
                break
            for i in range(n_words):
                slot[n_used + i] = ids[start + i]
            n_used += n_words
            slot[n_used - 1] = ~slot[n_used - 1]
        start = end
        sentence += 1
    used[0] = n_used
    return sentence


@kernel
def read_sentences(slot, n_used, number, reassigned, ids, sentence_ends, read):
    """Read a slot, without words whose rows belong to others by now.

    Parameters
    ----------
    slot : int32[m]
    n_used : int, how much of it is used
    number : int, the slot's
    reassigned : uint32[capacity], by row: 1 + number of the slot that was being filled when the
        row last changed hands, 0 for never; what that slot and earlier ones have of it is stale
    ids : int32[m], written
    sentence_ends : int64[m // 2], written
    read : int64[2], written: ids and sentences

    Sentences left with fewer than two words are left out.

    """
    start = 0
    n_ids = 0
    n_sentences = 0
    for i in range(n_used):
        is_last = slot[i] < 0
        word = ~slot[i] if is_last else slot[i]
        if word != NO_WORD and reassigned[word] <= number:
            ids[n_ids] = word
            n_ids += 1
        if is_last:
            if n_ids - start > 1:
                sentence_ends[n_sentences] = n_ids
                n_sentences += 1
                start = n_ids
            n_ids = start
    read[0] = n_ids
    read[1] = n_sentences


@kernel
def subsample(ids, sentence_ends, keep_probability, state):
    """Leave out frequent words at random; return how many ids are left.

    Parameters
    ----------
    ids : int32[n], rows of words; updated in place
    sentence_ends : int64[s], where each sentence ends in ``ids``; updated in place
    keep_probability : float32[capacity], by row: probability that a word stays
    state : uint64[1], generator; advanced

    """
    n_ids = 0
    start = 0
    for sentence in range(len(sentence_ends)):
        end = sentence_ends[sentence]
        for i in range(start, end):
            word = ids[i]
            ids[n_ids] = word
            n_ids += uniform(state) < keep_probability[word]
        sentence_ends[sentence] = n_ids
        start = end
    return n_ids


@kernel
def choose_slots(state, begin, end, passes, numbers):
    """Choose slots at random, preferably such as were trained seldom, and count the passes.

    Parameters
    ----------
    state : uint64[1], generator; advanced
    begin, end : int, numbers of the slots to choose from, ``begin`` below ``end``
    passes : uint16[n_slots], how often each slot was trained, slot n in n % n_slots; updated
    numbers : int64[n], written

    """
    n_slots = len(passes)
    for i in range(len(numbers)):
        chosen = begin + below(state, end - begin)
        for _ in range(CANDIDATES - 1):
            other = begin + below(state, end - begin)
            if passes[other % n_slots] < passes[chosen % n_slots]:
                chosen = other
        numbers[i] = chosen
        passes[chosen % n_slots] += np.uint16(passes[chosen % n_slots] < 65535)


@kernel
def move_row(slots, row, last):
    """Let ``last``'s words be ``row``'s, and those of ``row`` nobody's.

    Parameters
    ----------
    slots : int32[s, m], updated in place
    row : int, the row whose word was forgotten
    last : int, the row whose word took its place; may be ``row`` itself

    """
    for i in range(slots.shape[0]):
        for j in range(slots.shape[1]):
            is_last = slots[i, j] < 0
            word = ~slots[i, j] if is_last else slots[i, j]
            if word in (row, last):
                word = NO_WORD if word == row else row
                slots[i, j] = ~word if is_last else word
