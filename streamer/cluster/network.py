"""The Ray cluster that the actors run in: a private one on this machine, or an existing one.

A private one listens on loopback only, has no dashboard, keeps its files in a folder that is
deleted at its end, and sends no usage statistics.
"""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any

from streamer.errors import ConfigurationError

_QUIET: dict[str, Any] = {
    "include_dashboard": False,
    "log_to_driver": False,
    "configure_logging": False,
}


CONNECT_SECONDS = 10.0


@contextmanager
def connected(address: str, log: Any) -> Iterator[None]:
    """Connect to the Ray cluster at ``address``; see ``--ray-address``.

    What Ray prints on standard output meanwhile is logged. Raises ConfigurationError if there is no
    such cluster.
    """
    is_local = address == "local"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if is_local:
        # Makes Ray use the loopback address for the node; read when Ray is imported.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError as error:
        raise ConfigurationError("cluster needs Ray: pip install 'w2v-stream[cluster]'") from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    with _folder() if is_local else nullcontext("") as folder:
        try:
            if is_local:
                ray.init(
                    "local", num_cpus=1, _node_ip_address="127.0.0.1", _temp_dir=folder, **_QUIET
                )
            else:
                ray.init(reachable(address), **_QUIET)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).split("\n", 1)[0]
            raise ConfigurationError(
                f"--ray-address {address}: no Ray cluster answers: {reason}"
            ) from error
        with redirect_stdout(_Said(log)):
            try:
                yield
            finally:
                ray.shutdown()


def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the files of a private Ray; it has sockets, whose paths must be short."""
    return tempfile.TemporaryDirectory(prefix="w2v-ray-", ignore_cleanup_errors=True)


def reachable(address: str) -> str:
    """The address that a cluster answers at; Ray itself would try for minutes.

    Raises ConnectionError.
    """
    from ray._private.services import canonicalize_bootstrap_address

    found = canonicalize_bootstrap_address(address)
    if found is None:
        raise ConnectionError(
            "this machine belongs to no cluster; run ray start, or use --ray-address local"
        )
    host, _, port = found.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise ConnectionError(f"nothing listens on {found}: {error}") from error
    return found


class _Said(io.TextIOBase):
    """Logs what is printed, line by line."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def write(self, text: str) -> int:
        for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines():
            if line.strip():
                self._log.debug("ray", message=line.strip())
        return len(text)
