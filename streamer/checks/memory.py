"""What checks of memory have in common."""

from __future__ import annotations

from streamer.finding import Finding
from streamer.machine import address_space_bytes, available_bytes, memory_bytes

_MIB = 2**20

BASE_BYTES = 300 * _MIB
"""What a daemon takes besides the learner, estimated: Python, the compiler, text on its way."""

SMALLER = "lower --max-vocab-size or --vector-size"


def fits_in_memory(needed: int, told: str) -> Finding:
    """Whether the machine has so many bytes."""
    machine = memory_bytes()
    told += f", the machine or its container has {mib(machine)}"
    limit = address_space_bytes()
    if limit is not None and needed > limit:
        told += f", and ulimit -v leaves this process {mib(limit)}"
        return Finding("failure", "memory", f"{told}; raise it, or {SMALLER}")
    if needed > machine:
        return Finding("failure", "memory", f"{told}; {SMALLER}")
    if needed > available_bytes():
        return Finding("warning", "memory", f"{told}, of which {mib(available_bytes())} are free")
    return Finding("ok", "memory", told)


def mib(size: int) -> str:
    """A number of bytes, for people."""
    return f"{size / _MIB:,.0f} MiB"
