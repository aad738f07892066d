"""One log with its rotated files, followed like ``tail -F`` but without gaps.

Lines are read from every file that held the log since the last one read, in the order in which
they were written: files renamed while nobody looked, and the copy that was made before a log was
truncated. A rotated file is read for a moment longer, as its writer may still have it open, and
read on if it grows later.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamer.sources.file.aside import GRACE_SECONDS, Aside
from streamer.sources.file.files import OPEN_TRIES, LogFiles
from streamer.sources.file.mark import Mark
from streamer.sources.file.names import Generation, with_identity
from streamer.sources.file.tail import ChangedError, Tail
from streamer.text.compression import RefusedError
from streamer.text.origins import Origins
from streamer.text.records import RecordSplitter

GONE_SECONDS = 10.0
"""How long a deleted file is kept open: its writer may still have it."""

_SETTLE_SECONDS = 0.5
"""How long a file that was cut may take to hold again what it held: editors write it anew."""

_LATE_SECONDS = 60.0
"""How long the rest of a compressed file may take to come before it is missed."""


class RotatedLog:
    """The files of one log that are being read: rotated ones first, the newest last.

    ``is_elsewhere`` tells whether a file belongs to another log already; ``report`` is given an
    event and its values, and the ``file`` that it is of by device and inode; ``places`` gives what
    is told where records come from.
    """

    def __init__(
        self,
        path: Path,
        make_splitter: Callable[[], RecordSplitter],
        is_elsewhere: Callable[[Generation | Tail], bool],
        report: Callable[..., None],
        places: Callable[[], Origins],
    ) -> None:
        self.path = path
        self._make_splitter = make_splitter
        self._report = report
        self._tails: list[Tail] = []
        self._changed_at: dict[Tail, float] = {}
        self._missing_at: float | None = None
        self._files = LogFiles(
            path, make_splitter, lambda file: self._aside.knows(file), is_elsewhere, report, places
        )
        self._aside = Aside(self._files.open)

    @property
    def marks(self) -> list[Mark]:
        """The next record to read in each file, those that hold the log last, oldest first."""
        return self._aside.marks + [tail.mark for tail in self._tails]

    def owns(self, file: Generation) -> bool:
        """Whether a file is known as one of this log."""
        identity = file.identity
        return any(tail.identity == identity for tail in self._tails) or self._aside.knows(file)

    @property
    def open_files(self) -> int:
        """How many files are open."""
        return len(self._tails) + len(self._aside.tails)

    @property
    def is_at_end(self) -> bool:
        """Whether the last :meth:`read` found nothing more in any file."""
        return all(tail.is_at_end for tail in [*self._tails, *self._aside.tails])

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of this log."""
        return not (self._tails or self._files.exists) and self._aside.is_empty

    def start(self, paths: list[Path]) -> None:
        """Read these files from their beginnings, oldest first."""
        self._tails += [tail for path in paths if (tail := self._files.open(path)) is not None]

    def resume(self, marks: list[Mark], wanted: list[Path]) -> None:
        """Read on at marks, and all that was written to the log after them.

        Of ``wanted`` files those too that come before them and were never read.
        """
        for mark in marks:
            if mark.is_aside:
                self._aside.restore(mark)
        self._aside.look(0.0, self._files.all, [], [])
        chain = [mark for mark in marks if not mark.is_aside]
        self._resume(chain)
        remembers = any(mark.path for mark in marks)
        is_current = bool(self._tails) and self._tails[-1].path == self.path
        if is_current and remembers and not {*wanted} - {self.path}:
            return  # nothing can come after it, and nothing before it is wanted
        files = self._files.all()
        found = {tail.identity for tail in self._tails}
        reached = max((n for n, file in enumerate(files) if file.identity in found), default=-1)
        if reached < 0:
            newer = _changed_since(chain[-1], files) if chain else files
            self.start([file.path for file in newer if chain or file.path in wanted])
            return
        for file in files[:reached]:
            if self.owns(file):
                continue
            if not remembers and (tail := self._files.open(file.path)) is not None:
                # A position of a version that did not remember what was read to its end.
                tail.go_to_end()
                self._aside.put(tail)
            elif remembers and file.path in wanted:
                self._aside.meet(file, self._tails)
        self.start([file.path for file in files[reached + 1 :]])

    def _resume(self, chain: list[Mark]) -> None:
        """Open what is marked, or say that it is gone."""
        for mark in chain:
            if not mark.read_bytes:
                continue  # by nothing a file cannot be known; the one before leads to it
            tail = self._files.find(mark)
            if tail is not None:
                tail.go_to(mark)
                self._tails.append(tail)
                continue
            files = self._files.all()
            is_there = any(file.identity == mark.identity for file in files)
            # What came between it and the rotated files that are left was deleted with it, maybe.
            newer = _changed_since(mark, [file for file in files if file.path != self.path])
            if is_there or newer or mark.bytes < 0:
                self._report("log_lost", path=str(self.path), after_byte=mark.offset)
            else:
                self._report("log_gone", path=str(self.path))

    def read(self, now: float, *, follow: bool) -> bytes:
        """Complete records that have come since, some of them.

        ``now`` is the time in seconds on any clock that does not go back.
        """
        if not self._tails and follow and self._files.exists:
            self.start([self.path])
        if self._tails and self._tails[-1].is_empty and self._is_newest_current():
            self._look_for_newer(follow=follow)
        records = b""
        for tail in list(self._tails):
            if follow and self._is_copy(tail):
                self._pass(tail)
                continue
            records += self._read(tail, now, follow=follow)
            if not tail.is_at_end:
                break  # older lines first
            self._lend(tail)
            if not follow:
                records += self._end(tail)
            elif self._tails.index(tail) < self._anchor and self._aside.ended(tail, now):
                self._tails.remove(tail)
                records += self._put_aside(tail)
        if self._tails and self._tails[-1].is_at_end:
            self._look_for_newer(follow=follow)
        return records + self._read_aside(now, follow=follow)

    def _is_copy(self, tail: Tail) -> bool:
        """Whether nothing was read of a file, and it is, or may be, a copy of a later one.

        It is made before that is truncated, and replaces it, or it was compressed.
        """
        if not tail.is_empty:
            return False
        later = self._tails[self._tails.index(tail) + 1 :]
        return any(tail.is_copy_of(other) or not other.is_unchanged() for other in later)

    def _pass(self, copy: Tail) -> None:
        copy.is_at_end = True
        if copy.is_deleted:
            self._tails.remove(copy)
            copy.close()

    def _lend(self, tail: Tail) -> None:
        """Let a record that a rotation came into go on in the next file."""
        place = self._tails.index(tail) + 1
        if tail.splitter.goes_on and place < len(self._tails):
            following = self._tails[place]
            if following.is_empty and following.state[0] > 0:
                tail.lend(following, self._make_splitter())

    def _read_aside(self, now: float, *, follow: bool) -> bytes:
        records = b""
        for tail in list(self._aside.tails):
            records += self._read(tail, now, follow=follow)
            if not follow and tail.is_at_end:
                records += self._end(tail)
            elif self._aside.ended(tail, now):
                self._aside.tails.remove(tail)
                records += self._put_aside(tail)
        return records

    def look(self, now: float, strangers: list[Generation]) -> bytes:
        """What is worth a look now and then; records that are complete by it.

        ``strangers`` are files that are named like those of this log and are nobody's.
        """
        current = self._files.current
        if current is not None and self._aside.knows(current):
            self._tails += [tail] if (tail := self._aside.take(current)) is not None else []
        is_current = self._is_newest_current() and self.is_at_end
        is_settled = is_current or (self._missing_at or now) + GRACE_SECONDS < now
        self._aside.look(now, self._files.all, strangers if is_settled else [], self._tails)
        for tail in self._tails:
            if tail.is_at_end and (late := tail.missing_since(_LATE_SECONDS)):
                self._tell("log_damaged", tail, late)
        return self._let_go(now)

    def _let_go(self, now: float) -> bytes:
        """Close what was deleted a while ago."""
        if not self.is_at_end or self._files.exists:
            self._missing_at = None
            return b""
        self._missing_at = self._missing_at or now
        if now < self._missing_at + GONE_SECONDS:
            return b""
        records = b""
        for tail in list(self._tails):
            if tail.is_deleted or with_identity(tail.path.parent, tail.identity) is None:
                self._tails.remove(tail)
                records += self._put_aside(tail)
        return records

    def close(self) -> None:
        """Let go of all files."""
        for tail in self._tails:
            tail.close()
        self._tails = []
        self._aside.close()

    @property
    def _anchor(self) -> int:
        """Index of the newest file that was read from, whatever comes after it is new; or -1."""
        read = [index for index, tail in enumerate(self._tails) if not tail.is_empty]
        return read[-1] if read else -1

    def _read(self, tail: Tail, now: float, *, follow: bool) -> bytes:
        try:
            records = tail.read()
        except ChangedError:
            if now >= self._changed_at.setdefault(tail, now) + _SETTLE_SECONDS or not follow:
                del self._changed_at[tail]
                return self._read_changed(tail)
        except RefusedError as error:
            self._tell("log_unreadable", tail, str(error))
        except OSError as error:
            self._tell("log_unreadable", tail, error.strerror)
            self._open_again(tail)
        else:
            self._changed_at.pop(tail, None)
            if tail.problem:
                self._tell("log_damaged", tail, tail.problem)
            return records
        tail.is_at_end = True
        return b""

    def _tell(self, event: str, tail: Tail, reason: str | None) -> None:
        """Report what is wrong with a file; one that gets its name later is another."""
        self._report(event, file=tail.identity, path=str(tail.path), reason=reason)

    def _end(self, tail: Tail) -> bytes:
        """The last record of a file that nothing more comes of."""
        try:
            records, problem = tail.end()
        except RefusedError as error:
            self._tell("log_unreadable", tail, str(error))
            return tail.release()
        except OSError as error:
            self._tell("log_unreadable", tail, error.strerror)
            return b""
        if problem:
            self._tell("log_damaged", tail, problem)
        return records

    def _put_aside(self, tail: Tail) -> bytes:
        """Let go of a file that ended a while ago; the line it ends in is complete."""
        records = tail.settle()
        if not tail.is_deleted:
            records += self._end(tail)
            self._aside.put(tail)
            return records
        # It may have been compressed, or copied before it was deleted.
        copy = self._files.find(tail.mark)
        records += b"" if copy is not None else self._end(tail)
        if copy is not None:
            copy.go_on_from(tail)
            self._aside.add(copy)
        tail.close()
        return records

    def _open_again(self, tail: Tail) -> None:
        """A descriptor can become useless (ESTALE) while the file is there."""
        again = self._files.open(tail.path)
        if again is None:
            return
        if again.holds(tail.mark):
            tail.take_over(again)
        else:
            again.close()

    def _read_changed(self, tail: Tail) -> bytes:
        """Go on in the copy of a file that was truncated, then from the file's new beginning."""
        copy = self._files.find(tail.mark)
        self._report("log_truncated", path=str(tail.path), copy_found=copy is not None)
        tail.is_at_end = False
        tail.close()
        tails = self._tails if tail in self._tails else self._aside.tails
        place = tails.index(tail)
        if copy is not None:
            copy.go_on_from(tail)
            tails[place] = copy
            for other in [other for other in self._tails if other.identity == copy.identity]:
                if other is not copy:
                    self._tails.remove(other)
                    other.close()
            return b""
        del tails[place]
        if tails is self._tails and place == len(tails) and self._files.exists:
            self.start([self.path])
        return tail.flush()

    def _look_for_newer(self, *, follow: bool) -> None:
        """Open newer files, unless one of those that are open was truncated.

        Then its copy, which begins with what was read, comes first.
        """
        for _ in range(OPEN_TRIES):
            if not follow or self._changed_at or self._open_newer():
                return

    def _open_newer(self) -> bool:
        """Open what was written to the log after the newest file that was read from.

        False if files were renamed or truncated meanwhile.
        """
        newest = self._tails[-1]
        is_current = self._is_newest_current()
        # A copy may have been made of an empty file that was written and truncated meanwhile.
        if is_current is None or (is_current and not (newest.is_empty and newest.was_touched())):
            return True
        place = self._anchor + 1
        known = {tail.identity: tail for tail in self._tails[place:]}
        files = self._newer_than(max(0, self._anchor))
        tails = [known.get(file.identity) or self._files.open(file.path) for file in files]
        opened = [tail for tail in tails if tail is not None]
        are_same = [tail.identity for tail in opened] == [file.identity for file in files]
        if are_same and all(tail.is_unchanged() for tail in self._tails):
            gone = [tail for tail in known.values() if tail not in opened]
            self._tails[place:] = gone + opened
        for tail in opened:
            if tail not in self._tails:
                tail.close()
        return are_same

    def _is_newest_current(self) -> bool | None:
        """Whether the newest file has the log's name; None between a rename and the new file."""
        current = self._files.current
        if current is None:
            return None
        return bool(self._tails) and current.identity == self._tails[-1].identity

    def _newer_than(self, place: int) -> list[Generation]:
        anchor = self._tails[place]
        files = self._files.all()
        if anchor.is_empty:
            return _changed_since(anchor.mark, files)
        identities = [file.identity for file in files]
        if anchor.identity in identities:
            return files[identities.index(anchor.identity) + 1 :]
        copy = self._files.find(anchor.mark)
        if copy is None:
            if anchor.is_deleted:
                self._report("log_replaced", path=str(self.path))
            return _changed_since(anchor.mark, files)
        if copy.path == self.path and anchor.is_at_end:
            # The log was replaced by a copy of itself that may be longer.
            copy.go_on_from(anchor)
            anchor.close()
            self._tails[place] = copy
        else:
            copy.close()
        if copy.identity in identities:
            return files[identities.index(copy.identity) + 1 :]
        return _changed_since(anchor.mark, files)


def _changed_since(mark: Mark, files: list[Generation]) -> list[Generation]:
    """The marked file and those written to after it, when it is not known by its content."""
    return [
        file
        for file in files
        if file.modified_ns >= mark.modified_ns or file.identity == (mark.device, mark.inode)
    ]
