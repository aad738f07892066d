"""Disks that fill up and folders that cannot be written: the daemon says so and goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.daemons import SMALL, start, wait_until
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.errors import SnapshotError

Mount = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Mount]]:
    """A file system of 6 MB, and a way to mount it anew with other options."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)

    yield path, remount
    subprocess.run(["umount", "-l", str(path)], check=True)


def _saved_words(folder: Path) -> int:
    try:
        words: int = load_vectors(folder, verify=True).manifest["totals"]["words"]
    except SnapshotError:
        return -1
    return words


@contextmanager
def _running(messages: Path, *args: str | Path, under: Sequence[str] = ()) -> Iterator[None]:
    """A process that is ended in the end, well and without a traceback."""
    process = start(messages, *args, under=under)
    try:
        yield
        process.terminate()
        assert process.wait(timeout=180) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in messages.read_text()


def test_a_full_disk_is_survived(tmp_path: Path, disk: tuple[Path, Mount]) -> None:
    """Nothing fits, then something does: training went on, and all of it is in the snapshot."""
    path, remount = disk
    text, messages = tmp_path / "text", tmp_path / "messages"
    text.write_text("".join(f"w{i} w{i % 50}\n" for i in range(6000)))
    filler = path / "filler"
    filler.write_bytes(b"x" * (5 << 20))
    with _running(
        messages, "--source", "file", "--path", text, "--follow",
        "--snapshot-dir", path / "s", "--snapshot-every", "1s", *SMALL,
    ):  # fmt: skip
        wait_until(lambda: messages.read_text().count("snapshot_failed") >= 2)
        assert "MiB free, a snapshot needs" in messages.read_text()
        assert str(path / "s") in messages.read_text()
        filler.unlink()
        remount("size=60m")
        wait_until(lambda: _saved_words(path / "s") == 12_000)
        # Nothing is open for writing now, unless the next one has begun; then it is tried again.
        shutil.rmtree(path / "s" / load_vectors(path / "s").path.name)
        with text.open("a") as file:
            file.write("one two three\n")
        wait_until(lambda: _saved_words(path / "s") == 12_003)


def test_a_publisher_survives_a_full_disk(tmp_path: Path, disk: tuple[Path, Mount]) -> None:
    """It names the file; what could not be recorded was not sent, and is when there is space."""
    pytest.importorskip("lancedb")
    path, _ = disk
    model = OnlineWord2Vec(LearnerConfig(vector_size=6, min_count=1))
    model.learn([["a", "b", "c"]])
    model.snapshot(tmp_path / "s")
    state, messages = path / "state", tmp_path / "messages"
    state.mkdir()
    (state / "lock").touch()
    filler = path / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with _running(
        messages, "publish", tmp_path / "s", "--to", f"lancedb://{tmp_path}/lance",
        "--state-dir", state, "--follow",
    ):  # fmt: skip
        wait_until(lambda: "publish_failed" in messages.read_text())
        assert f"{state}/pending cannot be written: No space left" in messages.read_text()
        filler.unlink()
        wait_until(lambda: "event=published" in messages.read_text())
        assert "upserted=3" in messages.read_text()
    assert "standard output" not in messages.read_text()


def test_a_disk_that_becomes_read_only_is_survived(
    tmp_path: Path, disk: tuple[Path, Mount]
) -> None:
    """Readers go on with what is there; once it can be written again all of it is saved."""
    path, _ = disk
    text, messages, snapshots = tmp_path / "text", tmp_path / "messages", path / "s"
    text.write_text("a b c\n" * 100)
    with _running(
        messages, "--source", "file", "--path", text, "--follow", "--snapshot-dir", snapshots,
        "--snapshot-every", "1s", "--vectors-every", "0.3s", *SMALL,
    ):  # fmt: skip
        wait_until(lambda: _saved_words(snapshots) == 300)
        with _read_only(path, tmp_path):
            with text.open("a") as file:
                file.write("d e f\n")
            wait_until(lambda: "Read-only file system" in messages.read_text())
            assert str(snapshots) in messages.read_text().partition("snapshot_failed")[2]
            assert _saved_words(snapshots) == 300
            assert "a" in load_vectors(snapshots)
            refused = start(tmp_path / "refused", "--snapshot-dir", snapshots, *SMALL)
            assert refused.wait(timeout=180) == 78
            assert f"{snapshots} cannot be written: Read-only" in (tmp_path / "refused").read_text()
        wait_until(lambda: _saved_words(snapshots) == 303)


@contextmanager
def _read_only(path: Path, tmp_path: Path) -> Iterator[None]:
    """Lay a read-only view of a disk over it: remounting is refused while its lock is open."""
    view = tmp_path / "view"
    view.mkdir()

    def mount(*args: str | Path) -> None:
        subprocess.run(["mount", *args], check=True)

    mount("--bind", path, view)
    try:
        mount("-o", "remount,bind,ro", view)
        mount("--bind", view, path)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", path], check=True)
    finally:
        subprocess.run(["umount", "-l", view], check=True)


def test_permission_taken_away_is_survived(tmp_path: Path) -> None:
    """The folder becomes one that its daemon may not write; later it may again."""
    under = []
    if os.geteuid() == 0:  # who may write everywhere, unless told otherwise
        under = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if not shutil.which("setpriv"):
            pytest.skip("root's rights cannot be taken away here")
    text, messages, snapshots = tmp_path / "text", tmp_path / "messages", tmp_path / "s"
    text.write_text("a b c\n" * 100)
    try:
        with _running(
            messages, "--source", "file", "--path", text, "--follow",
            "--snapshot-dir", snapshots, "--snapshot-every", "1s", *SMALL,
            under=under,
        ):  # fmt: skip
            wait_until(lambda: _saved_words(snapshots) == 300)
            snapshots.chmod(0o500)
            with text.open("a") as file:
                file.write("d e f\n")
            wait_until(lambda: "Permission denied" in messages.read_text())
            assert _saved_words(snapshots) == 300
            snapshots.chmod(0o700)
            wait_until(lambda: _saved_words(snapshots) == 303)
    finally:
        snapshots.chmod(0o700)
