"""``w2v-stream``, and ``python -m streamer``."""

from __future__ import annotations

import os

from streamer.uncollected import uncollected


def main() -> None:
    """Start the command line with as little work as can be.

    Numba's compiler cannot be switched off: kernels have code of their own for vector registers.
    Numba's threads are not used, however many there may be.

    Threads of OpenBLAS sleep at once where there is nothing to multiply; by default they spin
    first, which costs as much as an import. Pydantic does not search all that is installed for
    plugins. The end looks for garbage, as Python does: without that gRPC, which Qdrant's client
    loads, ends in a segmentation fault.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    for variable in ("NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS"):
        os.environ.pop(variable, None)
    with uncollected():
        from streamer.cli import entry_point
    entry_point()


if __name__ == "__main__":
    main()
