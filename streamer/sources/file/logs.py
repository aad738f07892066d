"""One log with its rotated files, followed like ``tail -F`` but without gaps.

Lines are read from every file that held the log since the last one read, in the order in which
they were written: files renamed while nobody looked, and the copy that was made before a log was
truncated. A rotated file is read for a moment longer, as its writer may still have it open.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamer.sources.file.rotation import Generation, describe, generations
from streamer.sources.file.tail import ChangedError, DamagedError, Mark, Tail
from streamer.text.records import RecordSplitter

GRACE_SECONDS = 2.0
"""How long a rotated file is watched after its end was reached."""

_OPEN_TRIES = 20
"""Files may be renamed between being listed and being opened."""


class RotatedLog:
    """The files of one log that are being read: rotated ones first, the newest last.

    ``belongs`` limits which files are the log's; ``report`` is given an event and its values.
    """

    def __init__(
        self,
        path: Path,
        make_splitter: Callable[[], RecordSplitter],
        belongs: Callable[[Path], bool],
        report: Callable[..., None],
    ) -> None:
        self.path = path
        self._make_splitter = make_splitter
        self._belongs = belongs
        self._report = report
        self._tails: list[Tail] = []
        self._ended: dict[Tail, float] = {}

    @property
    def marks(self) -> list[Mark]:
        """The next record to read in each file that is being read, oldest file first."""
        return [tail.mark for tail in self._tails]

    @property
    def is_at_end(self) -> bool:
        """Whether the last :meth:`read` found nothing more in any file."""
        return all(tail.is_at_end for tail in self._tails)

    def start(self, paths: list[Path]) -> None:
        """Read these files from their beginnings, oldest first."""
        self._tails += [tail for path in paths if (tail := self._open(path)) is not None]

    def resume(self, marks: list[Mark]) -> None:
        """Read on at marks, and all that was written to the log after them."""
        files = self._files()
        reached = -1
        for mark in marks:
            if not mark.read_bytes:
                continue  # by nothing a file cannot be known; the one before leads to it
            index, tail = self._find(mark, files)
            if tail is None:
                self._report("log_lost", path=str(self.path), after_byte=mark.offset)
                continue
            tail.go_to(mark)
            self._tails.append(tail)
            reached = max(reached, index)
        newer = files[reached + 1 :] if reached >= 0 else _changed_since(marks[-1], files)
        self.start([file.path for file in newer])

    def read(self, now: float, *, follow: bool) -> bytes:
        """Complete records that have come since, some of them.

        ``now`` is the time in seconds on any clock that does not go back.
        """
        if not self._tails and follow and self._exists():
            self.start([self.path])
        if follow and self._tails and self._tails[-1].is_empty and self._is_newest_current():
            self._open_newer()
        records = b""
        for tail in list(self._tails):
            records += self._read(tail)
            if not tail.is_at_end:
                self._ended.pop(tail, None)
                break  # older lines first
            if not follow:
                records += tail.splitter.flush()
            elif self._tails.index(tail) < self._anchor:
                records += self._finish(tail, now)
        if follow and self._tails and self._tails[-1].is_at_end:
            self._open_newer()
        return records

    def close(self) -> None:
        """Let go of all files."""
        for tail in self._tails:
            tail.close()
        self._tails = []

    @property
    def _anchor(self) -> int:
        """Index of the newest file that was read from, whatever comes after it is new; or -1."""
        read = [index for index, tail in enumerate(self._tails) if not tail.is_empty]
        return read[-1] if read else -1

    def _exists(self) -> bool:
        return self._belongs(self.path) and self.path.is_file()

    def _files(self) -> list[Generation]:
        try:
            return [file for file in generations(self.path) if self._belongs(file.path)]
        except OSError as error:
            self._report("log_unreadable", path=str(self.path.parent), reason=error.strerror)
            return []

    def _open(self, path: Path) -> Tail | None:
        try:
            return Tail(path, self._make_splitter())
        except FileNotFoundError:
            return None
        except OSError as error:
            self._report("log_unreadable", path=str(path), reason=error.strerror)
            return None

    def _find(self, mark: Mark, files: list[Generation]) -> tuple[int, Tail | None]:
        """The file that holds what was read, by preference under its own identity."""
        same = (mark.device, mark.inode)
        for index, file in sorted(enumerate(files), key=lambda item: item[1].identity != same):
            tail = self._open(file.path)
            if tail is not None:
                if tail.holds(mark):
                    return index, tail
                tail.close()
        return -1, None

    def _read(self, tail: Tail) -> bytes:
        try:
            return tail.read()
        except ChangedError:
            return self._read_copy(tail)
        except DamagedError as error:
            self._report("log_damaged", path=str(tail.path), reason=str(error))
        except OSError as error:
            self._report("log_unreadable", path=str(tail.path), reason=error.strerror)
        tail.is_at_end = True
        return b""

    def _read_copy(self, tail: Tail) -> bytes:
        """Go on in the copy of a file that was truncated, then from the file's new beginning."""
        files = [file for file in self._files() if file.identity != tail.identity]
        _, copy = self._find(tail.mark, files)
        place = self._tails.index(tail)
        self._ended.pop(tail, None)
        tail.is_at_end = False
        tail.close()
        if copy is None:
            self._report("log_truncated", path=str(tail.path), copy_found=False)
            del self._tails[place]
            self.start([self.path] if place == len(self._tails) and self._exists() else [])
            return tail.splitter.flush()
        self._report("log_truncated", path=str(tail.path), copy_found=True)
        copy.go_on_from(tail)
        self._tails[place] = copy
        return b""

    def _open_newer(self) -> None:
        """Open what was written to the log after the newest file that was read from."""
        newest = self._tails[-1]
        for _ in range(_OPEN_TRIES):
            is_current = self._is_newest_current()
            # A copy may have been made of an empty file that was written and truncated meanwhile.
            if is_current is None or (
                is_current and not (newest.is_empty and newest.was_touched())
            ):
                return
            place = self._anchor + 1
            known = {tail.identity: tail for tail in self._tails[place:]}
            files = self._newer_than(self._tails[max(0, self._anchor)])
            tails = [known.get(file.identity) or self._open(file.path) for file in files]
            opened = [tail for tail in tails if tail is not None]
            if [tail.identity for tail in opened] == [file.identity for file in files]:
                gone = [tail for tail in known.values() if tail not in opened]
                self._tails[place:] = gone + opened
                return
            for tail in opened:
                if tail.identity not in known:
                    tail.close()

    def _is_newest_current(self) -> bool | None:
        """Whether the newest file has the log's name; None between a rename and the new file."""
        try:
            return describe(self.path).identity == self._tails[-1].identity
        except OSError:
            return None

    def _newer_than(self, anchor: Tail) -> list[Generation]:
        files = self._files()
        if anchor.is_empty:
            return _changed_since(anchor.mark, files)
        identities = [file.identity for file in files]
        if anchor.identity in identities:
            return files[identities.index(anchor.identity) + 1 :]
        index, copy = self._find(anchor.mark, files)
        if copy is not None:
            copy.close()
            return files[index + 1 :]
        return _changed_since(anchor.mark, files)

    def _finish(self, tail: Tail, now: float) -> bytes:
        """Let go of a rotated file that ended a while ago; the line it ends in is complete."""
        if now < self._ended.setdefault(tail, now) + GRACE_SECONDS:
            return b""
        tail.close()
        self._tails.remove(tail)
        del self._ended[tail]
        return tail.splitter.flush()


def _changed_since(mark: Mark, files: list[Generation]) -> list[Generation]:
    """The marked file and those written to after it, when it is not known by its content."""
    return [
        file
        for file in files
        if file.modified_ns >= mark.modified_ns or file.identity == (mark.device, mark.inode)
    ]
