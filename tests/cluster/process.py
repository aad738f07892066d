"""A cluster as a process whose events can be waited for, and whose actors can be killed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from tests.kafka.process import WAIT_SECONDS, Daemon


class ClusterDaemon(Daemon):
    """``w2v-stream cluster`` with some options."""

    def __init__(self, *args: str, folder: Path) -> None:
        super().__init__(*args, folder=folder, command="cluster")

    def pid_of(self, member: str, epoch: int = 1) -> int:
        """The process of ``worker 0``, ``shard 1`` ... in an epoch."""
        found = re.search(rf"'{member}': '[^:]+:([0-9]+)'", self.event("epoch_started", epoch))
        assert found is not None
        return int(found[1])

    def kill_member(self, member: str, epoch: int, number: int = signal.SIGKILL) -> None:
        """Send a signal to an actor, SIGKILL unless another is given."""
        os.kill(self.pid_of(member, epoch), number)

    def wait_for_end(self) -> int:
        """The exit code, once the stream is at its end."""
        code = self.process.wait(timeout=WAIT_SECONDS)
        self._reader.join()
        assert "Traceback" not in "".join(self.lines), "".join(self.lines)
        return code
