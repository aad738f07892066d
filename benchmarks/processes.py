"""Programs as whole processes: on which CPUs they run, and what time and memory they take."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Usage:
    """What a process took from its start to its end."""

    seconds: float
    cpu_seconds: float
    others_share: float  # of its CPUs' time that went to other programs or the hypervisor
    peak_bytes: int


def start(
    command: list[str], cpus: list[int], log: Path, stdin: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start a command on some CPUs; what it prints goes to ``log``."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("W2V_STREAM_")}
    # Idle threads of linear algebra libraries would cost time on a single CPU.
    environment |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    # Modules are compiled by the first run, which does not count, as an installation does.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    cpu_list = ",".join(map(str, cpus))
    launcher = [sys.executable, "-m", "benchmarks.launch", cpu_list, str(log), *command]
    return subprocess.Popen(
        launcher, stdin=stdin, stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )


def finish(process: subprocess.Popen[bytes], log: Path) -> Usage:
    """Close the process's input, wait for its end; ends the benchmark if it failed."""
    output, _ = process.communicate()
    if process.returncode != 0:
        last_lines = log.read_text(errors="replace").splitlines()[-20:] if log.exists() else []
        sys.exit("\n".join([*last_lines, f"{log.stem} failed: exit code {process.returncode}"]))
    return Usage(**json.loads(output))


def run(command: list[str], cpus: list[int], log: Path, stdin: Path | None = None) -> Usage:
    """Run a command to its end."""
    with Path(stdin or os.devnull).open("rb") as stream:
        return finish(start(command, cpus, log, stream), log)


def add_cpu_option(parser: argparse.ArgumentParser) -> None:
    """The option that :func:`choose_cpus` is given."""
    parser.add_argument("--cpu", type=int, help="highest CPU to run on (default: the last)")


def keep_off(cpus: list[int]) -> None:
    """Run this process itself on other CPUs, if there are any."""
    os.sched_setaffinity(0, (os.sched_getaffinity(0) - set(cpus)) or cpus)


def choose_cpus(count: int, highest: int | None) -> list[int]:
    """The last ``count`` CPUs this process may use, up to ``highest``."""
    usable = sorted(cpu for cpu in os.sched_getaffinity(0) if highest is None or cpu <= highest)
    if len(usable) < count:
        sys.exit(f"{count} CPUs are needed, {len(usable)} may be used")
    return usable[-count:]
