"""A run never ends in silence with nothing, nor goes on otherwise than before in silence."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.daemons import COMMAND, SMALL, environment
from w2v_online import load_vectors


def _run(folder: Path, *args: str | Path, stdin: bytes = b"") -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, "run", *SMALL, "--snapshot-dir", folder / "s", *args],
        input=stdin,
        capture_output=True,
        timeout=300,
        check=False,
        env=environment(),
        cwd=folder,
    )
    said = done.stderr.decode()
    assert "Traceback" not in said
    return done.returncode, said


def _snapshots(folder: Path) -> int:
    return len(list((folder / "s").glob("0*")))


@pytest.mark.parametrize(
    ("stdin", "args", "said"),
    [
        (b"", [], "the input was empty, or could not be read"),
        (b'{"msg": "a b"}\n' * 200, ["--json-field", "message"], "none of 200 records"),
        (
            b'{"msg": "a b"}\n',
            ["--json-field", "m"],
            "of the first: JSON has no field m; it has msg",
        ),
        (b"", ["--path", "empty.log", "--source", "file"], "the input was empty"),
        (b"", ["--path", "refused.log", "--source", "file"], "the input was empty"),
    ],
)
def test_a_run_that_learns_nothing_says_so_fails_and_leaves_no_snapshot(
    tmp_path: Path, stdin: bytes, args: list[str], said: str
) -> None:
    (tmp_path / "empty.log").touch()
    (tmp_path / "refused.log").write_bytes(b"\x04\x22\x4d\x18" + bytes(40))
    code, log = _run(tmp_path, *args, stdin=stdin)
    assert code == 1
    assert "event=nothing_learned" in log
    assert said in log
    assert _snapshots(tmp_path) == 0


def test_an_empty_snapshot_does_not_hide_one_with_words(tmp_path: Path) -> None:
    assert _run(tmp_path, stdin=b"a b c\n")[0] == 0
    code, log = _run(tmp_path, "--resume", "never", stdin=b"\n")
    assert code == 0
    assert "event=snapshot_left_out" in log
    assert "event=vocabulary_empty" in log
    assert sorted(load_vectors(tmp_path / "s").words) == ["a", "b", "c"]


def test_options_that_make_other_words_are_refused_and_others_named(tmp_path: Path) -> None:
    assert _run(tmp_path, stdin=b"a b c\n")[0] == 0
    code, log = _run(tmp_path, "--lowercase", stdin=b"A b c\n")
    assert code == 78
    assert "--no-lowercase" in log
    code, log = _run(tmp_path, "--window", "3", "--json-field", "m", stdin=b'{"m": "a"}\n')
    assert code == 0
    assert "--window 3 (was 5)" in log
    assert "--json-field m (was unset)" in log
    code, log = _run(tmp_path, "--window", "3", "--json-field", "m", stdin=b"")
    assert code == 0  # nothing new is not nothing
    assert "options_changed" not in log


def test_a_folder_of_vectors_for_readers_is_not_started_anew(tmp_path: Path) -> None:
    assert _run(tmp_path, stdin=b"a b c\n")[0] == 0
    (whole,) = (tmp_path / "s").glob("0*")
    shutil.move(whole, f"{whole}-vectors")
    code, log = _run(tmp_path, stdin=b"a b c\n")
    assert code == 78
    assert "vectors for readers only" in log
    assert _run(tmp_path, "--resume", "never", stdin=b"a b c\n")[0] == 0


def test_a_file_that_cannot_be_decoded_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\ntwo\nb\xffd\n")
    code, log = _run(tmp_path, "--source", "file", "--path", "a.log", "--errors", "stop")
    assert code == 1
    assert "a.log, line 3: not UTF-8" in log
