"""Annealing beside a stream that never ends: a copy of the newest checkpoint, in another process.

The child is ``w2v-stream anneal``: it reads the checkpoint, trains on the text that replay keeps,
and writes the vectors to a folder of their own. The daemon goes on learning meanwhile.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamer.checkpoints.timetable import Timetable
from streamer.children import command_of
from streamer.config.types import Interval

FOLDER = "annealed"
"""Folder below ``--snapshot-dir`` that holds the annealed vectors."""

_NICENESS = 10
_SAID = 2000
"""Characters of the child's last words that go into the log."""


def location_of(snapshot_dir: str) -> str:
    """Where the annealed vectors of a daemon are: a folder, or a URL."""
    return f"{snapshot_dir.rstrip('/')}/{FOLDER}"


class Annealer:
    """Anneals the newest checkpoint when that is due, one at a time.

    Parameters
    ----------
    location : str
        Folder or URL for the annealed vectors.
    passes : int
        Passes over the kept text.
    keep : callable
        Returns how many of the newest annealed snapshots to keep; SIGHUP may change it.
    every : Interval
        How often annealing is due, in seconds or words.
    words : callable
        Returns how many words were learned so far.
    in_use : set of str
        Takes the name of the checkpoint that is being annealed, which must not be deleted.
    log : logger
    clock : callable
        Returns seconds.
    """

    def __init__(
        self,
        location: str,
        passes: int,
        keep: Callable[[], int],
        every: Interval,
        words: Callable[[], int],
        in_use: set[str],
        log: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = ["--passes", str(passes), "--snapshot-dir", location]
        self._keep = keep
        self._timetable = Timetable(every, clock, words)
        self._clock = clock
        self._in_use = in_use
        self._log = log
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = False
        self.written = 0
        """Annealed snapshots written by this process, ..."""
        self.failures = 0
        """... and attempts that failed."""

    def offer(self, checkpoint: Path) -> None:
        """A checkpoint is on disk: anneal a copy of it in the background, if that is due."""
        is_busy = self._thread is not None and self._thread.is_alive()
        if is_busy or self._is_closed or not self._timetable.is_due():
            return
        self._timetable.restart()
        self._in_use.add(checkpoint.name)
        self._thread = threading.Thread(
            target=self._anneal, args=(checkpoint,), name="anneal", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End what is under way; the annealed vectors of before stay."""
        self._is_closed = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join()

    def _anneal(self, checkpoint: Path) -> None:
        began = self._clock()
        command = [*command_of("streamer"), "anneal", str(checkpoint), *self._options]
        command += ["--keep", str(self._keep())]
        try:
            process = self._process = subprocess.Popen(  # noqa: S603 this program itself
                command,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, start_new_session=True,
            )  # fmt: skip
            if self._is_closed:
                process.terminate()
            with suppress(OSError):  # it may not be allowed, as below systemd
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
            path, said = process.communicate()
        except OSError as error:
            self._failed(str(error))
            return
        finally:
            self._in_use.discard(checkpoint.name)
        if process.returncode == 0:
            self.written += 1
            seconds = round(self._clock() - began, 3)
            self._log.info("annealed_written", path=path.strip(), seconds=seconds)
        elif not self._is_closed:
            self._failed(said.strip()[-_SAID:] or f"exit code {process.returncode}")

    def _failed(self, reason: str) -> None:
        self.failures += 1
        self._timetable.retry()
        self._log.error("annealing_failed", reason=reason, failures=self.failures)
