"""Memory that the daemon gives back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
from pathlib import Path
from streamer.daemon.footprint import release_compiler
from w2v_online.learning.learner import LearnerConfig, OnlineWord2Vec

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def learn():
    model = OnlineWord2Vec(LearnerConfig(min_count=1, max_vocab_size=10))
    return model.learn([["a", "b", "c"]] * 10)

first = learn()
before = resident()
released = release_compiler()
after = resident()
assert before - after > 20 << 20, (before, after)
assert released >= before - after
assert learn() == first
# Compiling needs the code again: it comes back from the file.
import numba
assert numba.njit(lambda x: x + 1)(1) == 2
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
def test_the_compilers_pages_are_given_back_and_come_again_when_needed() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=240)
