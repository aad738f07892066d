"""``w2v-stream inspect``: what a snapshot holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamer.commands.arguments import json_option
from streamer.commands.tables import echo_json, echo_rows
from streamer.errors import EXIT_FAILURE
from w2v_online import load_vectors
from w2v_online.errors import SnapshotError
from w2v_online.reading.vectors import WordVectors
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path

_TITLES = {
    "snapshot": "Snapshot",
    "totals": "Learned",
    "counters": "Not learned",
    "positions": "Where each source continues",
    "alerts": "Surprise of records",
    "probe": "Quality test",
    "annealed": "Annealed",
    "settled": "Annealed",
    "text": "Text",
    "config": "Settings",
}
"""Sections of a manifest that are printed, in this order."""

_UNITS = {
    "bucket": "n-grams",
    "bytes": "bytes",
    "candidates": "words",
    "checked_bytes": "bytes",
    "dropped_tokens": "tokens",
    "evicted_words": "words",
    "files": "files",
    "forgotten_candidates": "words",
    "half_life": "words",
    "invalid_records": "records",
    "max_missed_count": "occurrences",
    "max_n": "characters",
    "max_token_bytes": "bytes",
    "max_vocab_size": "words",
    "min_count": "occurrences",
    "min_n": "characters",
    "negative": "words",
    "pairs": "pairs",
    "passes": "passes",
    "records": "records",
    "replay": "passes",
    "replay_words": "words",
    "unknown_pairs": "pairs",
    "vector_size": "dimensions",
    "vocabulary": "words",
    "window": "words",
    "words": "words",
}


@click.command()
@click.argument("path", metavar="SNAPSHOT", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Compare every file's checksum with the manifest.")
@json_option
@click.pass_context
def inspect(ctx: click.Context, path: Path, verify: bool, as_json: bool) -> None:
    """Print what a snapshot holds: totals, settings, positions, files.

    With --verify, the exit code is 1 if anything is damaged, even a newer snapshot than the one
    shown. Into a pipe, it prints a line for each value: section, name, value and unit,
    separated by tabs.
    """
    folder = local_path(path)
    opened = reader.read(folder)
    is_damaged = _tell_damaged(folder, opened)
    if verify:
        opened.verify()
    manifest = opened.manifest
    if as_json:
        echo_json({"path": str(opened.path), "verified": verify, **manifest})
    else:
        sections = {"snapshot": _snapshot(opened, verify), **manifest}
        for section, title in _TITLES.items():
            if isinstance(sections.get(section), Mapping) and sections[section]:
                _echo(section, title, sections[section])
        _echo_words(load_vectors(opened.path))
    if verify and is_damaged:
        ctx.exit(EXIT_FAILURE)


def _tell_damaged(folder: Path, opened: reader.Snapshot) -> bool:
    """Whether snapshots that are newer than the one opened cannot be read; why, on stderr."""
    newer = [path for path in reader.folders(folder) if path.name > opened.path.name]
    for path in newer if opened.path.parent == folder else ():
        try:
            reader.read(path)
        except SnapshotError as error:
            click.echo(f"w2v-stream: {error}; showing {opened.path.name}", err=True)
            return True
    return False


def _snapshot(opened: reader.Snapshot, is_verified: bool) -> dict[str, Any]:
    manifest = opened.manifest
    files = manifest["files"]
    return {
        "path": str(opened.path),
        "created": manifest["created"],
        "format": str(manifest["format_version"]),
        "files": len(files),
        "bytes": sum(entry["bytes"] for entry in files.values()),
        "checksums": "verified" if is_verified else "not compared (--verify)",
        "tokenizer": manifest.get("tokenizer"),
    }


def _echo(section: str, title: str, values: Mapping[str, Any]) -> None:
    rows = [(name, _text(value), _unit(name, value)) for name, value in values.items()]
    if sys.stdout.isatty():
        echo_rows(rows, ("", "value", "unit"), title=title)
        click.echo()
    else:
        echo_rows([(section, *row) for row in rows])


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, int):
        return f"{value:,}" if sys.stdout.isatty() else str(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unit(name: str, value: Any) -> str:
    is_amount = isinstance(value, int | float) and not isinstance(value, bool)
    return _UNITS.get(name, "") if is_amount else ""


def _echo_words(vectors: WordVectors) -> None:
    entries = zip(vectors.words[:10], vectors.counts[:10].tolist(), strict=True)
    if sys.stdout.isatty():
        rows = [(word, f"{count:,.0f}") for word, count in entries]
        echo_rows(rows, ("word", "occurrences"), title="Most frequent words")
    else:
        echo_rows(
            [
                ("most frequent words", word, f"{count:.0f}", "occurrences")
                for word, count in entries
            ]
        )
