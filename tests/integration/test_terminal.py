"""What a person at a terminal sees of a run: a real process at a pseudo-terminal, as it draws."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

_ROWS = 30
_TEXT = b"the cat sat on the mat and the dog barks\n" * 200


class Terminal:
    """A process with stdout and stderr at a terminal of so many columns, and text to learn."""

    def __init__(self, columns: int, *args: str, rows: int = _ROWS) -> None:
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamer", *args],
            stdin=subprocess.PIPE,
            stdout=side,
            stderr=side,
            env=kept | {"TERM": "xterm-256color"},
        )
        os.close(side)
        self._main = main
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def wait_for(self, holds: Callable[[list[str]], bool], *, is_fed: bool = True) -> list[str]:
        """Draw until the lines are as they should be."""
        assert self.process.stdin is not None
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if is_fed and select.select([], [self.process.stdin], [], 0)[1]:
                self.process.stdin.write(_TEXT)
                self.process.stdin.flush()
            if select.select([self._main], [], [], 0.1)[0] and not self._draw():
                break
            if holds(self.lines()):
                return self.lines()
        raise AssertionError("\n".join(self.lines()))

    def _draw(self) -> bool:
        try:
            data = os.read(self._main, 65536)
        except OSError:  # the process has ended
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def finish(self) -> list[str]:
        while self._draw():
            pass
        os.close(self._main)
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        assert self.process.wait(180) == 0
        return self.lines()


def test_a_run_at_a_narrow_terminal(tmp_path: Path) -> None:
    """Sentences above, one line of labelled figures below, an acknowledged Ctrl-C, what is next."""
    terminal = Terminal(60, "run", "--snapshot-dir", str(tmp_path / "v"), "--http", "0")
    live = re.compile(r"[\d,]+ words  ·  [\d,]+ words/s  ·  vocabulary \d+$")
    lines = terminal.wait_for(lambda lines: bool(lines) and bool(live.match(lines[-1])))
    assert re.match(r"\d\d:\d\d:\d\d  Serving http://127\.0\.0\.1:\d+/\.", lines[0])
    assert "event=" not in "\n".join(lines)
    terminal.wait_for(
        lambda lines: (
            sum(bool(live.match(line)) for line in lines) == 1
            and not lines[-1].startswith(lines[-2])
        )
    )
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for(lambda lines: "SIGINT: " in "\n".join(lines), is_fed=False)
    text = "\n".join(terminal.finish())
    assert "second signal" in text.replace("\n", "")
    assert "Stopped (signal)." in text
    assert "w2v-stream neighbors" in text
    assert "words/s" not in text  # the live line is gone, and left nothing
    assert b"nan" not in terminal.raw


def test_a_run_whose_terminal_is_closed_goes_on_and_ends_as_usual(tmp_path: Path) -> None:
    terminal = Terminal(100, "run", "--snapshot-dir", str(tmp_path / "v"))
    terminal.wait_for(lambda lines: bool(lines) and "words/s" in lines[-1])
    os.close(terminal._main)
    process = terminal.process
    process.communicate(_TEXT, timeout=240)
    assert process.returncode == 0
    assert len(load_vectors(tmp_path / "v")) > 0


def test_warnings_have_a_colour_and_text_cannot_steer(tmp_path: Path) -> None:
    terminal = Terminal(100, "run", "--snapshot-dir", str(tmp_path / "v"), "--http", "0.0.0.0:0")
    terminal.wait_for(lambda lines: "asks for no token" in "\n".join(lines))
    assert b"\x1b[33m" in terminal.raw
    terminal.process.send_signal(signal.SIGINT)
    terminal.finish()


def test_answers_are_tables_with_headings_and_units(tmp_path: Path) -> None:
    """In 60 columns, where a long path is wrapped within its own."""
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1))
    learner.learn([line.split() for line in _TEXT.decode().splitlines()])
    learner.snapshot(tmp_path)
    pairs, questions = tmp_path / "pairs.tsv", tmp_path / "questions.txt"
    pairs.write_text("cat\tdog\t8\ncat\tmat\t3\nthe\tand\t5\ncat\tcow\t1\n")
    questions.write_text(": animals\nthe cat the dog\n")
    lines = Terminal(60, "inspect", str(tmp_path), rows=70).finish()
    assert any(re.match(r"records +200 +records$", line) for line in lines)
    assert any(re.match(r"window +5 +words$", line) for line in lines)
    assert any(re.match(r"word +occurrences$", line) for line in lines)
    asked = ["--similarity", str(pairs), "--analogies", str(questions)]
    lines = Terminal(90, "evaluate", str(tmp_path), *asked).finish()
    assert re.match(r"word similarity +pairs known +Spearman +Pearson$", lines[0])
    assert lines[1].startswith("pairs.tsv")
    assert "3 of 4" in lines[1]
    assert re.match(r"section +questions +3cosadd, % correct +3cosmul, % correct$", lines[3])
