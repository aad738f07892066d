"""The files of one log: listed by name, opened, and found again by what was read of them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from streamer.sources.file.mark import Mark
from streamer.sources.file.names import (
    Generation,
    describe,
    generations,
    relatives,
    says_gone,
    with_identity,
)
from streamer.sources.file.tail import Tail
from streamer.text.origins import Origins
from streamer.text.records import RecordSplitter

OPEN_TRIES = 20
"""Files may be renamed between being listed and being opened."""


class LogFiles:
    """Files that may hold the log at ``path``, but for those that another log has.

    ``is_aside`` tells whether a file is known to be beside the log's chain, ``is_elsewhere``
    whether it belongs to another log already; ``report`` is given an event and its values;
    ``places`` gives what is told where records come from.
    """

    def __init__(
        self,
        path: Path,
        make_splitter: Callable[[], RecordSplitter],
        is_aside: Callable[[Generation], bool],
        is_elsewhere: Callable[[Generation | Tail], bool],
        report: Callable[..., None],
        places: Callable[[], Origins],
    ) -> None:
        self.path = path
        self._make_splitter = make_splitter
        self._is_aside = is_aside
        self._is_elsewhere = is_elsewhere
        self._report = report
        self._places = places

    @property
    def exists(self) -> bool:
        """Whether there is a file of the log's name, or it cannot be seen that there is none."""
        try:
            return stat.S_ISREG(self.path.stat().st_mode)
        except OSError as error:
            return not says_gone(error)

    @property
    def current(self) -> Generation | None:
        """The file that has the log's name now."""
        try:
            return describe(self.path)
        except OSError as error:
            if not says_gone(error):
                self._report("log_unreadable", path=str(self.path), reason=error.strerror)
            return None

    def all(self) -> list[Generation]:
        """The files that may hold the log, oldest first, but for what is known to be aside."""
        try:
            files = generations(self.path)
        except OSError as error:
            self._report("log_unreadable", path=str(self.path.parent), reason=error.strerror)
            files = [current] if (current := self.current) is not None else []
        return [f for f in files if not self._is_aside(f) and not self._is_elsewhere(f)]

    def open(self, path: Path) -> Tail | None:
        """A file from its beginning; None if it is gone, cannot be read or is another log's."""
        try:
            tail = Tail(path, self._make_splitter(), self._places)
        except FileNotFoundError:
            return None
        except OSError as error:
            event = "log_unreadable"
            if error.errno in (errno.EMFILE, errno.ENFILE):
                event = "too_few_descriptors"
            self._report(event, path=str(path), reason=error.strerror)
            return None
        if self._is_elsewhere(tail):
            tail.close()
            return None
        return tail

    def find(self, mark: Mark) -> Tail | None:
        """The file that holds what was read, by preference under its own identity, opened."""
        current = self.current  # mostly; folders need not be listed then, nor can all be
        is_current = current is not None and current.identity == mark.identity
        if current is not None and is_current and not self._is_aside(current):
            tail = self._open_if_holding(self.path, mark)
            if tail is not None:
                return tail
        for _ in range(OPEN_TRIES):
            places = self._places_of(mark)
            for file in places:
                tail = self._open_if_holding(file.path, mark)
                if tail is not None:
                    return tail
            if [(file.path, file.identity) for file in self._places_of(mark)] == [
                (file.path, file.identity) for file in places
            ]:
                break  # else it may have been renamed before it was opened
        return None

    def _open_if_holding(self, path: Path, mark: Mark) -> Tail | None:
        tail = self.open(path)
        if tail is None or tail.holds(mark):
            return tail
        tail.close()
        return None

    def _places_of(self, mark: Mark) -> list[Generation]:
        """The files that may hold what was read, the likeliest first."""
        files = self.all()
        if any(file.identity == mark.identity for file in files):
            return sorted(files, key=lambda file: file.identity != mark.identity)
        folders = {self.path.parent, Path(os.path.realpath(self.path)).parent}
        if mark.path:
            folders.add(mark.file.parent)
        found = [with_identity(folder, mark.identity) for folder in sorted(folders)]
        listed = {file.identity for file in files}
        others = [file for file in relatives(self.path) if file.identity not in listed]
        return [
            *(file for file in found if file is not None),
            *files,
            *(file for file in others if not self._is_elsewhere(file)),
        ]
