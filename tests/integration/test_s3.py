"""Snapshots in object storage: a real daemon and a real S3 server, moto's."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.daemons import COMMAND, SMALL, environment, wait_until
from tests.integration.test_cli import run
from w2v_online import load_vectors

_ACCESS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
}
_URL = "s3://vectors/[daemon]*?"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an S3 server with a bucket."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
        except OSError:
            return False
        return True

    try:
        wait_until(answers)
        request = urllib.request.Request(f"{url}/vectors", method="PUT")
        urllib.request.urlopen(request, timeout=5).close()
        yield url
    finally:
        process.kill()
        process.wait()


Run = Callable[..., subprocess.CompletedProcess[str]]


def _machine(cache: Path, server: str) -> Run:
    """Runs commands as a machine of its own would: it shares nothing but the server."""

    def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment()
            | _ACCESS
            | {"AWS_ENDPOINT_URL": server, "XDG_CACHE_HOME": str(cache)},
        )

    return run


_LOAD = """
import json, sys
from w2v_online import load_vectors
wv = load_vectors(sys.argv[1])
print(json.dumps([wv.path.name, wv.manifest["totals"]["words"], wv.words[0], int(wv.counts[0])]))
"""


_ADD_VECTORS = """
import sys
from streamer.checkpoints.folder import SnapshotFolder
from w2v_online import OnlineWord2Vec
folder = SnapshotFolder(sys.argv[1])
model = OnlineWord2Vec.restore(folder.path)
model.learn([["a", "c"]])
folder.store(model.snapshot(folder.path, vectors_only=True))
"""

_UPLOAD_HALF = """
import fsspec, json, sys
files = fsspec.filesystem("s3")
files.pipe_file(sys.argv[1], b"half")
print(json.dumps(files.find(sys.argv[2])))
"""


def test_snapshots_are_complete_there_resumed_elsewhere_and_loaded(
    tmp_path: Path, server: str
) -> None:
    one, two = _machine(tmp_path / "one", server), _machine(tmp_path / "two", server)
    daemon = [*COMMAND, "--snapshot-dir", _URL, "--keep", "1", *SMALL]
    half = f"{_URL[5:]}/00000009-20990101T000000Z/words.txt"
    for machine, options in ((one, []), (two, ["--resume", "require"])):
        result = machine(*daemon, *options, stdin="a b a c\n" * 10)
        assert result.returncode == 0, result.stderr
        assert "a-secret" not in result.stderr
        if machine is one:  # vectors alone: the newest for readers, nothing to go on from
            added = one(sys.executable, "-c", _ADD_VECTORS, _URL)
            assert added.returncode == 0, added.stderr
            loaded = _machine(tmp_path / "reader", server)(sys.executable, "-c", _LOAD, _URL)
            assert json.loads(loaded.stdout)[1:] == [42, "a", 21]
    listed = one(sys.executable, "-c", _UPLOAD_HALF, half, _URL[5:])
    manifests = [name for name in json.loads(listed.stdout) if name.endswith("manifest.json")]
    assert len(manifests) == 2
    loaded = _machine(tmp_path / "reader", server)(sys.executable, "-c", _LOAD, _URL)
    assert loaded.returncode == 0, loaded.stderr
    name, words, word, count = json.loads(loaded.stdout)
    assert name.startswith("00000003-")
    assert (words, word, count) == (80, "a", 40)


def test_a_folder_by_its_url_is_where_it_says(tmp_path: Path) -> None:
    """From the root on, not below the working folder, and made if it is not there."""
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    url = f"file://{tmp_path}/away/model"
    options = ("--min-count", "1", "--vector-size", "4", "--snapshot-dir", url)
    result = run("run", *options, stdin=b"a b c\n" * 5, env=environment, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert load_vectors(tmp_path / "away" / "model").counts.tolist() == [5, 5, 5]
    result = run("neighbors", url, "a", env=environment, cwd=tmp_path)
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 2), result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"away", "cache"}


def test_a_server_that_does_not_answer_is_one_clear_message(tmp_path: Path) -> None:
    nobody = _machine(tmp_path / "cache", f"http://127.0.0.1:{_free_port()}")
    result = nobody(*COMMAND, "--snapshot-dir", _URL, *SMALL, stdin="a\n")
    assert result.returncode == 78
    assert len(result.stderr.splitlines()) == 1
    assert _URL in result.stderr
