"""``w2v-stream embed``: a vector for each line, by the snapshot's own tokenizer."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import click

from streamer.commands.arguments import (
    TextOptions,
    infer_option,
    snapshot_argument,
    text_options,
)
from streamer.commands.line_files import Block, writer_of
from streamer.commands.lookup import prepare_infer
from streamer.commands.output_file import output_file
from w2v_online import load_vectors
from w2v_online.errors import ExportError
from w2v_online.reading.compressed import buffered, open_plain
from w2v_online.reading.lines import Lines

_BLOCK_LINES = 8192
_BLOCK_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 19


@click.command()
@snapshot_argument
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    required=True,
    metavar="X.npy|X.parquet|X.jsonl|-",
    help="File to write; - prints JSON lines.",
)
@click.option("--text/--no-text", "with_text", default=True, help="Keep the lines' text, too.")
@infer_option
@text_options
def embed(
    snapshot: Path,
    file: Path | None,
    output: Path,
    with_text: bool,
    infer: bool,
    text: TextOptions,
) -> None:
    """Write a vector for each line of FILE, or of standard input.

    Lines are split into tokens as in training. A line's vector is the weighted mean of its tokens'
    vectors; rare words weigh most. A line without a known token gets zeros; with --infer
    an unknown token gets a vector by its spelling, which takes milliseconds for each different one.
    FILE may be compressed. npy: float32, a row a line; parquet and JSON lines: the line's number,
    how many tokens it has, how many of them are known and how many inferred, its vector and its
    text. SNAPSHOT is a snapshot, a folder of snapshots or a file of vectors, with which lines are
    split at white space.
    """
    make = writer_of(output)
    vectors = load_vectors(snapshot, unknown="infer" if infer else "error")
    if infer:
        prepare_infer(vectors)
    lines = Lines(
        vectors.path,
        vectors.manifest,
        vectors.table,
        tokenizer=text.tokenizer,
        tokenizer_options=text.tokenizer_options,
        lowercase=text.lowercase,
        json_fields=text.json_fields or None,
    )
    counted = _Counted()
    with ExitStack() as opened:
        target = opened.enter_context(output_file(output))
        if file is None:
            source = _standard_input()
        else:
            source = _text_of(opened.enter_context(open_plain(file))[1], str(file))
        writer = opened.enter_context(make(target, vectors.vector_size, with_text))
        for block in _embedded(source, lines):
            counted.add(block)
            writer.write(block)
        counted.check()
    click.echo(counted.summary(output, lines.text.failed_lines), err=True)


def _standard_input() -> io.BufferedReader:
    from streamer.sources.stdin.source import check_stdin

    check_stdin()
    return _text_of(sys.stdin.buffer, "standard input")


def _text_of(file: IO[bytes], name: str) -> io.BufferedReader:
    """What is in a file, in UTF-8, as a run reads it; SourceError if that is no text."""
    from streamer.text.layers import text_pieces

    return buffered(text_pieces(partial(file.read1, _CHUNK_BYTES), name))  # type: ignore[attr-defined]


def _embedded(source: IO[bytes], lines: Lines) -> Iterator[Block]:
    number = 1
    while block := list(_some_lines(source)):
        yield Block(number, block, lines.embed(block))
        number += len(block)


def _some_lines(source: IO[bytes]) -> Iterator[bytes]:
    """The next lines: so many, or those of so many bytes."""
    size = 0
    for line in islice(source, _BLOCK_LINES):
        yield line.removesuffix(b"\n")
        size += len(line)
        if size >= _BLOCK_BYTES:
            return


class _Counted:
    """What came, for the message at the end."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lines = self._tokens = self._known = self._inferred = self._empty = 0

    def add(self, block: Block) -> None:
        self._lines += len(block.lines)
        self._tokens += int(block.embedded.tokens.sum())
        self._known += int(block.embedded.known_tokens.sum())
        self._inferred += int(block.embedded.inferred_tokens.sum())
        found = block.embedded.known_tokens + block.embedded.inferred_tokens
        self._empty += int((found == 0).sum())

    def check(self) -> None:
        """ExportError if all vectors are zeros: the text is not what the model has learned."""
        if self._tokens and not self._known + self._inferred:
            raise ExportError(
                f"none of {self._tokens:,} tokens in {self._lines:,} lines has a vector: is this "
                "the kind of text that the model has learned?"
            )

    def summary(self, output: Path, failed: int) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        share = self._known / max(1, self._tokens)
        parts = [
            f"{self._lines:,} lines to {output} ({self._lines / seconds:,.0f} a second)",
            f"{share:.2%} of {self._tokens:,} tokens known",
        ]
        if self._inferred:
            parts.append(
                f"{self._inferred / max(1, self._tokens):.2%} inferred from their spelling"
            )
        if self._empty:
            parts.append(f"{self._empty:,} lines without a known token")
        if failed:
            parts.append(f"{failed:,} lines could not be decoded or split")
        return "; ".join(parts)
