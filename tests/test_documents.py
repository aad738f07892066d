"""What the documents show besides commands (those: tests/integration/test_commands.py)."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from streamer.cli import main
from tests.documents import FILES, README, SHOWN, blocks, python_blocks

_ROOT = Path(__file__).parent.parent


def _run(code: str, folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with snapshots of the words that the guides ask for."""
    tmp_path = tmp_path_factory.mktemp("guides")
    words = b"france spain king man woman queen\n" * 20
    subprocess.run(
        [sys.executable, "-m", "streamer", "--snapshot-dir", tmp_path / "vectors"],
        input=words,
        capture_output=True,
        check=True,
        timeout=240,
    )
    (tmp_path / "new.log").write_text("france spain king\n")
    return tmp_path


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(block, id=f"{file.stem}-{number}")
        for file in FILES
        if file != README
        for number, block in enumerate(python_blocks(file.read_text()))
    ],
)
def test_the_guides_python_runs(folder: Path, code: str) -> None:
    """README's is typed by tests/integration/test_readme.py."""
    for package in re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    _run(code, folder)


def test_every_block_has_a_language_that_is_run_or_meant_to_be_shown() -> None:
    """So that none is left out where commands are run."""
    for file in FILES:
        text = file.read_text()
        languages = {block.language for block in blocks(text)}
        assert languages <= {"sh", "python", *SHOWN}, file.name
        assert 2 * len(blocks(text)) == len(re.findall(r"^ *```", text, re.MULTILINE)), file.name
        prose = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
        assert not re.search(r"\n\n    [^ *-]", prose), f"{file.name}: use a fence for code"


def _flags(command: click.Command) -> set[str]:
    """Every flag of a command and of those below it."""
    found = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found |= _flags(inner)
    return found


def test_every_flag_in_the_documents_exists() -> None:
    known = _flags(main) | {"--help", "--topic", "--bootstrap-servers"}  # of examples/produce.py
    for file in [*FILES, _ROOT / "CHANGELOG.md"]:
        if file.name in ("benchmarks.md", "CONTRIBUTING.md"):
            continue  # programs with flags of their own; recipes that add flags
        others = r"(`|^)(python|docker|pip|journalctl|embedding-atlas) [^`]*?(`|$)"
        text = re.sub(others, "", file.read_text(), flags=re.MULTILINE)
        flags = set(re.findall(r"--[a-z][a-z-]+", text))
        assert flags <= known, f"{file.name}: {flags - known}"


_RIDDLES = re.compile(
    r"sightings?|anew|settl(?:e|es|ed|ing)|chang(?:e|es|ed|ing) hands|young|whoever|somebody"
    r"|(?:a|one|first|second|more|another|[0-9]+|two|four|each) looks?(?! (?:like|at|up|for))",
    re.IGNORECASE,
)
"""Words that this project once had for pass, occurrence, annealing, reassigned and the like."""


def test_documents_use_the_fields_words() -> None:
    for file in FILES:
        prose = re.sub(r"`[^`\n]+`", "", file.read_text())
        found = re.findall(rf"\b(?:{_RIDDLES.pattern})\b", prose, re.IGNORECASE)
        assert not found, f"{file.name}: {found}"


def test_the_documents_links_lead_somewhere() -> None:
    for file in FILES:
        for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
            assert (file.parent / link).exists(), f"{file.name}: {link}"


def test_the_snapshot_document_lists_every_file(folder: Path) -> None:
    document = (_ROOT / "docs" / "reference" / "snapshot-format.md").read_text()
    snapshot = next(path for path in (folder / "vectors").iterdir() if path.is_dir())
    for file in snapshot.rglob("*.*"):
        assert f"`{file.name}`" in document, file.name
