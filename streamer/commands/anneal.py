"""``w2v-stream settle``: learn the text that a snapshot keeps again, at falling rates."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streamer.commands.arguments import snapshot_argument
from w2v_online.config import SETTLE_LOOKS
from w2v_online.errors import SnapshotError
from w2v_online.snapshots.remote import local_path
from w2v_online.snapshots.retention import Retention


@click.command()
@snapshot_argument
@click.option(
    "--looks",
    type=click.IntRange(min=1, max=64),
    default=SETTLE_LOOKS,
    show_default=True,
    help="How often all of the text is learned again.",
)
@click.option(
    "--snapshot-dir",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder that the settled vectors are written to, another than the daemon's.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=Retention.vectors,
    show_default=True,
    help="Snapshots kept there; older ones go.",
)
def settle(snapshot: Path, looks: int, snapshot_dir: Path, keep: int) -> None:
    """Learn the text that a snapshot keeps again, at rates that fall to zero, for better vectors.

    SNAPSHOT is one that was learned with --replay, or a folder of them. It stays as it is; the
    vectors are written as a snapshot for readers.
    """
    # Imported here: other commands need neither Numba nor the learner.
    from rich.console import Console
    from rich.progress import Progress as Bar

    from streamer.checkpoints.folder import SnapshotFolder
    from w2v_online.learning.learner import OnlineWord2Vec, warm_up
    from w2v_online.snapshots.reader import read_whole

    saved = read_whole(local_path(snapshot, whole=True))
    if not saved.manifest.get("config", {}).get("replay"):
        raise SnapshotError(
            f"{saved.path} keeps no text to settle on: it was learned without --replay"
        )
    folder = SnapshotFolder(str(snapshot_dir))
    learner = OnlineWord2Vec.restore(saved.path)
    warm_up(learner.config)
    with Bar(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("settling", total=1.0)

        def goes_on(done: float) -> bool:
            bar.update(task, completed=done)
            return True

        learner.settle(looks, goes_on)
    text = {"text": saved.manifest["text"]} if "text" in saved.manifest else {}
    path = learner.snapshot(folder.path, vectors_only=True, settled={"looks": looks}, **text)
    folder.store(path)
    folder.prune(Retention(vectors=keep))
    click.echo(path)
