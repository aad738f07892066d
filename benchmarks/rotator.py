"""A random rotator against ``run --follow``, with SIGKILL in between; each line learned once.

Logs are renamed to numbers and dates, copied and truncated, compressed, replaced by copies of
themselves, linked to and deleted, while a daemon follows them and is killed and started again. Each
line is a word of its own, so at the end each word must have been counted exactly once; a line may
be missing only if the rotator deleted its file before it was read.

    python -m benchmarks.rotator --seconds 600
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import lzma
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import zstandard

from w2v_online import load_vectors
from w2v_online.errors import W2VError

_PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}
_OPTIONS = "--vector-size 4 --min-count 1 --max-vocab-size 400000 --snapshot-every 1s --sample 0"
_KEPT = 12
"""Rotated files of a log that are not deleted yet."""

_KILLED_AT_ONCE = 0.2
"""Share of daemons that are killed while they start, maybe."""


class Rotator:
    """Writes to logs in a folder and rotates them, all at random."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.lines: list[str] = []
        self.destroyed: set[str] = set()
        """Lines of files that were deleted."""
        self.done: Counter[str] = Counter()
        self._days = 0
        self._logs = [folder / name for name in ("app.log", "web.8080", "web.8081", "db.log")]

    def _day(self) -> Path:
        return self.folder / f"day.{20260101 + self._days}"

    def step(self) -> None:
        """Write some lines, and now and then do something else to a log."""
        log = self.chance.choice([*self._logs, self._day()])
        with log.open("a") as writer:
            for _ in range(self.chance.randrange(1, 40)):
                line = f"line{len(self.lines):07d}"
                self.lines.append(line)
                writer.write(line + "\n")
        if self.chance.random() < 0.2:
            what = self.chance.choice(
                [
                    self._rename, self._rename, self._date, self._truncate, self._compress,
                    self._replace, self._link, self._next_day,
                ]
            )  # fmt: skip
            what(log)
            self.done[what.__name__.strip("_")] += 1

    def _rotated(self, log: Path) -> list[Path]:
        """Numbered files of a log, the newest first."""
        found = [path for path in log.parent.glob(f"{log.name}.*") if path.suffixes]
        numbered = {int(path.name[len(log.name) + 1 :].split(".")[0]): path for path in found}
        return [numbered[number] for number in sorted(numbered)]

    def _make_room(self, log: Path) -> None:
        for path in reversed(self._rotated(log)):
            number, *packed = path.name[len(log.name) + 1 :].split(".")
            if int(number) >= _KEPT:
                self._delete(path)
            else:
                path.rename(log.with_name(".".join([log.name, str(int(number) + 1), *packed])))

    def _delete(self, path: Path) -> None:
        self.destroyed |= set(_text(path).split())
        path.unlink()

    def _rename(self, log: Path) -> None:
        if log == self._day():
            return
        self._make_room(log)
        log.rename(log.with_name(f"{log.name}.1"))

    def _truncate(self, log: Path) -> None:
        if log == self._day():
            return
        self._make_room(log)
        shutil.copy(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)

    def _date(self, log: Path) -> None:
        """As Go's lumberjack does: within a pattern such as ``*.log``."""
        if log.suffix == ".log":
            name = f"{log.stem}-2026-01-31T10-00-00.{len(self.lines) % 1000:03d}.log"
            if not log.with_name(name).exists():
                log.rename(log.with_name(name))

    def _compress(self, log: Path) -> None:
        for path in self._rotated(log)[1:3]:
            if path.suffix not in _PACK:
                suffix = self.chance.choice(list(_PACK))
                packed = path.with_name(path.name + suffix)
                packed.write_bytes(_PACK[suffix](path.read_bytes()))
                shutil.copystat(path, packed)
                path.unlink()

    def _replace(self, log: Path) -> None:
        """As rsync and editors do."""
        copy = log.with_name(f".{log.name}.new")
        shutil.copy(log, copy)
        copy.rename(log)

    def _link(self, log: Path) -> None:
        link = log.with_name(f"link-to-{log.name.split('.')[0]}")
        link.unlink(missing_ok=True)
        link.symlink_to(log.name)

    def _next_day(self, _log: Path) -> None:
        self._days += 1
        old = self.folder / f"day.{20260101 + self._days - _KEPT}"
        if old.exists():
            self._delete(old)


def _text(path: Path) -> str:
    data = path.read_bytes()
    unpack = {
        ".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress,
        ".zst": lambda packed: zstandard.ZstdDecompressor().decompress(packed),
    }  # fmt: skip
    return unpack.get(path.suffix, bytes)(data).decode()


def _start(folder: Path) -> subprocess.Popen[bytes]:
    arguments = [*_OPTIONS.split(), "--source", "file", "--path", str(folder / "logs" / "*")]
    arguments += ["--follow", "--snapshot-dir", str(folder / "s"), "--progress", "off"]
    with (folder / "messages").open("ab") as messages:
        return subprocess.Popen(
            [sys.executable, "-m", "streamer", "run", *arguments],
            stdin=subprocess.DEVNULL,
            stderr=messages,
        )


def _records(folder: Path) -> int:
    try:
        return int(load_vectors(folder / "s").manifest["totals"]["records"])
    except (W2VError, OSError):
        return 0


class _Daemon:
    """A daemon that is to be killed: some seconds after its first snapshot, or while it starts."""

    def __init__(self, folder: Path, chance: random.Random, life: float) -> None:
        self._written = _snapshots(folder)
        self._folder = folder
        self._life = life * chance.uniform(0.5, 1.5)
        self._dies: float | None = None
        if chance.random() < _KILLED_AT_ONCE:
            self._dies = time.monotonic() + life * chance.random()
        self.process = _start(folder)

    @property
    def is_old(self) -> bool:
        """Whether its time has come."""
        if self._dies is None and _snapshots(self._folder) > self._written:
            self._dies = time.monotonic() + self._life
        return self._dies is not None and time.monotonic() > self._dies

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()


def _snapshots(folder: Path) -> int:
    """How many were written so far."""
    messages = folder / "messages"
    return messages.read_text().count("event=snapshot_written") if messages.exists() else 0


def trial(
    seconds: float, seed: int, pause: float = 0.05, life: float = 8.0, keep: Path | None = None
) -> list[str]:
    """Rotate for so long; return what is wrong, nothing if all is well.

    A step is made every ``pause`` seconds, and the daemon lives for ``life`` seconds, about, from
    its first snapshot on. ``keep`` is a folder in which logs, messages and snapshots stay.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) if keep is None else keep
        (folder / "logs").mkdir(parents=True)
        rotator = Rotator(folder / "logs", seed)
        daemon, kills = _Daemon(folder, rotator.chance, life), 0
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                rotator.step()
                time.sleep(pause)
                if daemon.is_old:
                    daemon.kill()
                    kills += 1
                    daemon = _Daemon(folder, rotator.chance, life)
            _wait_until_read(folder, len(rotator.lines))
            daemon.process.send_signal(signal.SIGTERM)
            daemon.process.wait(120)
        finally:
            daemon.kill()
        done = ", ".join(f"{name} {times}" for name, times in sorted(rotator.done.items()))
        print(f"seed {seed}: {len(rotator.lines):,} lines, {kills} kills; {done}")
        return _problems(folder, rotator)


def _wait_until_read(folder: Path, lines: int) -> None:
    """Wait until all lines are in a snapshot, or nothing has come for a while."""
    last, since = -1, time.monotonic()
    while last < lines and time.monotonic() < since + 60:
        if (records := _records(folder)) != last:
            last, since = records, time.monotonic()
        time.sleep(0.5)


def _problems(folder: Path, rotator: Rotator) -> list[str]:
    vectors = load_vectors(folder / "s")
    counts = dict(zip(vectors.words, map(int, vectors.counts), strict=True))
    twice = [word for word, count in counts.items() if count != 1]
    missing = set(rotator.lines) - set(counts)
    lost = missing & rotator.destroyed
    messages = (folder / "messages").read_text()
    print(
        f"  learned once {len(counts) - len(twice):,}, more often {len(twice):,}, missing "
        f"{len(missing):,}, of which deleted unread {len(lost):,}; "
        f"log_lost {messages.count('event=log_lost')}"
    )
    found = [f"learned {counts[word]} times: {word}" for word in twice[:5]]
    found += [f"never learned: {word}" for word in sorted(missing - lost)[:5]]
    found += [line for line in messages.splitlines() if "Traceback" in line][:1]
    return found + (
        [f"no line: {sorted(set(counts) - set(rotator.lines))[:3]}"]
        * bool(set(counts) - set(rotator.lines))
    )


def main() -> None:
    """Print what was done and what is wrong; exit 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two steps")
    parser.add_argument("--life", type=float, default=8.0, help="seconds until a daemon is killed")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="new folder for all that is made"
    )
    given = parser.parse_args()
    problems = trial(given.seconds, given.seed, given.pause, given.life, given.keep)
    print("\n".join(problems) or "every line was learned exactly once, or is accounted for")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
