"""Standard input, output and error that are closed, full or gone; and variables of Numba's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.daemons import COMMAND, SMALL, environment
from w2v_online import load_vectors
from w2v_online.snapshots import reader

_HAS_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device is Linux'")


def _run(redirected: str, *args: str | Path, **variables: str) -> tuple[int, str]:
    """Exit code and messages of a command with a shell's redirections."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", *COMMAND, *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
        env=environment() | variables,
    )
    said = done.stderr.decode()
    assert "Traceback" not in said
    return done.returncode, said


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "text"
    file.write_text("a b c\n" * 20)
    return file


@pytest.fixture(scope="module")
def folder(text: Path) -> Path:
    assert _run("", "run", text, *SMALL, "--snapshot-dir", text.with_name("s"))[0] == 0
    return text.with_name("s")


@pytest.mark.parametrize(
    "redirected",
    ["2>&-", "<&- >&- 2>&-", pytest.param("2>/dev/full", marks=_HAS_FULL)],
)
def test_text_is_learned_though_nobody_can_be_told(
    text: Path, tmp_path: Path, redirected: str
) -> None:
    """And no message ends in a file of the snapshot that has got the number of a stream."""
    code, _ = _run(redirected, "run", text, *SMALL, "--snapshot-dir", tmp_path)
    assert code == 0
    assert sorted(load_vectors(tmp_path).words) == ["a", "b", "c"]
    reader.read(tmp_path).verify()


@pytest.mark.parametrize("redirected", [">&-", pytest.param(">/dev/full", marks=_HAS_FULL)])
@pytest.mark.parametrize("command", ["neighbors", "embed"])
def test_what_cannot_be_printed_is_a_failure(
    text: Path, folder: Path, redirected: str, command: str
) -> None:
    args = ["a"] if command == "neighbors" else [str(text), "--output", "-"]
    code, said = _run(redirected, command, folder, *args)
    assert code == 1
    assert "standard output cannot be written: " in said


def test_export_writes_no_file_that_is_called_like_standard_output(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = _run("", "export", folder, "--output", "-")
    assert code == 2
    assert "name a file" in said
    assert list(tmp_path.iterdir()) == []


def test_warnings_are_sentences(folder: Path, tmp_path: Path) -> None:
    """Not lines of source code: of vectors without counts all words weigh the same."""
    (tmp_path / "v.vec").write_text("1 2\na 1 0\n")
    code, said = _run("", "embed", tmp_path / "v.vec", tmp_path / "v.vec", "--output", "-")
    assert code == 0
    assert f"w2v-stream: warning: {tmp_path / 'v.vec'} has no counts" in said
    assert "UserWarning" not in said


def test_a_reader_that_leaves_is_no_fault_of_the_input(text: Path, folder: Path) -> None:
    code, said = _run("| head -n 0", "embed", folder, text, "--output", "-")
    assert code == 0  # head's
    assert "cannot be read" not in said


@pytest.mark.parametrize("command", ["score", "embed"])
def test_a_closed_input_is_no_empty_input(folder: Path, command: str) -> None:
    args = [] if command == "score" else ["--output", "-"]
    code, said = _run("<&-", command, folder, *args)
    assert code == 78
    assert "standard input is closed" in said


def test_variables_of_numba_do_not_keep_it_from_learning(text: Path, tmp_path: Path) -> None:
    numba = {"NUMBA_DISABLE_JIT": "1", "NUMBA_NUM_THREADS": "0"}
    assert _run("", "run", text, *SMALL, "--snapshot-dir", tmp_path, **numba)[0] == 0
