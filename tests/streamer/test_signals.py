"""A signal wakes whoever waits for one."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import os, select, signal, threading, time
from streamer.daemon.signals import Signals

signals = Signals()
meets = threading.Event()

def library():  # a thread that no signal is kept from
    meets.wait(60)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

threading.Thread(target=library, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # so that the other thread meets it
meets.set()
readable, _, _ = select.select([signals.descriptor], [], [], 30)
assert readable, "nobody woke the main thread"
assert signals.stop
"""


def test_a_signal_that_another_thread_meets_ends_a_wait() -> None:
    """A handler runs in the main thread alone, which does not know of it while it waits."""
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=120)
