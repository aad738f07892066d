"""What the machine, or the container that the process runs in, has of memory."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files that hold a container's limit: control groups of version 2 and 1."""


def memory_bytes() -> int:
    """Memory that this process may use at most."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in _LIMITS:
        try:
            limit = Path(file).read_text().strip()
        except OSError:
            continue
        if limit.isdigit():  # "max" is no limit
            return min(machine, int(limit))
    return machine


def available_bytes() -> int:
    """Memory that is free or can be made free at once; all of it where the system does not say."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        found = None
    return min(memory_bytes(), int(found[1]) * 1024) if found else memory_bytes()
