"""What times look like in logs: where one that begins at a byte ends, or -1."""

from __future__ import annotations

from streamer.tokenizers.kernels.characters import DIGIT, KINDS, WORD, is_one_of, pack, packed, run
from w2v_online.kernels.jit import inner, rare

_MONTHS = packed("jan feb mar apr may jun jul aug sep oct nov dec")
_DAYS = packed("mon tue wed thu fri sat sun")


@rare
def clock_end(text, at, end):
    """``15:16:01``, with a fraction."""
    if at + 8 > end or text[at + 2] != ord(":") or text[at + 5] != ord(":"):
        return -1
    for i in range(8):
        if i % 3 != 2 and not KINDS[text[at + i]] & DIGIT:
            return -1
    stop = at + 8
    has_mark = stop + 1 < end and (text[stop] == ord(".") or text[stop] == ord(","))
    if has_mark and KINDS[text[stop + 1]] & DIGIT:
        stop = run(text, stop + 1, end, DIGIT)
    return stop


@inner
def _spaces(text, at, end):
    """Behind one or two spaces; -1 if there is none."""
    if at >= end or text[at] != ord(" "):
        return -1
    return at + 2 if at + 1 < end and text[at + 1] == ord(" ") else at + 1


@rare
def calendar_end(text, at, word_end, end):
    """``Jun 14 15:16:01``, also behind a weekday and before a year."""
    if is_one_of(pack(text, at, word_end), _DAYS):
        at = _spaces(text, word_end, end)
        word_end = at + 3
        if at < 0 or word_end > end:
            return -1
    if not is_one_of(pack(text, at, word_end), _MONTHS):
        return -1
    day = _spaces(text, word_end, end)
    if day < 0:
        return -1
    day_end = run(text, day, end, DIGIT)
    clock = _spaces(text, day_end, end)
    if day_end == day or day_end > day + 2 or clock < 0:
        return -1
    stop = clock_end(text, clock, end)
    if stop < 0:
        return -1
    year = _spaces(text, stop, end)
    if year > 0 and run(text, year, end, WORD) == year + 4 == run(text, year, end, DIGIT):
        stop = year + 4
    return stop


@rare
def zone_end(text, at, end):
    """Behind ``Z``, ``+0200``, ``+02:00`` or `` +0200``, if there is one."""
    if at < end and text[at] == ord("Z"):
        return at if at + 1 < end and KINDS[text[at + 1]] & WORD else at + 1
    sign = at + 1 if at < end and text[at] == ord(" ") else at
    if sign >= end or (text[sign] != ord("+") and text[sign] != ord("-")):
        return at
    stop = run(text, sign + 1, end, DIGIT)
    if stop == sign + 5:
        return stop
    has_colon = stop == sign + 3 and stop < end and text[stop] == ord(":")
    return stop + 3 if has_colon and run(text, stop + 1, end, DIGIT) == stop + 3 else at


@rare
def access_end(text, at, end):
    """``30/Jun/2026:15:42:50 +0200``, as web servers write it."""
    if at + 20 > end or text[at + 2] != ord("/") or text[at + 6] != ord("/"):
        return -1
    is_date = is_one_of(pack(text, at + 3, at + 6), _MONTHS) and run(text, at, end, DIGIT) == at + 2
    if not is_date or run(text, at + 7, end, DIGIT) != at + 11 or text[at + 11] != ord(":"):
        return -1
    stop = clock_end(text, at + 12, end)
    return stop if stop < 0 else zone_end(text, stop, end)
