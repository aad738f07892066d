"""A file source for tests, with a clock of its own: stopped and started again at will."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamer.sources.file.aside import GRACE_SECONDS
from streamer.sources.file.source import FileSource
from streamer.text.records import RecordSplitter


class Reports:
    """A log that remembers its events."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.values: list[dict[str, Any]] = []

    def info(self, event: str, **values: object) -> None:
        self.events.append(event)
        self.values.append(values)

    warning = error = info


class Reader:
    """A source on patterns with a clock of its own, stopped and started again at will."""

    def __init__(
        self,
        *patterns: Path,
        follow: bool = True,
        make_splitter: Callable[[], RecordSplitter] = lambda: RecordSplitter(1 << 20, 64),
    ) -> None:
        self.patterns = patterns
        self.follow = follow
        self.make_splitter = make_splitter
        self.now = 0.0
        self.log = Reports()
        self.position: dict[str, Any] = {}
        self.lines: list[str] = []
        self.start()

    def start(self) -> None:
        self.source = FileSource(
            list(map(str, self.patterns)),
            follow=self.follow,
            make_splitter=self.make_splitter,
            position=json.loads(json.dumps(self.position)),
            log=self.log,
            clock=self._tick,
        )

    def _tick(self) -> float:
        self.now += 0.2
        return self.now

    def restart(self) -> None:
        """As after SIGKILL: only the position of the last batch is left."""
        self.source.close()
        self.start()

    def read(self) -> list[str]:
        """All lines that are there, also those of rotated files."""
        lines = []
        idle = 0
        while idle <= 4 * GRACE_SECONDS and (batch := self.source.next_batch()) is not None:
            idle = 0 if batch.records else idle + 1
            lines += batch.records.decode().splitlines()
            self.position = batch.position
        self.lines += lines
        return lines

    def wait(self, seconds: float) -> list[str]:
        """Lines that come while time passes."""
        until = self.now + seconds
        lines = []
        while self.now < until:
            lines += self.read()
        return lines
