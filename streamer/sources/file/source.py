"""Files as a source: one or a pattern of many, read to the end or followed, each line once.

A checkpoint holds for each log the files that are being read and the byte of the next record, so
unlike a pipe nothing is lost or trained twice, whenever the process ends.
"""

from __future__ import annotations

import fnmatch
import glob
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.sources.base import LocalSource
from streamer.sources.file.logs import RotatedLog
from streamer.sources.file.rotation import Generation, base_path, describe, in_order
from streamer.sources.file.tail import Mark
from streamer.sources.stdin.source import BATCH_BYTES, IDLE_SECONDS
from streamer.text.batch import Batch
from streamer.text.records import RecordSplitter

POLL_SECONDS = 0.1
"""How often followed files are looked at when nothing comes."""

_SEARCH_SECONDS = 1.0
"""How often a pattern is searched for new files."""


class FileSource(LocalSource):
    """Records of the files that ``patterns`` name, at the position of a checkpoint.

    Without ``follow`` the files are read one after the other, in the order of their names, rotated
    files of one log from the oldest to the newest. With it new lines, new files and rotated ones
    are waited for. With ``logs`` only those are read that it names, of those that match. Raises
    ConfigurationError if there is nothing to read and none can come.
    """

    name = "file"

    def __init__(
        self,
        patterns: Sequence[str],
        *,
        follow: bool,
        make_splitter: Callable[[], RecordSplitter],
        position: dict[str, Any],
        log: Any,
        wake_descriptor: int | None = None,
        logs: frozenset[Path] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patterns = patterns
        self._only = logs
        self._follow = follow
        self._make_splitter = make_splitter
        self._log = log
        self._wake = [] if wake_descriptor is None else [wake_descriptor]
        self._clock = clock
        self._reported: set[tuple[str, str]] = set()
        self._marks = _marks(position)
        self._logs: dict[Path, RotatedLog] = {}
        self._waiting = self._find()
        for path in list(self._marks):
            if path not in self._waiting:
                if is_named(path, patterns) and self._is_ours(path):
                    self._waiting[path] = []  # rotated away, perhaps
                else:
                    del self._marks[path]
        self._known = set(self._waiting)
        self._searched_at = clock()
        self._is_done = False
        if not self._waiting:
            if not follow:
                raise ConfigurationError(f"--path {' '.join(patterns)}: there is no such file")
            log.info("waiting_for_file", path=" ".join(patterns))

    def _find(self) -> dict[Path, list[Path]]:
        """The files that match now, oldest first, by log."""
        found = find_logs(self._patterns)
        return {path: files for path, files in found.items() if self._is_ours(path)}

    def _is_ours(self, path: Path) -> bool:
        return self._only is None or path in self._only

    def _search(self, now: float) -> None:
        if now < self._searched_at + _SEARCH_SECONDS:
            return
        self._searched_at = now
        new = {path: files for path, files in self._find().items() if path not in self._known}
        self._waiting |= new
        self._known |= set(new)

    def _open(self, path: Path) -> RotatedLog:
        """Open a log that waits, at its marks if it has some."""
        paths = self._waiting.pop(path)
        # A pattern that does not cover the log itself covers some of its rotated files.
        is_whole = path in paths or not paths
        belongs = _anything if is_whole else set(paths).__contains__
        log = RotatedLog(path, self._make_splitter, belongs, self._report)
        if self._marks.get(path):
            log.resume(self._marks[path])
        else:
            log.start(paths)
        self._logs[path] = log
        return log

    def _report(self, event: str, **values: Any) -> None:
        """Log what happened to a file; what stays wrong only once."""
        if event in ("log_unreadable", "log_damaged"):
            key = (event, values["path"])
            if key in self._reported:
                return
            self._reported.add(key)
        lost = event != "log_truncated" or not values["copy_found"]
        (self._log.error if lost else self._log.info)(event, **values)

    def next_batch(self) -> Batch | None:
        """What has arrived; see :class:`streamer.sources.base.Source`."""
        if self._is_done:
            return None
        records = bytearray()
        deadline = self._clock() + IDLE_SECONDS
        while len(records) < BATCH_BYTES:
            piece, is_at_end = self._read_round()
            records += piece
            if not is_at_end:
                continue
            self._is_done = not self._follow
            if self._is_done or records or self._clock() >= deadline or self._wait():
                break
        return Batch(bytes(records), self.position)

    def _read_round(self) -> tuple[bytes, bool]:
        """A piece of what has come, and whether nothing more is there now."""
        return self._read_all() if self._follow else self._read_first()

    def _read_first(self) -> tuple[bytes, bool]:
        """A piece of the first log that has not ended."""
        if not self._logs:
            if not self._waiting:
                return b"", True
            self._open(min(self._waiting))
        ((path, log),) = self._logs.items()
        piece = log.read(self._clock(), follow=False)
        if log.is_at_end:
            self._marks[path] = log.marks
            log.close()
            del self._logs[path]
        return piece, False

    def _read_all(self) -> tuple[bytes, bool]:
        """A piece of every log, as far as they fit a batch."""
        now = self._clock()
        self._search(now)
        for path in sorted(self._waiting):
            self._open(path)
        pieces = bytearray()
        for path in list(self._logs):
            log = self._logs.pop(path)
            self._logs[path] = log  # at the end: every log has its turn
            pieces += log.read(now, follow=True)
            if len(pieces) >= BATCH_BYTES:
                return bytes(pieces), False
        return bytes(pieces), all(log.is_at_end for log in self._logs.values())

    def _wait(self) -> bool:
        """Wait until files are worth another look; return whether a signal came."""
        return bool(select.select(self._wake, [], [], POLL_SECONDS)[0])

    def stop(self) -> Batch | None:
        """Nothing is held back: a line that was begun is read when it is whole."""
        return None

    @property
    def position(self) -> dict[str, Any]:
        """Marks of the files being read, oldest first, by the path of their log."""
        self._marks.update((path, log.marks) for path, log in self._logs.items())
        return {
            str(path): [mark.to_json() for mark in marks] for path, marks in self._marks.items()
        }

    def close(self) -> None:
        """Let go of all files."""
        for log in self._logs.values():
            log.close()


def find_logs(patterns: Sequence[str]) -> dict[Path, list[Path]]:
    """The files that patterns or plain paths match now, oldest first, by log."""
    named: set[Path] = set()
    found: dict[Path, dict[Path, Generation]] = {}
    for pattern in patterns:
        absolute = Path(pattern).absolute()
        if not glob.has_magic(pattern):
            named |= {absolute} if absolute.exists() else set()
            continue
        # Path.glob wants a folder and a relative pattern; this one is absolute.
        for name in glob.glob(str(absolute), recursive=True):  # noqa: PTH207
            path = Path(name)
            try:
                file = describe(path)
            except OSError:
                continue  # renamed just now
            if path.is_file():
                found.setdefault(base_path(path), {})[path] = file
    matched = {path for files in found.values() for path in files}
    logs = {path: [path] for path in named - matched}
    for path, files in found.items():
        ordered = in_order(path, sorted(files.values(), key=lambda file: file.path.name))
        logs[path] = [file.path for file in ordered] + logs.get(path, [])
    return logs


def is_named(path: Path, patterns: Sequence[str]) -> bool:
    """Whether a plain path is that of a log, or a pattern would match it."""
    return any(fnmatch.fnmatch(str(path), str(Path(pattern).absolute())) for pattern in patterns)


def _anything(_path: Path) -> bool:
    return True


def _marks(position: dict[str, Any]) -> dict[Path, list[Mark]]:
    try:
        return {
            Path(path): [Mark.from_json(mark) for mark in marks] for path, marks in position.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the snapshot's position in files cannot be used: {error}"
        ) from error
