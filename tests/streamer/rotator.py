"""A random rotator for tests that works on files step by step, on a clock of its own.

It writes to logs and renames, dates, copies and truncates, compresses, replaces, links and deletes
them. ``steps`` stops before each single thing that is done to the file system, so that a reader can
look at every moment in between. Files have the times of a file system whose clock ticks every 4 ms.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import zstandard

_PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}
_UNPACK = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": zstandard.decompress,
}
_KINDS = ("rename", "rename", "date", "truncate", "compress", "replace", "link", "next_day")
_TICK_SECONDS = 0.004
_EPOCH = 1_700_000_000


class Rotator:
    """Works in ``folder``; keeps ``kept`` rotated files of each log."""

    def __init__(self, folder: Path, chance: random.Random, kept: int) -> None:
        self.folder = folder
        self.chance = chance
        self.kept = kept
        self.now = 0.0
        self.next_at = 0.0
        """When it will do something again."""
        self.is_busy = False
        """Whether it is in the middle of something."""
        self.written: dict[str, str] = {}
        """Each line's log."""
        self.destroyed: set[str] = set()
        """Lines of files that were deleted."""
        self.journal: list[str] = []
        """What was done, to explain what is wrong afterwards."""
        self._days = 0
        self._logs = [folder / name for name in ("app.log", "web.8080", "web.8081", "db.log")]
        self._steps = self._all_steps()

    def note(self, *what: object) -> None:
        """Add a line to the journal."""
        self.journal.append(f"{self.now:8.4f} {' '.join(map(str, what))}")

    def step(self) -> None:
        """Do the next single thing."""
        self.is_busy = next(self._steps)

    def finish(self) -> None:
        """Bring what was begun to its end."""
        while self.is_busy:
            self.step()

    def go_on(self, seconds: float) -> None:
        """Do what falls into a time."""
        end = self.now + seconds
        while self.next_at <= end:
            self.now = max(self.now, self.next_at)
            self.step()
            while self.is_busy:
                self.now += 0.0005
                self.step()
        self.now = max(self.now, end)

    def _all_steps(self) -> Iterator[bool]:
        while True:
            log = self.chance.choice([*self._logs, self._day()])
            lines = [
                f"line{len(self.written) + n:06d}" for n in range(self.chance.randrange(1, 40))
            ]
            self.written.update(dict.fromkeys(lines, log.name))
            yield True
            with log.open("a") as writer:
                writer.write("".join(f"{line}\n" for line in lines))
            self._touch(log)
            self.note("write", log.name, lines[0], lines[-1], "to inode", log.stat().st_ino)
            if self.chance.random() < 0.2:
                kind = self.chance.choice(_KINDS)
                self.note(kind, log.name)
                for _ in getattr(self, f"_{kind}")(log):
                    yield True
            self.next_at = self.now + 0.05 * self.chance.choice([0, 1, 1, 2])
            yield False

    def _touch(self, path: Path) -> None:
        time = int((_EPOCH + int(self.now / _TICK_SECONDS) * _TICK_SECONDS) * 1e9)
        os.utime(path, ns=(time, time))

    def _day(self) -> Path:
        return self.folder / f"day.{20260101 + self._days}"

    def _rotated(self, log: Path) -> list[Path]:
        """Numbered files of a log, the newest first."""
        numbered = {
            int(path.name.removeprefix(f"{log.name}.").split(".")[0]): path
            for path in log.parent.glob(f"{log.name}.*")
        }
        return [numbered[number] for number in sorted(numbered)]

    def _make_room(self, log: Path) -> Iterator[None]:
        for path in reversed(self._rotated(log)):
            number, *packed = path.name.removeprefix(f"{log.name}.").split(".")
            yield
            if int(number) >= self.kept:
                self._delete(path)
            else:
                path.rename(log.with_name(".".join([log.name, str(int(number) + 1), *packed])))

    def _delete(self, path: Path) -> None:
        self.note("delete", path.name, "inode", path.stat().st_ino)
        text = _UNPACK.get(path.suffix, bytes)(path.read_bytes()).decode()
        self.destroyed |= set(text.split())
        path.unlink()

    def _copy(self, data: bytes, to: Path) -> Iterator[None]:
        half = self.chance.randrange(len(data) + 1)
        for piece in (b"", data[:half], data[half:]):
            yield
            with to.open("ab") as writer:
                writer.write(piece)
            self._touch(to)
        self.note("copied to", to.name, "inode", to.stat().st_ino)
        yield

    def _rename(self, log: Path) -> Iterator[None]:
        if log != self._day():
            yield from self._make_room(log)
            yield
            log.rename(log.with_name(f"{log.name}.1"))

    def _truncate(self, log: Path) -> Iterator[None]:
        if log != self._day():
            yield from self._make_room(log)
            yield from self._copy(log.read_bytes(), log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
            self._touch(log)
            self.note("truncated", log.name)

    def _date(self, log: Path) -> Iterator[None]:
        """As Go's lumberjack does: within a pattern such as ``*.log``."""
        name = f"{log.stem}-2026-01-31T10-00-00.{len(self.written) % 1000:03d}.log"
        if log.suffix == ".log" and not log.with_name(name).exists():
            yield
            log.rename(log.with_name(name))

    def _compress(self, log: Path) -> Iterator[None]:
        for path in self._rotated(log)[1:3]:
            if path.suffix not in _PACK:
                suffix = self.chance.choice(list(_PACK))
                packed = path.with_name(path.name + suffix)
                yield from self._copy(_PACK[suffix](path.read_bytes()), packed)
                shutil.copystat(path, packed)
                yield
                path.unlink()

    def _replace(self, log: Path) -> Iterator[None]:
        """As rsync and editors do."""
        copy = log.with_name(f".{log.name}.new")
        yield from self._copy(log.read_bytes(), copy)
        copy.rename(log)

    def _link(self, log: Path) -> Iterator[None]:
        link = log.with_name(f"link-to-{log.name.split('.')[0]}")
        yield
        link.unlink(missing_ok=True)
        yield
        link.symlink_to(log.name)

    def _next_day(self, _log: Path) -> Iterator[None]:
        self._days += 1
        yield
        old = self.folder / f"day.{20260101 + self._days - self.kept}"
        if old.exists():
            self._delete(old)
