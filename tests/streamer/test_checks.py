"""What ``validate`` finds at files and folders is what a start meets there."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from streamer.checkpoints.folder import SnapshotFolder, check_free
from streamer.errors import ConfigurationError
from streamer.sources.file.checks import check
from streamer.sources.file.settings import FileSettings


def test_a_folder_that_cannot_be_entered_does_not_count_against_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "a.log").write_text("a\n")
    scandir = os.scandir

    def refuse(path: str | Path) -> Any:
        if Path(path).name == "private":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    found = list(check(FileSettings(source="file", path=(str(tmp_path / "**"),))))
    assert [one.level for one in found] == ["warning", "ok"]
    assert "private cannot be read: Permission denied" in found[0].message


def test_an_archive_that_ends_too_early_fails_unless_more_may_come(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text\n" * 1000)
    file.write_bytes(file.read_bytes()[:-30])
    (found,) = check(FileSettings(source="file", path=(str(file),)))
    assert found.level == "failure"
    assert "damaged or not complete" in found.message
    (followed,) = check(FileSettings(source="file", path=(str(file),), follow=True))
    assert followed.level == "ok"


def test_a_snapshot_folder_that_cannot_be_locked_is_found_as_a_start_finds_it(
    tmp_path: Path,
) -> None:
    (tmp_path / ".lock").mkdir()
    for hold in (lambda: SnapshotFolder(str(tmp_path)), lambda: check_free(tmp_path)):
        with pytest.raises(ConfigurationError, match="cannot be written: Is a directory"):
            hold()
