"""The cache of compiled kernels: damaged or not there it makes a start slow, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import pytest

from w2v_online.kernels.random import uniform

_MODULE = """
from w2v_online.kernels.jit import cache_problem, kernel

@kernel
def twice(number):
    return 2 * number

print(twice(21), sum(twice.stats.cache_hits.values()), cache_problem())
"""


class Program:
    """A program with one small kernel and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "program.py"
        self.file.write_text(_MODULE)
        self.cache = folder / "cache"

    def run(self) -> list[str]:
        """What the kernel returns, how often it came from the cache, and what is wrong."""
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, self.file],
            env=os.environ
            | {
                "NUMBA_CACHE_DIR": str(self.cache),
                "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",
                "PYTHONPATH": str(root),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip("\n").split(" ", 2)

    def files(self, suffix: str) -> list[Path]:
        return list(self.cache.rglob(f"*.{suffix}"))


@pytest.fixture
def program(tmp_path: Path) -> Program:
    made = Program(tmp_path)
    assert made.run() == ["42", "0", ""]
    assert made.run() == ["42", "1", ""]
    return made


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        ("nbi", lambda _: b""),
        ("nbi", lambda data: b"x" * len(data)),
        ("nbc", lambda data: data[: len(data) // 2]),
        ("nbc", _flipped),
    ],
    ids=["empty index", "garbage index", "cut code", "flipped code"],
)
def test_damaged_files_are_compiled_again_said_and_repaired(
    program: Program, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    (file,) = program.files(suffix)
    file.write_bytes(damage(file.read_bytes()))
    number, hits, problem = program.run()
    assert (number, hits) == ("42", "0")
    assert "is damaged" in problem
    assert program.run() == ["42", "1", ""]


def test_missing_code_is_compiled_again(program: Program) -> None:
    for file in program.files("nbc"):
        file.unlink()
    assert program.run()[:2] == ["42", "0"]
    assert program.run() == ["42", "1", ""]


def test_nowhere_to_cache_is_said_and_no_error(program: Program) -> None:
    program.cache = program.file / "cache"  # below a file no folder can be made
    number, hits, problem = program.run()
    assert (number, hits) == ("42", "0")
    assert "written" in problem


def test_a_helper_of_kernels_refuses_calls_from_python() -> None:
    """There is no code for them; before and after a kernel was compiled that calls it."""
    state = np.array([5], np.uint64)
    for _ in range(2):
        with pytest.raises(TypeError, match="uniform can only be called by kernels"):
            uniform(state)
        assert 0 <= numba.njit(lambda state: uniform(state))(state) < 1
