"""What asking a snapshot does not pay for."""

from __future__ import annotations

import subprocess
import sys


def test_the_command_line_starts_without_compiler_and_client() -> None:
    """Query commands need neither Numba nor kafka-python: importing them takes most of a second."""
    program = "import sys, streamer.cli; print(*{'numba', 'kafka', 'gensim'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
