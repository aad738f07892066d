"""``w2v-stream inspect``: what a snapshot holds."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import json_option
from streamer.commands.tables import echo_json
from w2v_online import load_vectors
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path


@click.command()
@click.argument("path", metavar="SNAPSHOT", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Compare every file's checksum with the manifest.")
@json_option
def inspect(path: Path, verify: bool, as_json: bool) -> None:
    """Print what a snapshot holds: totals, settings, positions, files."""
    opened = reader.read(local_path(path))
    if verify:
        opened.verify()
    vectors = load_vectors(opened.path)
    manifest = opened.manifest
    if as_json:
        echo_json({"path": str(opened.path), "verified": verify, **manifest})
        return
    click.echo(f"{opened.path}  (format {manifest['format_version']}, {manifest['created']})")
    sizes = sum(entry["bytes"] for entry in manifest["files"].values())
    click.echo(
        f"{len(manifest['files'])} files, {sizes:,} bytes"
        + (", checksums verified" if verify else "")
    )
    for section in ("totals", "counters", "positions", "probe", "annealed", "settled", "config"):
        if section not in manifest:
            continue
        click.echo(section)
        for key, value in manifest[section].items():
            shown = f"{value:,}" if section != "config" and isinstance(value, int) else value
            click.echo(f"  {key:<22}{shown}")
    click.echo(f"tokenizer  {manifest.get('tokenizer')}")
    click.echo("most frequent words")
    for word, count in zip(vectors.words[:10], vectors.counts[:10], strict=True):
        click.echo(f"  {count:>12,}  {word}")
