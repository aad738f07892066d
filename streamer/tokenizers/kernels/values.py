"""What addresses, identifiers and paths look like: where one that begins at a byte ends, or -1.

A function looks ahead a bounded number of bytes or reads what is consumed in any case, so that no
input takes more than linear time.
"""

from __future__ import annotations

from streamer.tokenizers.kernels.characters import (
    DIGIT,
    HEX_DIGIT,
    KINDS,
    LETTER,
    MAIL_PART,
    PATH_PART,
    WORD,
    run,
)
from w2v_online.kernels.jit import rare

_MAX_MAIL_NAME = 64  # RFC 5321, 4.5.3.1.1
_MAX_MAIL_HOST = 255
_MIN_HEX = 7


@rare
def uuid_end(text, at, end):
    """Groups of 8, 4, 4, 4 and 12 hexadecimal digits."""
    if at + 36 > end or (at + 36 < end and KINDS[text[at + 36]] & WORD):
        return -1
    for i in range(36):
        byte = text[at + i]
        if i == 8 or i == 13 or i == 18 or i == 23:
            if byte != ord("-"):
                return -1
        elif not KINDS[byte] & HEX_DIGIT:
            return -1
    return at + 36


@rare
def mac_end(text, at, end):
    """Six pairs of hexadecimal digits, joined by colons or by dashes."""
    if at + 17 > end or (at + 17 < end and KINDS[text[at + 17]] & WORD):
        return -1
    mark = text[at + 2]
    if mark != ord(":") and mark != ord("-"):
        return -1
    for i in range(17):
        if i % 3 == 2:
            if text[at + i] != mark:
                return -1
        elif not KINDS[text[at + i]] & HEX_DIGIT:
            return -1
    return at + 17


@rare
def ipv6_end(text, at, end):
    """Eight groups, or fewer with a ``::`` among them; at least one digit, so no name of C++."""
    groups, gaps, digits = 0, 0, 0
    stop = at
    while stop < end and groups < 8:
        start = stop
        while stop < end and stop - start < 4 and KINDS[text[stop]] & HEX_DIGIT:
            digits += (KINDS[text[stop]] & DIGIT) != 0
            stop += 1
        groups += stop > start
        if groups == 8 or stop >= end or text[stop] != ord(":"):
            break
        if stop + 1 < end and text[stop + 1] == ord(":"):
            gaps += 1
            if gaps > 1:
                return -1
            stop += 2
        elif stop > start and stop + 1 < end and KINDS[text[stop + 1]] & HEX_DIGIT:
            stop += 1
        else:
            break
    if stop < end and KINDS[text[stop]] & WORD:
        return -1
    if digits == 0 or groups == 0 or (gaps == 0 and groups < 8):
        return -1
    return stop


@rare
def path_end(text, at, end):
    """A path has a second slash (or backslash behind ``C:``)."""
    stop = run(text, at, end, PATH_PART)
    while stop > at and (text[stop - 1] == ord(".") or text[stop - 1] == ord(":")):
        stop -= 1
    for i in range(at + 2, stop):
        if text[i] == ord("/") or text[i] == ord("\\"):
            return stop
    return -1


@rare
def url_end(text, at, end):
    """At the ``://`` behind a scheme."""
    if at + 3 >= end or text[at + 1] != ord("/") or text[at + 2] != ord("/"):
        return -1
    stop = run(text, at, end, PATH_PART)
    while stop > at + 3 and (text[stop - 1] == ord(".") or text[stop - 1] == ord(":")):
        stop -= 1
    return stop


@rare
def mail_end(text, at, end):
    """A name, ``@``, and a host with a dot that ends with a letter."""
    mark = run(text, at, min(end, at + _MAX_MAIL_NAME + 1), MAIL_PART)
    if mark >= end or text[mark] != ord("@"):
        return -1
    stop = run(text, mark + 1, min(end, mark + 1 + _MAX_MAIL_HOST), MAIL_PART)
    while stop > mark + 1 and not KINDS[text[stop - 1]] & WORD:
        stop -= 1
    dots = 0
    for i in range(mark + 2, stop):
        dots += text[i] == ord(".")
    return stop if dots and KINDS[text[stop - 1]] & LETTER else -1


@rare
def hex_end(text, at, end):
    """``0x`` and hexadecimal digits, or many of them with both letters and two digits."""
    stop = run(text, at, end, HEX_DIGIT)
    if stop == at + 1 and stop < end and text[at] == ord("0") and text[stop] | 32 == ord("x"):
        stop = run(text, at + 2, end, HEX_DIGIT)
        return stop if stop > at + 2 and not (stop < end and KINDS[text[stop]] & WORD) else -1
    if stop - at < _MIN_HEX or (stop < end and KINDS[text[stop]] & WORD):
        return -1
    digits = 0
    for i in range(at, stop):
        digits += (KINDS[text[i]] & DIGIT) != 0
    return stop if 2 <= digits < stop - at else -1
