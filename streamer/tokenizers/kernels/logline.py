"""Log lines to tokens in one pass over bytes: values become placeholders, the rest words.

A token is followed by US, a record by RS.
"""

from __future__ import annotations

import numpy as np

from streamer.tokenizers.kernels.characters import (
    DIGIT,
    HEX_DIGIT,
    JOINT,
    KINDS,
    LETTER,
    PATH_PART,
    UPPER,
    WORD,
    run,
)
from streamer.tokenizers.kernels.numbers import (
    HEX,
    IP,
    LABELS,
    MAC,
    MAIL,
    NUM,
    PATH,
    PORT,
    TIME,
    URL,
    UUID,
    number,
)
from streamer.tokenizers.kernels.times import access_end, calendar_end
from streamer.tokenizers.kernels.values import (
    hex_end,
    ipv6_end,
    mac_end,
    mail_end,
    path_end,
    url_end,
    uuid_end,
)
from w2v_online.kernels.jit import inner, kernel

MAX_GROWTH = 4
"""Bytes written for a byte read, at most: ``a1`` becomes ``a<NUM>`` with two separators."""

_LF, _US, _RS = 10, 31, 30


@inner
def _value(text, at, end, before):
    """The value that begins at ``at``, behind the byte ``before``: its end, its label or -1."""
    byte = text[at]
    kind = KINDS[byte]
    if byte == ord("/"):
        is_inside = KINDS[before] & WORD
        return (-1 if is_inside else path_end(text, at, end)), PATH
    if kind & HEX_DIGIT or byte == ord(":"):
        stop = uuid_end(text, at, end)
        if stop > 0:
            return stop, UUID
        stop = mac_end(text, at, end)
        if stop > 0:
            return stop, MAC
        stop = ipv6_end(text, at, end)
        if stop > 0:
            return stop, IP
        stop = hex_end(text, at, end)
        if stop > 0:
            return stop, HEX
    if kind & LETTER:
        word_end = run(text, at, end, LETTER)
        if word_end < end and text[word_end] == ord(":"):
            stop = url_end(text, word_end, end)
            if stop > 0:
                return stop, URL
            if word_end == at + 1 and at + 2 < end and text[at + 2] == ord("\\"):
                return run(text, at, end, PATH_PART), PATH
        if word_end == at + 3:
            stop = calendar_end(text, at, word_end, end)
            if stop > 0:
                return stop, TIME
    if kind & WORD:
        stop = mail_end(text, at, end)
        if stop > 0:
            return stop, MAIL
    if kind & DIGIT:
        stop = access_end(text, at, end)
        if stop > 0:
            return stop, TIME
        return number(text, at, end)
    return -1, NUM


@inner
def _put_label(out, size, label):
    for i in range(8):
        byte = LABELS[label, i]
        if byte == 0:
            break
        out[size] = byte
        size += 1
    out[size] = _US
    return size + 1


@inner
def _put_text(text, at, stop, out, size):
    for i in range(at, stop):
        out[size] = text[i]
        size += 1
    out[size] = _US
    return size + 1


@inner
def _is_number(text, at, i, stop, digits):
    """Whether the byte ``i`` of the word ``text[at:stop]`` is of a number, not of ``eth0``."""
    if not KINDS[text[i]] & DIGIT:
        return False
    is_first = i == at or text[i - 1] == ord("_")
    return digits > 1 or (is_first and (i + 1 == stop or text[i + 1] == ord("_")))


@inner
def _put_word(text, at, stop, out, size, split_words):
    """A word; digits in it become ``<NUM>``, but for a single one that stands at a letter."""
    while at < stop and text[at] == ord("_"):
        at += 1
    while stop > at and text[stop - 1] == ord("_"):
        stop -= 1
    digits = 0
    for i in range(at, stop):
        digits += (KINDS[text[i]] & DIGIT) != 0
    i = at
    while i < stop:
        if _is_number(text, at, i, stop, digits):
            i = run(text, i, stop, DIGIT | JOINT)
            size = _put_label(out, size, NUM)
            continue
        start = i
        while i < stop and not _is_number(text, at, i, stop, digits):
            if split_words and i > start and _is_border(text, i, stop):
                break
            out[size] = text[i]
            size += 1
            i += 1
        while i > start and text[i - 1] == ord("_") and out[size - 1] == ord("_"):
            size -= 1
            start += 1
        out[size] = _US
        size += 1
        while i < stop and text[i] == ord("_"):
            i += 1
    return size


@inner
def _put_words(text, at, stop, out, size, split_words):
    """The words in a value that consist of letters."""
    while at < stop:
        word_end = run(text, at, stop, WORD)
        if word_end > at and run(text, at, stop, LETTER) == word_end:
            size = _put_word(text, at, word_end, out, size, split_words)
        at = word_end + 1
    return size


@inner
def _is_border(text, at, stop):
    """Whether a part of a camelCase or snake_case word begins at ``at``."""
    if text[at] == ord("_"):
        return True
    if not KINDS[text[at]] & UPPER:
        return False
    is_last_upper = at + 1 < stop and not KINDS[text[at + 1]] & (UPPER | DIGIT | JOINT)
    return not KINDS[text[at - 1]] & UPPER or is_last_upper


@kernel
def split(text, end, split_words, keep_words, keep_digits, out):
    """Tokens of ``text[:end]``, which is uint8[n], into ``out``, uint8[MAX_GROWTH * end + 1].

    Returns how many bytes were written. Times that follow each other become one. ``split_words``
    divides camelCase and snake_case, ``keep_words`` adds the words of letters alone that paths,
    URLs and addresses of mail hold, and numbers of up to ``keep_digits`` digits stay what they are.
    """
    at, size, before = 0, 0, np.uint8(_LF)
    time_end, host_end = -3, -3
    while at < end:
        byte = text[at]
        kind = KINDS[byte]
        if not (kind & WORD or byte == ord("/") or byte == ord(":")):
            if byte == _LF:
                out[size] = _RS
                size += 1
            before = byte
            at += 1
            continue
        stop, label = _value(text, at, end, before)
        if stop > at:
            if label == NUM and host_end == at - 1 and before == ord(":") and stop - at <= 5:
                label = PORT
            if label == NUM and stop - at <= keep_digits and run(text, at, end, DIGIT) == stop:
                size = _put_text(text, at, stop, out, size)
            elif label != TIME or time_end < at - 2 or text[at - 1] == _LF:
                size = _put_label(out, size, label)
            if label == TIME:
                time_end = stop
            elif label == IP:
                host_end = stop
            elif label >= PATH and label <= MAIL and keep_words:
                size = _put_words(text, at, stop, out, size, split_words)
        elif kind & WORD:
            stop = run(text, at, end, WORD)
            size = _put_word(text, at, stop, out, size, split_words)
            if before == ord("."):
                host_end = stop
        else:
            stop = at + 1
        before = text[stop - 1]
        at = stop
    if end and text[end - 1] != _LF:
        out[size] = _RS
        size += 1
    return size
