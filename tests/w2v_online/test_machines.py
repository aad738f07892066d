"""The kernels on machines with narrower vectors than this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("name", "features"),
    [("generic", ""), ("haswell", "+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2")],
)
def test_training_is_right_without_avx512(name: str, features: str, tmp_path: Path) -> None:
    """Compiled for plain x86-64 (SSE2) and for AVX2, training still equals the reference."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("tests/w2v_online/test_sgns.py", "-k", "training_equals and 100-5-3"),
        ],
        cwd=Path(__file__).parent.parent.parent,
        env=os.environ
        | {
            "NUMBA_CPU_NAME": name,
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "1 passed" in result.stdout, result.stdout + result.stderr
