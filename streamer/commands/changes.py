"""``w2v-stream changes``: what changed between two snapshots, to bring another store up to date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
import numpy as np
import orjson

from streamer.commands.output_file import JSON_LINE, output_file
from w2v_online import load_vectors
from w2v_online.analysis.export.columns import open_parquet, vector_array, vector_field
from w2v_online.analysis.export.selection import Reason
from w2v_online.errors import ExportError
from w2v_online.reading.changes import THRESHOLD, Changes
from w2v_online.reading.changes import changes as compare
from w2v_online.reading.words import word_id

_BLOCK_ROWS = 8192


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=click.FloatRange(-1.0, 1.0),
    default=THRESHOLD,
    show_default=True,
    help="A vector moved if its cosine with the old one is below this.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    default="-",
    metavar="X.parquet|X.jsonl|-",
    help="File to write; - prints JSON lines.",
)
def changes(old: Path, new: Path, threshold: float, output: Path) -> None:
    """Write what changed from OLD to NEW: words that are new, moved or gone.

    Each entry has the word, its id and the kind of change. New and moved words also have their
    count and vector, moved words the cosine with the old vector. A word keeps its id when its row
    changes. OLD and NEW are snapshots, folders of snapshots (the newest counts) or word2vec files.
    """
    if str(output) != "-" and output.suffix not in (".parquet", ".jsonl"):
        raise click.UsageError(f"--output: {output} ends in neither .parquet nor .jsonl")
    try:
        found = compare(load_vectors(old).table, load_vectors(new).table, threshold)
    except ValueError as error:
        raise ExportError(str(error)) from error
    write = _write_parquet if output.suffix == ".parquet" else _write_json
    with output_file(output) as file:
        write(file, found)
    n_new, n_moved = len(found.new_rows), len(found.moved_rows)
    click.echo(
        f"{n_new:,} words are new, {n_moved:,} moved, {len(found.gone):,} are gone; "
        f"{len(found.table) - n_new - n_moved:,} stayed",
        err=True,
    )


def _blocks(found: Changes) -> Iterator[dict[str, Any]]:
    """Columns of the changes, some thousands at a time; of gone words only the word."""
    table = found.table
    moved = found.moved_rows, found.cosines
    for change, rows, cosines in (("new", found.new_rows, None), ("moved", *moved)):
        for first in range(0, len(rows), _BLOCK_ROWS):
            part = rows[first : first + _BLOCK_ROWS]
            yield {
                "change": change,
                "word": [table.words[row] for row in part.tolist()],
                "count": table.counts[part],
                "cosine": None if cosines is None else cosines[first : first + _BLOCK_ROWS],
                "vector": table.take(part),
            }
    for first in range(0, len(found.gone), _BLOCK_ROWS):
        words = found.gone[first : first + _BLOCK_ROWS]
        yield {"change": "gone", "word": words, "count": None, "cosine": None, "vector": None}


def _write_json(file: IO[bytes], found: Changes) -> None:
    for block in _blocks(found):
        for i, word in enumerate(block["word"]):
            document = {"change": block["change"], "id": word_id(word), "word": word}
            for name in ("count", "cosine", "vector"):
                if block[name] is not None:
                    document[name] = block[name][i]
            file.write(_json_line(document))


def _json_line(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document, option=JSON_LINE)
    except orjson.JSONEncodeError:  # bytes that are not UTF-8 become lone surrogates as escapes
        plain = {**document, "word": ""}
        known: dict[str, Any] = orjson.loads(orjson.dumps(plain, option=JSON_LINE))
        return json.dumps({**known, "word": document["word"]}).encode() + b"\n"


def _without_broken_words(block: dict[str, Any]) -> dict[str, Any]:
    """A block without the words that have bytes that are not UTF-8, which parquet cannot hold."""
    kept = [i for i, word in enumerate(block["word"]) if not Reason.NOT_UTF8.applies(word)]
    if len(kept) == len(block["word"]):
        return block
    columns = {name: block[name] for name in ("count", "cosine", "vector")}
    return {
        "change": block["change"],
        "word": [block["word"][i] for i in kept],
        **{name: None if value is None else value[kept] for name, value in columns.items()},
    }


def _write_parquet(file: IO[bytes], found: Changes) -> None:
    """Write them; words that parquet cannot hold are left out and counted."""
    import pyarrow as pa

    field = vector_field("vector", found.table.vector_size).with_nullable(True)
    schema = pa.schema(
        [
            pa.field("change", pa.string(), nullable=False),
            pa.field("id", pa.int64(), nullable=False),
            pa.field("word", pa.string(), nullable=False),
            pa.field("count", pa.float64()),
            pa.field("cosine", pa.float32()),
            field,
        ]
    )
    with open_parquet(file, schema) as writer:
        left_out = 0
        for whole in _blocks(found):
            block = _without_broken_words(whole)
            left_out += len(whole["word"]) - len(block["word"])
            size = len(block["word"])
            columns = [
                pa.array([block["change"]] * size, pa.string()),
                pa.array([word_id(word) for word in block["word"]], pa.int64()),
                pa.array(block["word"], pa.string()),
                *(
                    pa.nulls(size, schema.field(name).type)
                    if block[name] is None
                    else pa.array(
                        np.asarray(block[name], schema.field(name).type.to_pandas_dtype())
                    )
                    for name in ("count", "cosine")
                ),
                pa.nulls(size, field.type)
                if block["vector"] is None
                else vector_array(block["vector"], field),
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    if left_out:
        reason = Reason.NOT_UTF8.value
        click.echo(f"{left_out:,} words with {reason} left out: parquet cannot hold them", err=True)
