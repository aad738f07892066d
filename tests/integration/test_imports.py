"""What asking a snapshot does not pay for."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest


def test_the_command_line_starts_without_compiler_and_client() -> None:
    """Query commands need neither Numba nor kafka-python: importing them takes most of a second."""
    program = "import sys, streamer.cli; print(*{'numba', 'kafka', 'gensim'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240
    )
    assert done.stdout.split() == []


@pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="needs SciPy")
def test_learning_with_compiled_kernels_loads_no_compiler_and_leaves_numbas_alone() -> None:
    """Numba would load all that it can compile, and SciPy; others may still compile."""
    learn = """
import sys
import numba
import numpy as np
from w2v_online import LearnerConfig, OnlineWord2Vec
model = OnlineWord2Vec(LearnerConfig(vector_size=16, min_count=1, max_vocab_size=10))
model.learn([["a", "b", "c"]] * 10)
"""
    others = """
assert not {"scipy.linalg", "numba.np.linalg", "numba.np.arraymath"} & set(sys.modules)
x = np.arange(6.0).reshape(2, 3)
for function in (lambda a: np.dot(a, a.T), lambda a: np.cov(a)):
    np.testing.assert_allclose(numba.njit(function)(x), function(x))
assert "scipy.linalg.cython_blas" in sys.modules
wider = OnlineWord2Vec(LearnerConfig(vector_size=24, min_count=1, max_vocab_size=10))
wider.learn([["a", "b", "c"]] * 10)
"""
    for program in (learn, learn + others):
        subprocess.run([sys.executable, "-c", program], check=True, timeout=240)
