"""``w2v-stream``, and ``python -m streamer``."""

from __future__ import annotations

import atexit
import gc
import os


def main() -> None:
    """Start the command line with as little work as can be.

    Importing makes many objects and no garbage, so collecting waits until it is done and leaves
    what was imported alone; at the end everything is. Threads of OpenBLAS sleep at once where there
    is nothing to multiply; by default they spin first, which costs as much as an import.
    """
    gc.disable()
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    from streamer.cli import entry_point

    gc.freeze()
    gc.enable()
    atexit.register(gc.freeze)
    entry_point()


if __name__ == "__main__":
    main()
