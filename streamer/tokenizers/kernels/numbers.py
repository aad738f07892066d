"""Labels of values, and what digits are: a time, an address, a size or just a number."""

from __future__ import annotations

import numpy as np

from streamer.tokenizers.kernels.characters import DIGIT, KINDS, WORD, is_one_of, pack, packed, run
from streamer.tokenizers.kernels.times import zone_end
from w2v_online.kernels.jit import rare

NUM, TIME, IP, PORT, MAC, UUID, HEX, PATH, URL, MAIL, SPAN, SIZE = range(12)
NAMES = ("NUM", "TIME", "IP", "PORT", "MAC", "UUID", "HEX", "PATH", "URL", "EMAIL", "SPAN", "SIZE")
LABELS = np.zeros((len(NAMES), 8), np.uint8)
for _i, _name in enumerate(NAMES):
    LABELS[_i, : len(_name) + 2] = np.frombuffer(f"<{_name}>".encode(), np.uint8)

_SPANS = packed("ns us ms s sec secs second seconds m min mins h hr hrs d")
_SIZES = packed("b kb mb gb tb k g t kib mib gib tib bytes")


@rare
def number(text, at, end):
    """Digits joined by single marks: where they end and what they are."""
    groups, colons, dots, small, stop = 0, 0, 0, True, at
    first_digits, dashes = 0, 0
    while True:
        start = stop
        stop = run(text, stop, end, DIGIT)
        groups += 1
        if groups == 1:
            first_digits = stop - start
        small &= stop - start <= 3
        if stop + 1 >= end or not KINDS[text[stop + 1]] & DIGIT:
            break
        mark = text[stop]
        if groups == 4 and dots == 3 and small and mark == ord(":"):
            return stop, IP  # what follows is a port
        if mark == ord(":"):
            colons += 1
        elif mark == ord("."):
            dots += 1
        elif mark == ord("-") or mark == ord("/"):
            dashes += 1
        elif mark != ord(",") and not (mark == ord("T") and groups >= 3):
            break
        stop += 1
    if groups == 4 and dots == 3 and small:
        return stop, IP
    is_date = groups >= 3 and (
        (first_digits == 4 and (text[at] == ord("1") or text[at] == ord("2")))
        or (dashes >= 2 and first_digits <= 2)
    )
    if colons >= 2 or (is_date and dots + dashes >= 2):
        return zone_end(text, stop, end), TIME
    unit_end = run(text, stop, end, WORD)
    if stop < unit_end <= stop + 8:
        unit = pack(text, stop, unit_end)
        if is_one_of(unit, _SPANS):
            return unit_end, SPAN
        if is_one_of(unit, _SIZES):
            return unit_end, SIZE
    return stop, NUM
