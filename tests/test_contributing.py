"""CONTRIBUTING.md followed to the letter: its recipes applied to a copy of the sources, and run."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, Block, blocks, lines
from tests.integration.daemons import environment
from tests.shell import run_in
from tools import layout

_DOCUMENT = (ROOT / "CONTRIBUTING.md").read_text()
_COPIED = ("streamer", "w2v_online", "tools", "docs")


def _recipes() -> dict[str, list[Block]]:
    """The blocks of each recipe, by its heading."""
    parts = re.split(r"^### (.+)$", _DOCUMENT, flags=re.MULTILINE)[1:]
    return {name: blocks(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def apply(change: str, folder: Path) -> None:
    """Make the changes of a ``diff`` block, whose hunks begin with ``+++`` and a path."""
    for path, hunk in re.findall(r"^\+\+\+ (\S+)\n((?:(?!\+\+\+ ).*\n?)+)", change, re.MULTILINE):
        marked = [line for line in hunk.splitlines() if line]
        before = "\n".join(line[1:] for line in marked if line[0] in " -")
        after = "\n".join(line[1:] for line in marked if line[0] in " +")
        file = folder / path
        if not before:
            assert not file.exists(), f"{path} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(after + "\n")
            continue
        text = file.read_text()
        assert text.count(f"\n{before}\n") == 1, f"{path} has not exactly one place for:\n{hunk}"
        file.write_text(text.replace(f"\n{before}\n", f"\n{after}\n"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, as a contributor's checkout has them."""
    folder = tmp_path_factory.mktemp("contributor")
    for name in _COPIED:
        # With compiled kernels: their files are as old as those that they were made from.
        shutil.copytree(ROOT / name, folder / name)
    (folder / "bin").mkdir()
    for name, arguments in {"w2v-stream": "-m streamer", "python": ""}.items():
        (folder / "bin" / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (folder / "bin" / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("name", _recipes())
def test_a_recipe_works(name: str, copy: Path) -> None:
    """In order: a recipe may use what an earlier one left."""
    changes = [block for block in _recipes()[name] if block.language == "diff"]
    commands = [block for block in _recipes()[name] if block.language == "sh"]
    assert changes
    assert commands
    given = environment()
    given |= {"PATH": f"{copy / 'bin'}:{given['PATH']}", "PYTHONPATH": str(copy)}
    for block in changes:
        apply(block.text + "\n", copy)
    for line in lines("\n".join(block.text for block in commands)):
        run_in(given, line, copy)


def test_the_tree_of_folders_is_that_of_the_sources() -> None:
    assert layout.written(_DOCUMENT) == _DOCUMENT, "run: python -m tools.layout"
    for line in layout.lines():
        assert re.search(r"/ +\w", line), f"a folder without a docstring: {line}"
