"""Which snapshots stay, and the end of the others; only a folder's one writer may call this.

The newest complete snapshots, one to go on from and one of vectors only, are never deleted,
whatever is asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from w2v_online.errors import SnapshotError
from w2v_online.snapshots import reader
from w2v_online.snapshots.writer import TEMPORARY, point_latest_at

DELETING = ".deleting-"
"""Names that begin so are half deleted."""

_HOUR_DIGITS = len("20260131T23")
_DAY_DIGITS = len("20260131")


@dataclass(frozen=True)
class Retention:
    """The newest ``keep`` snapshots stay, and the last one of each of so many hours and days.

    Hours and days (UTC) without a snapshot do not count, and none of these do that hold vectors
    only: of them the newest ``vectors`` stay.
    """

    keep: int = 5
    hourly: int = 0
    daily: int = 0
    vectors: int = 5

    def kept(self, newest_first: list[Path]) -> set[Path]:
        """Those that stay, of complete snapshots."""
        whole = [path for path in newest_first if reader.is_whole(path.name)]
        vectors = [path for path in newest_first if not reader.is_whole(path.name)]
        by_hour = _last_of_each(whole, _HOUR_DIGITS)
        by_day = _last_of_each(whole, _DAY_DIGITS)
        newest = [*whole[: max(1, self.keep)], *vectors[: max(1, self.vectors)]]
        return {*newest, *by_hour[: self.hourly], *by_day[: self.daily]}


def _last_of_each(newest_first: Iterable[Path], digits: int) -> list[Path]:
    """The newest snapshot of each span of time that has one; names hold the time."""
    last: dict[str, Path] = {}
    for path in newest_first:
        last.setdefault(path.name.partition("-")[2][:digits], path)
    return list(last.values())


def prune(folder: Path, retention: Retention, in_use: Collection[str] = ()) -> list[Path]:
    """Delete snapshots that need not stay, nor are ``in_use`` by name; return what was deleted.

    Incomplete ones older than the newest complete one go too; those that cannot be read at the
    moment stay. Raises SnapshotError if the folder cannot be listed.
    """
    complete: list[Path] = []
    incomplete: list[Path] = []
    for path in reader.folders(folder):
        try:
            reader.read(path)
        except SnapshotError as error:
            if complete and not _is_out_of_reach(error):
                incomplete.append(path)
        else:
            complete.append(path)
    kept = retention.kept(complete)
    deleted = [
        path for path in complete + incomplete if path not in kept and path.name not in in_use
    ]
    for path in deleted:
        _delete(path)
    return deleted


def _is_out_of_reach(error: SnapshotError) -> bool:
    """Whether a snapshot may be complete, but a permission or a server is missing to read it."""
    missing = (FileNotFoundError, NotADirectoryError)
    return isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, missing)


def _delete(path: Path) -> None:
    """Let a snapshot disappear at once, then free its space."""
    hidden = path.with_name(f"{DELETING}{path.name}")
    try:
        path.rename(hidden)
    except OSError:
        return  # a folder that cannot be written keeps what it has
    shutil.rmtree(hidden, ignore_errors=True)


def clean(folder: Path) -> None:
    """Delete what an interrupted write or deletion left, and let LATEST name the newest again."""
    for prefix in (TEMPORARY, DELETING):
        for path in folder.glob(f"{prefix}*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    pass  # in the way of nobody
    for path in reader.folders(folder):
        try:
            reader.read(path)
        except SnapshotError:
            continue
        if reader.named_by_latest(folder) != path.name:
            point_latest_at(path)
        return
