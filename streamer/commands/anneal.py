"""``w2v-stream anneal``: train on the text that a snapshot keeps while the rate decays to zero."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streamer.commands.arguments import snapshot_argument
from w2v_online.config import ANNEAL_PASSES
from w2v_online.errors import SnapshotError
from w2v_online.snapshots.remote import local_path
from w2v_online.snapshots.retention import Retention


@click.command()
@snapshot_argument
@click.option(
    "--passes",
    type=click.IntRange(min=1, max=64),
    default=ANNEAL_PASSES,
    show_default=True,
    help="Passes over the kept text.",
)
@click.option(
    "--snapshot-dir",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the annealed vectors; not the daemon's.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=Retention.vectors,
    show_default=True,
    help="Newest snapshots to keep there.",
)
def anneal(snapshot: Path, passes: int, snapshot_dir: Path, keep: int) -> None:
    """Improve vectors: train on a snapshot's kept text while the learning rate decays to zero.

    SNAPSHOT is a snapshot of a model trained with --replay, or a folder of snapshots. It is not
    changed; the new vectors are written to --snapshot-dir.
    """
    # Imported here: other commands need neither Numba nor the learner.
    from rich.console import Console
    from rich.progress import Progress as Bar

    from streamer.checkpoints.folder import SnapshotFolder
    from w2v_online.learning.learner import OnlineWord2Vec
    from w2v_online.learning.warmup import warm_up
    from w2v_online.snapshots import reader

    saved = reader.read_whole(local_path(snapshot, whole=True))
    if not saved.manifest.get("config", {}).get("replay"):
        raise SnapshotError(
            f"{saved.path} keeps no text to train on: it was written without --replay"
        )
    folder = SnapshotFolder(str(snapshot_dir))
    if any(reader.is_whole(path.name) for path in reader.folders(folder.path)):
        raise click.UsageError(
            f"--snapshot-dir {snapshot_dir} holds snapshots to resume from; annealed vectors need "
            f"a folder of their own, such as {snapshot_dir}/annealed"
        )
    learner = OnlineWord2Vec.restore(saved.path)
    warm_up(learner.config)
    with Bar(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("annealing", total=1.0)

        def goes_on(done: float) -> bool:
            bar.update(task, completed=done)
            return True

        learner.anneal(passes, goes_on)
    text = {"text": saved.manifest["text"]} if "text" in saved.manifest else {}
    path = learner.snapshot(
        folder.path, vectors_only=True, with_output=True, annealed={"passes": passes}, **text
    )
    folder.store(path)
    folder.prune(Retention(vectors=keep))
    click.echo(path)
