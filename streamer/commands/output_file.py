"""The file of ``--output``, which ``-`` makes standard output, and what can go wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import orjson

from w2v_online.errors import ExportError
from w2v_online.output import whole_file

JSON_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
"""Options of orjson for a document a line."""


@contextmanager
def output_file(output: Path) -> Iterator[IO[bytes]]:
    """Opened for writing, and there only if the block ends well.

    ExportError if it cannot be written, or if the block lacks a package; OSError if standard output
    cannot be written.
    """
    try:
        if str(output) == "-":
            yield sys.stdout.buffer
            sys.stdout.flush()
        else:
            with whole_file(output) as file:
                yield file
    except ImportError as error:
        raise ExportError(
            f"{output} needs {error.name}: pip install 'w2v-stream[export]'"
        ) from error
    except OSError as error:
        if str(output) == "-":
            raise  # told as for every other command that prints
        raise ExportError(f"{output} cannot be written: {error.strerror or error}") from error
