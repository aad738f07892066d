"""How many files may be open at once: as many as the system lets a process have, but for some."""

from __future__ import annotations

import resource

_MOST = 1 << 17
_RESERVE = 128
"""Descriptors left to snapshots, HTTP, libraries and others."""


def file_budget() -> int:
    """Raise the soft limit to the hard one; return how many files a source may keep open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            pass  # not allowed here, or more than the kernel has
    limit = _MOST if soft == resource.RLIM_INFINITY else soft
    return max(16, limit - _RESERVE)
