"""Run one command pinned to CPUs and print what it used, as JSON.

A process of its own because Linux hands a parent's peak memory down to the program it starts:
under a benchmark that has NumPy and a text in memory every program would seem to need as much.
Usage: python -m benchmarks.launch CPU[,CPU...] LOG COMMAND...; standard input is the command's.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def busy_seconds(cpus: list[int]) -> float:
    """Time that CPUs were not idle since the machine started, the hypervisor's share included."""
    busy = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in [f"cpu{cpu}" for cpu in cpus]:
            user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, ticks)
            busy += user + nice + system + irq + softirq + steal
    return busy / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Start the command, wait for it, print its usage and end with its exit code."""
    cpu_list, log, *command = sys.argv[1:]
    cpus = [int(cpu) for cpu in cpu_list.split(",")]
    os.sched_setaffinity(0, cpus)
    to_log = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    busy_before, began = busy_seconds(cpus), time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=to_log)
    _, status, used = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    cpu_seconds = used.ru_utime + used.ru_stime
    others = max(0.0, busy_seconds(cpus) - busy_before - cpu_seconds)
    usage = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "others_share": others / (seconds * len(cpus)),
        "peak_bytes": used.ru_maxrss * 1024,
    }
    print(json.dumps(usage))
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
