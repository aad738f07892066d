"""Kernels are loaded or compiled ahead, by two processes where none is compiled yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HALVES = """
import gc, sys
from numba.core.dispatcher import Dispatcher
from w2v_online.config import LearnerConfig
from w2v_online.learning import warmup

def compiled():
    found = (each for each in gc.get_objects() if isinstance(each, Dispatcher))
    return {(each.py_func.__name__, types) for each in found for types in each.overloads}

config = LearnerConfig.model_validate_json(sys.argv[1])
small = config.model_copy(update={"max_vocab_size": 2, "min_count": 1})
warmup._warm_up_training(small)
training = compiled()
assert not any(name in ("encode", "rebuild", "rarest_rows") for name, _ in training), training
warmup._warm_up_text(small)
both = compiled()
warmup.warm_up(config)
assert compiled() == both, compiled() - both
"""


@pytest.mark.parametrize(
    "options",
    [
        "{}",
        '{"cbow": true, "replay": 1}',
        '{"loss": "hs", "vector_size": 16}',
        '{"loss": "softmax", "half_life": 1000}',
    ],
)
def test_two_processes_compile_all_that_a_learner_calls(options: str) -> None:
    """What one compiles the other does not, and nothing is left for later."""
    subprocess.run([sys.executable, "-c", _HALVES, options], check=True, timeout=240)


_FIRST_START = """
import subprocess
from w2v_online.config import LearnerConfig
from w2v_online.learning import warmup

def text(small):
    raise KeyboardInterrupt

warmup._warm_up_text, warmup._cores = text, lambda: 2
processes, popen = [], subprocess.Popen
subprocess.Popen = lambda *a, **k: processes.append(popen(*a, **k)) or processes[0]
try:
    warmup.warm_up(LearnerConfig(vector_size=4))
except KeyboardInterrupt:
    pass
assert [process.returncode for process in processes] == [-9]
"""


def test_the_other_process_ends_with_this_one(tmp_path: Path) -> None:
    """A signal while kernels are compiled leaves nothing behind that compiles on."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", _FIRST_START], check=True, timeout=240, env=environment)
