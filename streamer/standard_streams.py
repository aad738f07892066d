"""Standard input, output and error where they are closed, full or gone.

Knows descriptors and Python's streams, nothing of what is written.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

_UNWRITABLE = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})


def fill_closed() -> None:
    """Open those that are closed, so that no other file gets their numbers.

    Else a message to descriptor 2 would be written into a snapshot. Input is empty then, output
    cannot be written, and messages are lost.
    """
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            opened = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115 it is open until the process ends
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115


def is_of_output(error: OSError) -> bool:
    """Whether an error that names no file is of standard output."""
    return error.filename is None and error.errno in _UNWRITABLE


def discard_output() -> None:
    """Write to nowhere: the interpreter would complain at its end about what is still buffered."""
    _discard(1)


def say(message: str) -> None:
    """Write a line to standard error, if that can be written."""
    with suppress(OSError):
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()


def settle_errors() -> None:
    """Forget messages that cannot be written, so that they do not change the exit code."""
    try:
        sys.stderr.flush()
    except OSError:
        _discard(2)


def _discard(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
