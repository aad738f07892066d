"""Kills the daemon with SIGKILL again and again, and checks the snapshots that it leaves.

A log is followed while it grows; the daemon is killed at random instants, most of them while a
snapshot, sometimes one of vectors alone, is copied, written, renamed or deleted. After each kill a
complete snapshot must load and verify. At the end the model must equal, byte for byte, that of a
daemon that nobody disturbed. Options behind ``--`` are the daemon's, such as ``--loss hs``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from w2v_online import load_vectors
from w2v_online.snapshots import reader

_MODEL = ["--vector-size", "24", "--min-count", "2", "--max-vocab-size", "8000"]
_START_SECONDS = 120
_WRITING_SECONDS = 5


class Log:
    """A text that grows: lines of Zipf-distributed words."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self._rng = np.random.default_rng(seed)
        path.write_bytes(b"")

    def grow(self, lines: int) -> None:
        """Append some lines."""
        ranks = self._rng.zipf(1.25, (lines, 20)) % 30_000
        with self.path.open("a") as file:
            file.writelines(" ".join(f"w{rank}" for rank in line) + "\n" for line in ranks)


class Trial:
    """A folder of snapshots that a daemon works on, one daemon after the other."""

    def __init__(self, log: Log, folder: Path, model: list[str]) -> None:
        self._log = log
        self._model = [*_MODEL, *model]
        self.snapshots = folder / "snapshots"
        self._messages = folder / "messages"
        self.found: Counter[str] = Counter()
        self._words = -1

    def start(self, every: str, *more: str) -> subprocess.Popen[bytes]:
        """A daemon that has begun to learn, or is about to."""
        self._messages.write_bytes(b"")
        with self._messages.open("ab") as messages:
            return subprocess.Popen(
                [sys.executable, "-m", "streamer", "run", "--source", "file", "--follow",
                 "--path", str(self._log.path), "--snapshot-dir", str(self.snapshots),
                 "--snapshot-every", every, "--keep", "2", "--keep-vectors", "2",
                 *self._model, *more],
                stdin=subprocess.DEVNULL, stderr=messages,
            )  # fmt: skip

    def wait_for(self, event: bytes, process: subprocess.Popen[bytes]) -> None:
        """Wait until the daemon says so; ends the trial if it does not."""
        deadline = time.monotonic() + _START_SECONDS
        while event not in self._messages.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"no {event!r}:\n{self._messages.read_text()}")
            time.sleep(0.005)

    def wait_for_writing(self) -> None:
        """Wait until a snapshot is being written, or not much longer than that usually takes."""
        self._wait_until(lambda: any(self.snapshots.glob(".writing-0*")))

    def wait_for_written(self) -> None:
        """The same for one that is complete: then others go."""
        self._wait_until(lambda: b"_written" in self._messages.read_bytes())

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WRITING_SECONDS
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.002)

    def check(self) -> None:
        """What must hold after a kill; raises if it does not."""
        names = [path.name for path in self.snapshots.iterdir()]
        for prefix in (".writing-0", ".writing-LATEST", ".deleting-"):
            self.found[prefix] += any(name.startswith(prefix) for name in names)
        complete = [name for name in names if reader.sequence_of(name) >= 0]
        self.found["LATEST behind"] += bool(complete) and (
            reader.newest_name(self.snapshots) != max(complete)
        )
        for name in complete:  # each one that is visible is whole
            reader.read(self.snapshots / name).verify()
        if complete:
            load_vectors(self.snapshots).table.prepare()
        if any(map(reader.is_whole, complete)):
            saved = reader.read_whole(self.snapshots)
            words = saved.manifest["totals"]["words"]
            if words < self._words:
                sys.exit(f"{saved.path} has {words} words, an earlier one had {self._words}")
            self.found["further"] += words > self._words
            self._words = words
        self.found["vectors alone newest"] += bool(complete) and not reader.is_whole(max(complete))

    def finish(self) -> Path:
        """Let a daemon learn the rest and end; the path of its last snapshot."""
        process = self.start("1h")
        self.wait_for(b"event=started", process)
        read = self._log.path.stat().st_size
        deadline = time.monotonic() + _START_SECONDS
        while self._saved_bytes() < read and time.monotonic() < deadline:
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        if process.wait(timeout=_START_SECONDS) != 0:
            sys.exit(self._messages.read_text())
        return reader.read_whole(self.snapshots).path

    def _saved_bytes(self) -> int:
        found = reader.newest_whole(self.snapshots)
        if found is None:
            return -1
        marks = found.manifest["positions"]["file"].get(str(self._log.path), [])
        return int(marks[-1]["offset"]) if marks else -1


def differences(one: Path, two: Path) -> list[str]:
    """Files of two snapshots that are not the same, the manifests aside."""
    names = {
        str(file.relative_to(path))
        for path in (one, two)
        for file in path.rglob("*.*")
        if file.name != reader.MANIFEST
    }
    return sorted(
        name
        for name in names
        if not (one / name).exists()
        or not (two / name).exists()
        or (one / name).read_bytes() != (two / name).read_bytes()
    )


def run(rounds: int, seed: int, folder: Path, model: list[str]) -> Counter[str]:
    """All rounds; what the kills interrupted. Ends the process if something does not hold.

    ``model`` are options of the daemon.
    """
    chance = random.Random(seed)
    log = Log(folder / "app.log", seed)
    log.grow(2000)
    (folder / "killed").mkdir()
    trial = Trial(log, folder / "killed", model)
    for number in range(rounds):
        more = chance.choice([[], ["--vectors-every", "0.02s"]])
        process = trial.start(chance.choice(["0.02s", "0.02s", "0.5s"]), *more)
        if chance.random() < 0.9:
            trial.wait_for(b"event=started", process)
        log.grow(chance.randrange(1500))
        chance.choice([lambda: None, trial.wait_for_writing, trial.wait_for_written])()
        time.sleep(chance.random() * 0.4)
        process.kill()
        process.wait()
        if trial.snapshots.exists():
            trial.check()
        if (number + 1) % 20 == 0:
            print(f"{number + 1} kills, found {dict(trial.found)}", file=sys.stderr, flush=True)
    (folder / "undisturbed").mkdir()
    last, whole = trial.finish(), Trial(log, folder / "undisturbed", model).finish()
    different = differences(last, whole)
    if different:
        sys.exit(f"after {rounds} kills these differ from an undisturbed run: {different}")
    return trial.found


def main() -> None:
    """Run and say what happened."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    parser.add_argument("model", nargs="*", help="options of the daemon")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="w2v-kills-"))
    found = run(options.rounds, options.seed, folder, options.model)
    words = reader.read(folder / "undisturbed" / "snapshots").manifest["totals"]["words"]
    shutil.rmtree(folder)
    interrupted = ", ".join(f"{name}: {count}" for name, count in found.items())
    print(
        f"{options.rounds} kills (seed {options.seed}) {' '.join(options.model)}; "
        f"left behind by them: {interrupted}. "
        f"Every visible snapshot verified, and the model of {words:,} words equals that of an "
        "undisturbed run byte for byte."
    )


if __name__ == "__main__":
    main()
