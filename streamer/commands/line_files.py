"""What ``embed`` writes: NumPy, parquet or JSON lines, a block of lines at a time."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

import click
import numpy as np
import orjson

from streamer.commands.output_file import JSON_LINE
from w2v_online.analysis.export.columns import open_parquet, vector_array, vector_field
from w2v_online.snapshots import npy

if TYPE_CHECKING:
    from w2v_online.lines.embedder import EmbeddedLines  # needs Numba


@dataclass(frozen=True)
class Block:
    """Some lines of the input, the number of the first of them, and what is known of them."""

    first_number: int
    lines: list[bytes]
    embedded: EmbeddedLines

    def texts(self) -> list[str]:
        """The lines as text."""
        return [line.decode(errors="replace") for line in self.lines]


class Writer(Protocol):
    """Takes blocks in order."""

    def write(self, block: Block) -> None:
        """Write one."""


MakeWriter = Callable[[IO[bytes], int, bool], AbstractContextManager[Writer]]
"""Of a file, the size of a vector, and whether texts are kept."""


def writer_of(output: Path) -> MakeWriter:
    """What writes a file of this name; UsageError if nothing does."""
    suffix = ".jsonl" if str(output) == "-" else output.suffix
    if suffix not in _WRITERS:
        raise click.UsageError(f"--output: {output} ends in none of {', '.join(_WRITERS)}")
    return _WRITERS[suffix]


@contextmanager
def _npy(file: IO[bytes], vector_size: int, _with_text: bool) -> Iterator[Writer]:
    """One array; its length stands in the header, so that is written when it is known.

    In a new file over one of the same size. A pipe, or a file that is open already, gets everything
    then.
    """

    def header(rows: int) -> bytes:
        return npy.header(np.dtype("<f4"), (rows, vector_size))

    is_open_already = isinstance(file.name, int)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not is_open_already:
        file.write(header(0))
        writer = _Rows(file)
        yield writer
        file.seek(0)
        file.write(header(writer.written))
        return
    with tempfile.TemporaryFile() as rows:
        writer = _Rows(rows)
        yield writer
        file.write(header(writer.written))
        rows.seek(0)
        shutil.copyfileobj(rows, file, io.DEFAULT_BUFFER_SIZE << 4)


class _Rows:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.written = 0

    def write(self, block: Block) -> None:
        self._file.write(np.ascontiguousarray(block.embedded.vectors, "<f4").data)
        self.written += len(block.lines)


@contextmanager
def _parquet(file: IO[bytes], vector_size: int, with_text: bool) -> Iterator[Writer]:
    import pyarrow as pa

    fields = [pa.field(name, pa.int64(), nullable=False) for name in _COLUMNS]
    fields.append(vector_field("vector", vector_size))
    if with_text:
        fields.append(pa.field("text", pa.string(), nullable=False))
    schema = pa.schema(fields)

    class Batches:
        def write(self, block: Block) -> None:
            embedded = block.embedded
            numbers = np.arange(len(block.lines)) + block.first_number
            columns = [
                pa.array(numbers),
                pa.array(embedded.tokens),
                pa.array(embedded.known_tokens),
                pa.array(embedded.inferred_tokens),
                vector_array(embedded.vectors, schema.field("vector")),
            ]
            if with_text:
                columns.append(pa.array(block.texts(), pa.string()))
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))

    with open_parquet(file, schema) as writer:
        yield Batches()


@contextmanager
def _json_lines(file: IO[bytes], _vector_size: int, with_text: bool) -> Iterator[Writer]:
    class Documents:
        def write(self, block: Block) -> None:
            texts = block.texts() if with_text else ()
            embedded = block.embedded
            for i, vector in enumerate(embedded.vectors):
                document = {
                    "line": block.first_number + i,
                    "tokens": int(embedded.tokens[i]),
                    "known_tokens": int(embedded.known_tokens[i]),
                    "inferred_tokens": int(embedded.inferred_tokens[i]),
                    "vector": vector,
                }
                if texts:
                    document["text"] = texts[i]
                file.write(orjson.dumps(document, option=JSON_LINE))

    yield Documents()


_COLUMNS = ("line", "tokens", "known_tokens", "inferred_tokens")
_WRITERS: dict[str, MakeWriter] = {".npy": _npy, ".parquet": _parquet, ".jsonl": _json_lines}
