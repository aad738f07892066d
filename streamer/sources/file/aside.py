"""Files beside the ones that hold a log: read to their end before, or come from somewhere else.

A rotated file may still be written to, and a file that is named like one may be a log of its own
(``app.8080``, ``app.8081``). So what was read to its end is closed and remembered as long as it
exists, and read on if it grows; and a file that the log did not lead to is read from its beginning,
unless it is a copy of what is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from streamer.sources.file.mark import Mark
from streamer.sources.file.names import (
    Generation,
    describe,
    says_gone,
    text_of_path,
    with_identity,
    without_compression,
)
from streamer.sources.file.opened import is_another
from streamer.sources.file.tail import Tail

Identity = tuple[int, int]

GRACE_SECONDS = 2.0
"""How long a file is kept open after its end was reached."""

_MEET_SECONDS = 1.0
"""A file that appears is left for so long to the log, which may lead to it."""


@dataclass
class _Known:
    """A file that was read to ``mark`` and closed.

    One that is ``missing`` is looked for once more, as a rename may be under way.
    """

    mark: Mark
    is_missing: bool = False
    has_other_content: bool = False
    """Its inode was given to another file: only a copy can be found."""

    def is_as_it_was(self, file: Generation) -> bool:
        """Whether nothing was written since."""
        return (file.bytes, file.modified_ns) == (self.mark.bytes, self.mark.modified_ns)


class Aside:
    """What a log is beside its chain of files. ``open_file`` opens one or reports why it cannot."""

    def __init__(self, open_file: Callable[[Path], Tail | None]) -> None:
        self._open_file = open_file
        self._known: list[_Known] = []
        self._ended: dict[Tail, float] = {}
        self._met: dict[Identity, float] = {}
        self._copies: dict[Identity, Generation] = {}
        self.tails: list[Tail] = []
        """Files that are being read."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known here."""
        return not (self._known or self.tails)

    def knows(self, file: Generation) -> bool:
        """Whether a file is one of these, and not a new one that was given the inode of one."""
        if any(tail.identity == file.identity for tail in self.tails):
            return True
        for known in self._known:
            if known.mark.identity == file.identity and not known.has_other_content:
                if known.is_as_it_was(file) or not is_another(file, known.mark):
                    return True
                known.has_other_content = True
        return False

    @property
    def marks(self) -> list[Mark]:
        """Where each of the files is."""
        return [known.mark for known in self._known] + [tail.aside() for tail in self.tails]

    def put(self, tail: Tail) -> None:
        """Close a file that was read to its end, and remember it; by nothing it cannot be known."""
        if tail.is_empty:
            tail.close()
            return
        size, modified_ns = tail.state
        found = with_identity(tail.place.parent, tail.identity)  # renamed meanwhile, mostly
        path = text_of_path(found.path if found is not None else tail.place)
        mark = replace(tail.aside(), bytes=size, modified_ns=modified_ns, path=path)
        self._known.append(_Known(mark))
        tail.close()

    def add(self, tail: Tail) -> None:
        """Read a file on."""
        self.tails.append(tail)

    def restore(self, mark: Mark) -> None:
        """Remember a file of an earlier run; it is looked at when its turn comes."""
        if mark.read_bytes:
            self._known.append(_Known(mark))

    def take(self, file: Generation) -> Tail | None:
        """Give back a file that holds the log after all."""
        for known in [known for known in self._known if known.mark.identity == file.identity]:
            if self._read_on(known, file):
                break
        tail = next((tail for tail in self.tails if tail.identity == file.identity), None)
        if tail is not None:
            self.tails.remove(tail)
            self._ended.pop(tail, None)
        return tail

    def look(
        self, now: float, files: Callable[[], list[Generation]], strangers: list[Generation],
        chain: list[Tail],
    ) -> None:  # fmt: skip
        """See which files have grown, were renamed or are gone, and what ``strangers`` are.

        ``files`` lists what the log's names lead to, ``chain`` is what is being read of it.
        """
        self._revisit(files)
        self._met = {
            file.identity: self._met.get(file.identity, now)
            for file in strangers
            if not self.knows(file)
        }
        for file in strangers:
            if file.bytes and now >= self._met.get(file.identity, now) + _MEET_SECONDS:
                self.meet(file, chain)

    def _revisit(self, files: Callable[[], list[Generation]]) -> None:
        listing: list[Generation] | None = None
        for known in list(self._known):
            try:
                found = describe(known.mark.file)
            except OSError as error:
                if not says_gone(error):
                    continue  # it cannot be seen whether it is there
                found = None
            if found is None or found.identity != known.mark.identity:
                pass
            elif known.is_as_it_was(found) or self._read_on(known, found):
                known.is_missing = False
                continue
            listing = files() if listing is None else listing
            self._search(known, listing)

    def _search(self, known: _Known, listing: list[Generation]) -> None:
        """A file that has left its place: renamed, compressed or deleted."""
        mark = known.mark
        if not known.has_other_content:
            same = next((file for file in listing if file.identity == mark.identity), None)
            same = same or with_identity(mark.file.parent, mark.identity)
            if same is not None and known.is_as_it_was(same):
                known.mark, known.is_missing = replace(mark, path=text_of_path(same.path)), False
                return
            if same is not None and (self._read_on(known, same) or not known.has_other_content):
                return
        for file in listing:
            is_compressed = file.path != without_compression(file.path)
            is_new = is_compressed and not self.knows(file)
            if is_new and self._read_on(known, file):
                return
        if known.is_missing:
            self._known.remove(known)
        known.is_missing = True

    def _read_on(self, known: _Known, file: Generation) -> bool:
        """Go on in a file if it is the one that is known, or a copy of it."""
        tail = self._open_file(file.path)
        if tail is None:
            return False
        if not tail.holds(known.mark):
            tail.close()
            known.has_other_content |= file.identity == known.mark.identity
            return False
        self._known.remove(known)
        tail.go_to(known.mark)
        self.add(tail)
        return True

    def meet(self, file: Generation, chain: list[Tail]) -> None:
        """Read a file that nothing led to, unless it is a copy."""
        if file == self._copies.get(file.identity) or self.knows(file):
            return
        tail = self._open_file(file.path)
        if tail is None:
            return
        for known in self._known:
            if known.mark.read_bytes and tail.holds(known.mark):
                mark = replace(
                    known.mark,
                    device=tail.identity[0], inode=tail.identity[1],
                    path=text_of_path(file.path), bytes=-1,
                )  # fmt: skip
                tail.close()
                self._known.append(_Known(mark))
                return
        others = [other for other in [*chain, *self.tails] if not other.is_empty]
        is_copy = any(tail.begins_like(other) for other in others)
        # Where one was truncated just now this may be the copy that was made of it before.
        if is_copy or not all(other.is_unchanged() for other in others):
            if is_copy:
                self._copies[file.identity] = file
            tail.close()
            return
        self._copies.pop(file.identity, None)
        self.add(tail)

    def ended(self, tail: Tail, now: float) -> bool:
        """Whether the end of a file was reached a while ago."""
        if not tail.is_at_end:
            self._ended.pop(tail, None)
            return False
        if now < self._ended.setdefault(tail, now) + GRACE_SECONDS:
            return False
        del self._ended[tail]
        return True

    def close(self) -> None:
        """Let go of all files."""
        for tail in self.tails:
            tail.close()
        self.tails = []
