"""The commands and code that README and docs show, found by the language of their fences.

A block of ``sh`` is typed into a shell by the tests, a block of ``python`` is run; the other
languages are shown only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FILES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILES = [file for file in FILES if file.exists()]
SHOWN = frozenset({"console", "diff", "json", "math", "text", "toml", "yaml"})
"""Languages of blocks that nothing runs."""

_PROGRAMS = (
    "docker", "export", "journalctl", "kubectl", "make", "pip", "promtool", "python",
    "some-command", "systemctl", "w2v-stream", "xz",
)  # fmt: skip
"""How code in a line of prose begins that is a command."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its lines."""

    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line for the shell, continuations joined, as the document shows it."""

    text: str
    document: str
    is_block: bool = True
    """Whether it stands in a block, not in a line of prose."""

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a document, in order."""
    found = re.findall(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", document, re.MULTILINE | re.DOTALL)
    return [
        Block(language, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE).strip("\n"))
        for indent, language, text in found
    ]


def python_blocks(document: str) -> list[str]:
    """Those of them that are Python."""
    return [block.text for block in blocks(document) if block.language == "python"]


def commands() -> list[Command]:
    """Every shell command in README and docs."""
    found: dict[Command, None] = {}
    for file in FILES:
        text = file.read_text()
        if text.startswith("<!-- Written by"):
            continue  # a reference page: usage, no commands
        for block in blocks(text):
            if block.language == "sh":
                found.update((Command(line, file.name), None) for line in lines(block.text))
        prose = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for line in re.findall(r"`([^`\n]+)`", prose):
            if line.startswith(_PROGRAMS) and len(line.split()) > 1:
                found[Command(line, file.name, is_block=False)] = None
    return list(found)


def lines(block: str) -> list[str]:
    """A shell block's commands: comments left out, continued lines joined."""
    joined = re.sub(r" *\\\n *", " ", block).splitlines()
    return [line for line in joined if line.strip() and not line.startswith("#")]
