"""The commands that the documents show, found mechanically: indented blocks and code in a line.

Everything indented is a shell command, Python, or named here as neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = [
    ROOT / "README.md",
    *sorted(file for file in (ROOT / "docs").glob("*.md") if file.name != "equations.md"),
]
"""Those that show what to type: the equations do not."""

_PROGRAMS = (
    "docker", "export", "journalctl", "kubectl", "make", "pip", "promtool", "python",
    "some-command", "systemctl", "w2v-stream", "xz",
)  # fmt: skip

_NO_COMMANDS = {
    "socket  connection,": "what a command prints",
    "59    9.8366": "what a command prints",
    "w2v_online/": "a picture of the source",
    "streamer/": "a picture of the source",
    "{'descr':": "a file's header",
}
"""How blocks begin that are neither shell nor Python, and what they are."""


@dataclass(frozen=True)
class Command:
    """A line for the shell, continuations joined, as the document shows it."""

    text: str
    document: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"


def blocks(document: str) -> list[str]:
    """The indented blocks of a document, without their indentation."""
    found = re.findall(r"(?:(?:^    .*\n)(?:^\n)*)+", document, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip("\n") for block in found]


def python_blocks(document: str) -> list[str]:
    """Those of them that are Python."""
    return [block for block in blocks(document) if "import " in block]


def is_known(block: str) -> bool:
    """Whether a block is Python, or shell from its first word to the last line's, or named here."""
    is_shell = all(line.split()[0] in _PROGRAMS for line in _lines(block))
    return is_shell or "import " in block or block.strip().startswith(tuple(_NO_COMMANDS))


def commands() -> list[Command]:
    """Every shell command in README and docs."""
    found: dict[Command, None] = {}
    for file in FILES:
        text = file.read_text()
        for block in blocks(text):
            if "import " not in block and block.split()[0] in _PROGRAMS:
                found.update((Command(line, file.name), None) for line in _lines(block))
        prose = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)
        for line in re.findall(r"`([^`\n]+)`", prose):
            if line.startswith(_PROGRAMS) and len(line.split()) > 1:
                found[Command(line, file.name)] = None
    return list(found)


def _lines(block: str) -> list[str]:
    """A block's lines, those joined that a backslash continues."""
    return [line for line in re.sub(r" *\\\n *", " ", block).splitlines() if line.strip()]
