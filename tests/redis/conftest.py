"""A real Redis server for the tests of its source."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.broker import free_ports

redis = pytest.importorskip("redis")


class Server:
    """``redis-server`` (Debian's package redis-server); what it has stored survives its kill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client().ping()
                return
            except redis.exceptions.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def client(self) -> Any:
        return redis.Redis(port=self.port)

    def add(self, stream: str, messages: list[bytes], field: str = "message") -> None:
        pipeline = self.client().pipeline()
        for message in messages:
            pipeline.xadd(stream, {field: message})
        pipeline.execute()

    def restart_without_the_newest(self, forget: Callable[[], None]) -> None:
        """Kill it, and start it with what was on its disk before ``forget`` was called."""
        append_only, kept = self._folder / "appendonlydir", self._folder / "kept"
        shutil.copytree(append_only, kept)
        forget()
        self.kill()
        shutil.rmtree(append_only)
        kept.rename(append_only)
        self.start()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("redis-server") is None:
        if os.environ.get("REQUIRE_REDIS"):
            pytest.fail("needs redis-server, of Debian's package redis-server")
        pytest.skip("needs redis-server, of Debian's package redis-server")
    folder = tmp_path / "redis"
    folder.mkdir()
    started = Server(folder)
    started.start()
    yield started
    started.kill()
