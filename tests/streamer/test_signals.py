"""A signal wakes whoever waits for one, is acknowledged at once, and ends what has not begun."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from streamer.daemon.signals import wake_up_descriptor

_BEGINNING = """
import os, select, signal, sys, threading, time
from streamer.daemon.signals import Signals, Stopped
from streamer.telemetry.log import LogLevel, make_log

level = LogLevel("info")
signals = Signals(make_log("text", level, is_urgent=True))
"""

_ANOTHER_THREAD = """
signals.defer()
meets = threading.Event()

def library():  # a thread that no signal is kept from
    meets.wait(180)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

threading.Thread(target=library, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # so that the other thread meets it
meets.set()
readable, _, _ = select.select([signals.descriptor], [], [], 30)
assert readable, "nobody woke the main thread"
assert signals.stop
"""

_TWICE = """
signals.defer()
signals.unsaved = lambda: {"words": 123, "seconds": 45}
signal.raise_signal(signal.SIGINT)
assert signals.stop
signal.raise_signal(signal.SIGTERM)
"""

_WHILE_LOGGING = """
import io
signals.defer()

class Pipe(io.StringIO):  # the signal comes while a line is being written
    def write(self, text):
        if not signals.stop:
            signal.raise_signal(signal.SIGINT)
        return super().write(text)

sys.stderr = Pipe()
make_log("json", level).info("written")
assert '"written"' in sys.stderr.getvalue()
"""

_EARLY = """
try:
    signal.raise_signal(signal.SIGTERM)
except Stopped:
    sys.exit(7)
"""


def _run(program: str) -> tuple[int, str]:
    found = subprocess.run(
        [sys.executable, "-c", _BEGINNING + program], capture_output=True, text=True, timeout=240
    )
    return found.returncode, found.stderr


def test_a_signal_that_another_thread_meets_ends_a_wait() -> None:
    """A handler runs in the main thread alone, which does not know of it while it waits."""
    code, said = _run(_ANOTHER_THREAD)
    assert code == 0, said


def test_the_first_signal_is_acknowledged_and_the_second_says_what_is_lost() -> None:
    code, said = _run(_TWICE)
    first, second = said.splitlines()
    assert code == 128 + 15
    assert "event=stopping signal=SIGINT" in first
    assert "a second signal exits at once and loses what is not saved" in first
    assert "words=123 seconds=45" in first
    assert "event=exited_at_once signal=SIGTERM" in second
    assert "words=123 seconds=45" in second


def test_a_signal_may_come_while_a_line_is_logged() -> None:
    """Its own line shares no lock with the one that it interrupts."""
    code, said = _run(_WHILE_LOGGING)
    assert code == 0, said
    assert "event=stopping" in said


def test_before_there_is_anything_to_finish_a_signal_ends_at_once() -> None:
    assert _run(_EARLY) == (7, "")


def test_a_system_without_pipe2_has_signals_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has none."""
    monkeypatch.delattr(os, "pipe2", raising=False)
    found = wake_up_descriptor()
    assert not os.get_blocking(found)
    assert not os.get_inheritable(found)
    os.close(found)
