"""A random rotator beside a reader that is killed: anything may happen between two system calls."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamer.sources.file.source import FileSource
from streamer.text.records import RecordSplitter
from tests.streamer.followed import Reports
from tests.streamer.rotator import Rotator

_CALLS = ("open", "pread", "scandir", "stat", "fstat")
"""What a reader looks at files by."""

_BETWEEN = 0.02
"""How often the rotator does something before such a call."""


class _Trial:
    """A reader that is killed and started again, beside a rotator that goes on all the time."""

    def __init__(self, folder: Path, seed: int, kept: int) -> None:
        self.chance = random.Random(seed)
        self.rotator = Rotator(folder, self.chance, kept)
        self.log = Reports()
        self.lines: list[str] = []
        self._saved: tuple[dict[str, Any], int] = ({}, 0)
        self._pattern = str(folder / "*")
        self._is_reading = False
        self._is_over = False

    def interleave(self, patch: pytest.MonkeyPatch) -> None:
        """Let the rotator go on between system calls of the reader."""
        for name in _CALLS:
            patch.setattr(os, name, self._interleaved(getattr(os, name)))

    def _interleaved(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def interleaved(*args: Any, **options: Any) -> Any:
            if self._is_reading and not self._is_over:
                self._is_reading = False
                self._go_on_between()
                self._is_reading = True
            return call(*args, **options)

        return interleaved

    def _go_on_between(self) -> None:
        rotator, luck = self.rotator, self.chance.random()
        rotator.now += 0.00002
        if luck < _BETWEEN / 50:  # another process has the processor
            rotator.go_on(self.chance.choice([0.001, 0.02, 0.1, 0.5]))
        elif luck < _BETWEEN * (5 if rotator.is_busy else 1) and (
            rotator.is_busy or rotator.next_at <= rotator.now
        ):
            rotator.step()

    def run(self, seconds: float) -> None:
        """Read, save and kill at random; at the end read what is there."""
        rotator = self.rotator
        rotator.go_on(self.chance.random())
        source = self._start()
        dies, saves = self._die_at(), 0.0
        while rotator.now < seconds:
            if rotator.now >= dies:
                source.close()
                del self.lines[self._saved[1] :]
                rotator.note("killed")
                rotator.go_on(4 * self.chance.random() ** 2)
                source, dies = self._start(), self._die_at()
            position = self._read(source)
            if rotator.now >= saves:
                self._saved = position, len(self.lines)
                saves = rotator.now + 1.0
            rotator.go_on(self.chance.choice([0, 0, 0.01, 0.05, 0.3]))
        rotator.finish()
        self._is_over = True
        while rotator.now < seconds + 20:
            self._read(source)
            rotator.now += 0.5
        source.close()

    def _die_at(self) -> float:
        return self.rotator.now + self.chance.uniform(1, 12)

    def _start(self) -> FileSource:
        self._is_reading = True
        source = FileSource(
            [self._pattern],
            follow=True,
            make_splitter=lambda: RecordSplitter(1 << 20, 64),
            position=json.loads(json.dumps(self._saved[0])),
            log=self.log,
            clock=lambda: self.rotator.now,
        )
        self._is_reading = False
        source._wait = self._wait  # type: ignore[method-assign]
        return source

    def _wait(self) -> bool:
        self._is_reading = False
        if self._is_over:
            self.rotator.now += 0.1
        else:
            self.rotator.go_on(0.1)
        self._is_reading = True
        return False

    def _read(self, source: FileSource) -> dict[str, Any]:
        self._is_reading = True
        batch = source.next_batch()
        self._is_reading = False
        assert batch is not None
        lines = batch.records.decode().split()
        if lines:
            self.rotator.note("read", *lines)
        known = set(self.lines)
        twice = [line for line in lines if line in known]
        assert not twice, "\n".join([*self.rotator.journal, f"read twice: {twice}"])
        self.lines += lines
        return batch.position


@pytest.mark.parametrize("seed", range(6))
def test_no_line_is_lost_or_repeated_whatever_happens_between_two_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    trial = _Trial(tmp_path, seed, kept=100)
    with monkeypatch.context() as patch:
        trial.interleave(patch)
        trial.run(seconds=20)
    missing = sorted(trial.rotator.written.keys() - set(trial.lines))
    assert not missing, "\n".join([*trial.rotator.journal, f"never read: {missing}"])
    assert len(trial.lines) == len(set(trial.lines))
