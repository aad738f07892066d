"""The tree of folders in CONTRIBUTING.md, from the first line of each folder's docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "CONTRIBUTING.md"
_BEGIN, _END = "<!-- layout:begin -->", "<!-- layout:end -->"
_PACKAGES = ("streamer", "w2v_online", "tools", "benchmarks")
_OTHERS = {
    "tests/": "Unit tests by package; integration/ with real processes, kafka/ with a broker",
    "docs/": "The documentation site",
    "deploy/": "systemd, Docker, Kubernetes, Prometheus, Grafana",
    "examples/": "Programs to try",
}


def lines() -> Iterator[str]:
    """Each folder, indented by its depth, with what it holds."""
    for package in _PACKAGES:
        for file in sorted((ROOT / package).rglob("__init__.py")):
            folder = file.parent.relative_to(ROOT)
            docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
            name = "  " * (len(folder.parts) - 1) + f"{folder.name}/"
            yield f"{name:20}{_plain(docstring)}"
    for name, text in _OTHERS.items():
        yield f"{name:20}{text}"


def _plain(docstring: str) -> str:
    first = docstring.split("\n\n")[0].replace("\n", " ").removesuffix(".")
    return re.sub(r":\w+:`\.?(\w+)`|``", r"\1", first)


def section() -> str:
    """The block as it stands in the document."""
    return "```text\n" + "\n".join(lines()) + "\n```"


def written(document: str) -> str:
    """The document with the block as it should be."""
    begin, _, rest = document.partition(_BEGIN)
    _, _, end = rest.partition(_END)
    return f"{begin}{_BEGIN}\n{section()}\n{_END}{end}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
