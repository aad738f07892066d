"""What the machine, the container or service, and the limits of the process leave of memory."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def memory_bytes() -> int:
    """Memory that this process may use at most."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_group_limits()])


def address_space_bytes() -> int | None:
    """Address space that this process may reserve (``ulimit -v``), None without a limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def _group_limits() -> Iterator[int]:
    """Limits of the control groups that the process is in, the innermost and those around it."""
    for file in _limit_files():
        try:
            limit = file.read_text().strip()
        except OSError:
            continue
        if limit.isdigit():  # "max" is no limit
            yield int(limit)


def _limit_files() -> Iterator[Path]:
    # In a container its own group often looks like the root of all.
    yield from (_GROUPS / "memory.max", _GROUPS / "memory" / "memory.limit_in_bytes")
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        root = _GROUPS / "memory" if controllers else _GROUPS  # version 1 or 2
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = Path(path.lstrip("/"))
        for around in (group, *group.parents):
            yield root / around / name


def available_bytes() -> int:
    """Memory that is free or can be made free at once; all of it where the system does not say."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        found = None
    return min(memory_bytes(), int(found[1]) * 1024) if found else memory_bytes()
