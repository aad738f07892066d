"""What the documents show besides commands (those: tests/integration/test_commands.py)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.cli import main
from streamer.cluster.settings import ClusterSettings
from tests.documents import FILES, blocks, is_known, python_blocks

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text()


def _run(code: str, folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with snapshots of the words that the README asks for."""
    words = b"france spain king man woman queen\n" * 20
    subprocess.run(
        [sys.executable, "-m", "streamer", "--snapshot-dir", tmp_path / "vectors"],
        input=words,
        capture_output=True,
        check=True,
        timeout=120,
    )
    (tmp_path / "new.log").write_text("france spain king\n")
    return tmp_path


def test_the_readmes_python_runs(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    blocks = python_blocks(_README)
    assert len(blocks) == 3
    _run(blocks[0], folder)
    _run(blocks[1], folder)
    _run(blocks[2], tmp_path_factory.mktemp("learn"))


def test_every_block_is_python_or_commands_or_has_a_reason_to_be_neither() -> None:
    """So that none is left out where commands are run."""
    unknown = [b for file in FILES for b in blocks(file.read_text()) if not is_known(b)]
    assert not unknown


def test_every_flag_in_the_documents_exists() -> None:
    known = {"--" + name.replace("_", "-") for name in ClusterSettings.model_fields}
    known |= {
        "--no-" + name.replace("_", "-")
        for name, field in ClusterSettings.model_fields.items()
        if field.annotation is bool
    }
    known |= {
        flag
        for command in main.commands.values()
        for param in command.params
        for flag in param.opts
    }
    known |= {"--config", "--help", "--print-config"}
    documents = [*(_ROOT / "docs").glob("[dos]*.md"), _ROOT / "docs" / "cluster.md"]
    for file in [_ROOT / "README.md", _ROOT / "CHANGELOG.md", *documents]:
        text = re.sub(
            r"`python -m benchmarks[^`]*`", "", file.read_text()
        )  # have flags of their own
        flags = set(re.findall(r"--[a-z][a-z-]+", text))
        assert flags <= known, file


def test_the_documents_links_lead_somewhere() -> None:
    for file in [_ROOT / "README.md", *(_ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
            assert (file.parent / link).exists(), f"{file.name}: {link}"


def test_the_snapshot_document_lists_every_file(folder: Path) -> None:
    document = (_ROOT / "docs" / "snapshot-format.md").read_text()
    snapshot = next(path for path in (folder / "vectors").iterdir() if path.is_dir())
    for file in snapshot.rglob("*.*"):
        assert f"`{file.name}`" in document, file.name
