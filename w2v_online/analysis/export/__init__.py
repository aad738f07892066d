"""Vectors as files for other programs, in the formats of FORMATS.

Words are in count order in all of them. A file appears complete or not at all, gensim's apart,
which gensim itself writes. What a format cannot hold is left out and counted, never altered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from w2v_online.analysis.export import arrays, columns, fasttext, projector, word2vec
from w2v_online.analysis.export.selection import Reason, Selection
from w2v_online.errors import ExportError
from w2v_online.reading.lookups import keyed_vectors
from w2v_online.reading.subwords import SubwordTable
from w2v_online.reading.table import VectorTable


@dataclass(frozen=True)
class Format:
    """A file format: what writes it, what it cannot hold, and how its files' names end."""

    write: Callable[[Path, Selection], list[Path]]
    """Writes the words to a path; returns the files that it wrote."""
    cannot_hold: tuple[Reason, ...] = ()
    suffixes: tuple[str, ...] = ()
    needs_subwords: bool = False


@dataclass(frozen=True)
class Written:
    """What an export did."""

    words: int
    files: list[Path]
    left_out: dict[str, int]
    """Words that the format cannot hold, by the reason."""


def write(
    table: VectorTable, file_format: str, path: Path, subwords: SubwordTable | None = None
) -> Written:
    """Write a table to ``path`` in the format of this name, with n-grams if the format has them.

    Raises ExportError: a library is missing, n-grams are, or ``path`` cannot be written.
    """
    chosen = FORMATS[file_format]
    if subwords is None and chosen.needs_subwords:
        raise ExportError(
            f"format {file_format} needs the n-grams of a model that was learned with --subwords"
        )
    selection = Selection.of(table, chosen.cannot_hold, subwords)
    try:
        files = chosen.write(path, selection)
    except ImportError as error:
        raise ExportError(
            f"format {file_format} needs {error.name}: pip install 'w2v-stream[export]'"
        ) from error
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    return Written(len(selection), files, selection.left_out)


def format_of(path: Path) -> str:
    """The format that the end of a file's name stands for; word2vec-text for any other."""
    for name, known in FORMATS.items():
        if path.suffix in known.suffixes:
            return name
    return "word2vec-text"


def _save_gensim(path: Path, selection: Selection) -> list[Path]:
    counts = selection.counts if selection.table.has_counts else None
    keyed_vectors(selection.words, selection.vectors, counts).save(str(path))
    return [path]


FORMATS: dict[str, Format] = {
    "word2vec-text": Format(word2vec.write_text, word2vec.CANNOT_HOLD, (".vec", ".txt")),
    "word2vec-binary": Format(word2vec.write_binary, word2vec.CANNOT_HOLD, (".bin",)),
    "gensim": Format(_save_gensim, (), (".kv",)),
    "fasttext": Format(fasttext.write, fasttext.CANNOT_HOLD),
    "gensim-fasttext": Format(fasttext.write_gensim, needs_subwords=True),
    "npz": Format(arrays.write_npz, (Reason.ENDS_IN_NUL,), (".npz",)),
    "safetensors": Format(arrays.write_safetensors, arrays.CANNOT_HOLD, (".safetensors",)),
    "parquet": Format(columns.write_parquet, (Reason.NOT_UTF8,), (".parquet",)),
    "arrow": Format(columns.write_arrow, (Reason.NOT_UTF8,), (".arrow", ".feather")),
    "projector": Format(projector.write, projector.CANNOT_HOLD),
}
