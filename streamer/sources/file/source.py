"""Files as a source: some or a pattern of many, read to the end or followed, each line once.

A checkpoint holds for each log the files that were read and the byte of the next record, so unlike
a pipe nothing is lost or trained twice, whenever the process ends.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.sources.base import LocalSource
from streamer.sources.batching import BATCH_BYTES, IDLE_SECONDS
from streamer.sources.file.descriptors import file_budget
from streamer.sources.file.logs import RotatedLog
from streamer.sources.file.mark import Mark, marks_of
from streamer.sources.file.names import (
    Generation,
    bases,
    describe,
    is_gone,
    text_of_path,
    why_hidden,
)
from streamer.sources.file.opened import is_another
from streamer.sources.file.search import by_log, check_paths, is_named, matching, missing
from streamer.sources.file.tail import Tail
from streamer.text.batch import Batch
from streamer.text.origins import Origins
from streamer.text.records import RecordSplitter

POLL_SECONDS = 0.1
"""How often followed files are looked at when nothing comes."""

_SEARCH_SECONDS = 1.0
"""How often a pattern is searched for new files."""

_BUSY_SECONDS = 2.0
"""How much longer than IDLE_SECONDS is read without a record before signals are looked at."""

_LOSSES = ("log_unreadable", "log_damaged", "log_lost", "too_few_descriptors")
"""Events that mean that lines are not read; what stays so is logged once for each file."""


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
        check_paths(patterns)
        self._patterns = patterns
        self._only = logs
        self._follow = follow
        self._make_splitter = make_splitter
        self._log = log
        self._wake = [] if wake_descriptor is None else [wake_descriptor]
        self._clock = clock
        self._budget = file_budget()
        self._reported: dict[tuple[str, str], tuple[int, int] | None] = {}
        self._logs: dict[Path, RotatedLog] = {}
        self._marks = marks_of(position)
        self._waiting: dict[Path, list[Generation]] = {}
        self._searched_at = clock()
        found = self._find()
        known = [path for path in self._marks if path in found or is_named(path, patterns)]
        others = {path: marks for path, marks in self._marks.items() if path not in known}
        self._marks = {path: self._marks[path] for path in known if self._is_ours(path)}
        adopted = self._adopt(found, others)
        # The others may be read again some day, as long as there is anything to read.
        self._others = {
            path: marks
            for path, marks in others.items()
            if path not in adopted and _is_there(path, marks)
        }
        for path in found:
            self._merge(path)
        # Those that were read before come first: a new name may be that of an old file.
        self._waiting = {path: [] for path in self._marks} | found
        self._is_done = False
        self._places = Origins()
        if not follow and found:
            for pattern, reason in missing(patterns).items():
                log.warning("pattern_unmatched", pattern=pattern, reason=reason)
        if not self._waiting:
            if not follow:
                raise ConfigurationError(f"--path {' '.join(patterns)}: there is no such file")
            log.info("waiting_for_file", path=" ".join(patterns))

    def _find(self) -> dict[Path, list[Generation]]:
        """The files that match now, oldest first, by log."""
        known = {*self._logs, *self._marks, *(self._only or ())}
        found = by_log(matching(self._patterns, self._report), self._patterns, known)
        return {path: files for path, files in found.items() if self._is_ours(path)}

    def _is_ours(self, path: Path) -> bool:
        return self._only is None or path in self._only

    def _search(self, now: float) -> bytes:
        """Look for new files, and at those that are there; records that are complete by it."""
        if now < self._searched_at + _SEARCH_SECONDS:
            return b""
        self._searched_at = now
        strangers: dict[Path, list[Generation]] = {}
        for path, files in self._find().items():
            if path in self._waiting:
                continue
            new = [file for file in files if not self._is_owned(path, file)]
            if path in self._logs:
                strangers[path] = new
            elif new:
                self._waiting[path] = new
                self._merge(path)
        records = b""
        for path, log in list(self._logs.items()):
            records += log.look(now, strangers.get(path, []))
            if log.is_gone and path not in self._waiting:
                log.close()
                del self._logs[path]
                self._marks.pop(path, None)
        return records

    def _is_owned(self, path: Path, file: Generation) -> bool:
        """Whether a log has a file, mostly the one at ``path``: there may be thousands."""
        log = self._logs.get(path)
        if log is not None and log.owns(file):
            return True
        return any(log.owns(file) for log in self._logs.values())

    def _adopt(
        self, found: dict[Path, list[Generation]], others: dict[Path, list[Mark]]
    ) -> set[Path]:
        """Let a log that was read by another path have what was read of it; return such paths."""
        adopted = set()
        for path in [path for path in found if path not in self._marks]:
            for other, marks in others.items():
                if any(_is_marked(file, mark) for file in found[path] for mark in marks):
                    now = {file.identity: text_of_path(file.path) for file in found[path]}
                    self._marks[path] = [
                        replace(mark, path=now.get(mark.identity, mark.path)) for mark in marks
                    ]
                    adopted.add(other)
        return adopted

    def _merge(self, path: Path) -> None:
        """Let a log have what was read of its rotated files while it was not there itself."""
        merged = []
        for other in [other for other in self._marks if path in bases(other)]:
            log = self._logs.pop(other, None)
            merged += self._marks.pop(other) if log is None else log.marks
            if log is not None:
                self._marks.pop(other)
                log.close()
        if merged:
            aside = [replace(mark, is_aside=True) for mark in merged]
            self._marks[path] = aside + self._marks.get(path, [])

    def _open(self, path: Path) -> None:
        """Open a log that waits, at its marks if it has some."""
        files = [file.path for file in self._waiting.pop(path)]
        log = RotatedLog(
            path,
            self._make_splitter,
            lambda file: self._is_elsewhere(path, file),
            self._report,
            lambda: self._places,
        )
        if self._marks.get(path):
            log.resume(self._marks[path], files)
        else:
            log.start(files)
        self._logs[path] = log

    def _is_hidden(self, path: Path) -> bool:
        """Whether a log that was read cannot be looked for now; its marks stay as they are."""
        reason = why_hidden(path) if self._marks.get(path) else ""
        if reason:
            self._report("log_unreadable", path=str(path), reason=reason)
        return bool(reason)

    def _is_elsewhere(self, path: Path, file: Generation | Tail) -> bool:
        """Whether a file belongs to another log than that at ``path``."""
        found = file if isinstance(file, Generation) else file.generation
        if any(other != path and log.owns(found) for other, log in self._logs.items()):
            return True
        if isinstance(file, Generation):
            return False
        # An inode alone may have been given to another file meanwhile.
        return any(
            mark.identity == file.identity and mark.read_bytes and file.holds(mark)
            for other, marks in self._marks.items()
            if other != path and other not in self._logs
            for mark in marks
        )

    def _report(self, event: str, file: tuple[int, int] | None = None, **values: Any) -> None:
        """Log what happened to a file, which has this device and inode; what stays wrong once."""
        if event in _LOSSES:
            key = (event, values["path"])
            file = file or _identity(values["path"])
            if key in self._reported and self._reported[key] == file:
                return
            self._reported[key] = file
        is_loss = event in _LOSSES or not values.get("copy_found", True)
        (self._log.error if is_loss else self._log.info)(event, **values)

    def next_batch(self) -> Batch | None:
        """What has arrived; see :class:`streamer.sources.base.Source`."""
        if self._is_done:
            return None
        records = bytearray()
        self._places = Origins()
        deadline = self._clock() + IDLE_SECONDS
        while len(records) < BATCH_BYTES:
            piece, is_at_end = self._read_round()
            records += piece
            if not is_at_end:
                if piece or self._clock() < deadline + _BUSY_SECONDS:
                    continue
                break  # a token may be as long as the file
            self._is_done = not self._follow
            if self._is_done or records or self._clock() >= deadline or self._wait():
                break
        return Batch(bytes(records), self.position, places=self._places)

    def _read_round(self) -> tuple[bytes, bool]:
        """A piece of what has come, and whether nothing more is there now."""
        return self._read_all() if self._follow else self._read_first()

    def _read_first(self) -> tuple[bytes, bool]:
        """A piece of the first log that has not ended."""
        if not self._logs:
            if not self._waiting:
                return b"", True
            path = next(iter(self._waiting))
            if self._is_hidden(path):
                del self._waiting[path]
                return b"", False
            self._open(path)
        ((path, log),) = self._logs.items()
        piece = log.read(self._clock(), follow=self._follow)
        if log.is_at_end:
            self._marks[path] = log.marks
            log.close()
            del self._logs[path]
        return piece, False

    def _read_all(self) -> tuple[bytes, bool]:
        """A piece of every log, as far as they fit a batch."""
        now = self._clock()
        pieces = bytearray(self._search(now))
        self._open_waiting()
        for path in list(self._logs):
            log = self._logs.pop(path)
            self._logs[path] = log  # at the end: every log has its turn
            pieces += log.read(now, follow=self._follow)
            if len(pieces) >= BATCH_BYTES:
                return bytes(pieces), False
        return bytes(pieces), all(log.is_at_end for log in self._logs.values())

    def _open_waiting(self) -> None:
        """Open logs that wait, as long as there are descriptors for their files."""
        room = self._budget - sum(log.open_files for log in self._logs.values())
        for path in list(self._waiting):
            if room <= 0:
                self._report(
                    "too_few_descriptors", path=str(path), waiting=len(self._waiting),
                    note="raise the limit of open files: ulimit -n, or LimitNOFILE= of systemd",
                )  # fmt: skip
                return
            if self._is_hidden(path):
                continue
            self._open(path)
            room -= self._logs[path].open_files

    def _wait(self) -> bool:
        """Wait until files are worth another look; return whether a signal came."""
        return bool(select.select(self._wake, [], [], POLL_SECONDS)[0])

    def stop(self) -> Batch | None:
        """Nothing is held back: a line that was begun is read when it is whole."""
        return None

    @property
    def position(self) -> dict[str, Any]:
        """Marks of the files that were read, those that hold the log last, by its path.

        Also of those that earlier runs read, by other paths than this one reads.
        """
        self._marks.update((path, log.marks) for path, log in self._logs.items())
        return {
            text_of_path(path): [mark.to_json() for mark in marks]
            for path, marks in (self._others | self._marks).items()
        }

    def close(self) -> None:
        """Let go of all files."""
        for log in self._logs.values():
            log.close()


def _is_there(path: Path, marks: list[Mark]) -> bool:
    return not all(map(is_gone, [path, *(mark.file for mark in marks if mark.path)]))


def _is_marked(file: Generation, mark: Mark) -> bool:
    is_same = file.identity == mark.identity and mark.read_bytes > 0
    return is_same and not is_another(file, mark)


def _identity(path: str) -> tuple[int, int] | None:
    """Device and inode of what is there now."""
    try:
        return describe(Path(path)).identity
    except OSError:
        return None
