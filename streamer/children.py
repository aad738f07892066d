"""Other processes that this program starts of itself."""

from __future__ import annotations

import sys
from pathlib import Path

_PROGRAM = Path(__file__).resolve().parent.parent
"""The folder that the package lies in."""


def command_of(module: str) -> list[str]:
    """A command that runs one of this program's modules in another process.

    A ``copy.py`` in the working directory is not taken for Python's own, as ``python -m`` does and
    ``w2v-stream`` does not; unless the program itself lies there and may not be found elsewhere.
    """
    is_here = Path.cwd() == _PROGRAM
    return [sys.executable, *([] if is_here else ["-P"]), "-m", module]
