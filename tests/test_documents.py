"""What the documents show, done as they show it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.queries import QUERIES
from streamer.scoring import score
from streamer.serve import serve
from streamer.settings import RunSettings
from streamer.views import VIEWS

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text()


def _code_blocks(text: str) -> list[str]:
    blocks = re.findall(r"(?:^    .*\n|^\n)+", text, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip("\n") for block in blocks]


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
    blocks = [block for block in _code_blocks(_README) if "import" in block]
    assert len(blocks) == 3
    _run(blocks[0], folder)
    _run(blocks[1], folder)
    _run(blocks[2], tmp_path_factory.mktemp("learn"))


def test_the_readmes_queries_run(folder: Path) -> None:
    queries = re.findall(
        r"^    w2v-stream ((?:neighbors|analogy|inspect|score) .*)$", _README, re.M
    )
    assert len(queries) == 5
    for query in queries:
        command = [sys.executable, "-m", "streamer", *shlex.split(query, comments=True)]
        result = subprocess.run(
            command, cwd=folder, input="", capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr


def test_every_flag_in_the_documents_exists() -> None:
    known = {"--" + name.replace("_", "-") for name in RunSettings.model_fields}
    known |= {
        "--no-" + name.replace("_", "-")
        for name, field in RunSettings.model_fields.items()
        if field.annotation is bool
    }
    known |= {
        flag
        for query in [score, serve, *QUERIES, *VIEWS]
        for param in query.params
        for flag in param.opts
    }
    known |= {"--config", "--help", "--print-config"}
    for file in [_ROOT / "README.md", _ROOT / "CHANGELOG.md", *(_ROOT / "docs").glob("[dos]*.md")]:
        flags = set(re.findall(r"--[a-z][a-z-]+", file.read_text()))
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
