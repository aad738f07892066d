"""Stream the documentation of this Python through the daemon, then ask what it learned.

The text is what every Python ships: the language reference behind ``help()``, and the docstrings
and comments of the standard library. It goes through ``w2v-stream`` as any other stream would, and
the neighbours come from the snapshot that the daemon wrote.
"""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

from w2v_online import load_vectors

SNAPSHOTS = Path("demo/snapshots")
ASK = ["socket", "thread", "month", "bytes", "red", "exception"]
OPTIONS = ["--window", "8", "--sample", "1e-4", "--min-count", "20", "--replay", "2"]
"""Less than a million words: some more passes over them, and fewer of the frequent words."""

_WORD = re.compile(r"[a-z]{2,}|[ai]")
_COMMENT = re.compile(r"^\s*#+ ?(.*)$", re.MULTILINE)
_BEGUN = time.monotonic()


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - _BEGUN:4.0f} s] {text}", flush=True)


def documents() -> Iterator[str]:
    """Texts of the language reference, then the docstrings and comments of each module."""
    yield from topics.values()
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [
        file
        for file in sorted(library.rglob("*.py"))
        if not {"site-packages", "test", "tests"} & set(file.parts)
    ]
    said = time.monotonic()
    for number, file in enumerate(files):
        if time.monotonic() - said > 2:
            say(f"read {number:,} of {len(files):,} modules")
            said = time.monotonic()
        yield from _prose(file)


def _prose(file: Path) -> Iterator[str]:
    """The docstrings of a source file, each a document, and its comments."""
    try:
        source = file.read_text("utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented):
            yield ast.get_docstring(node) or ""
    yield " ".join(_COMMENT.findall(source))


def main() -> None:
    """Run the daemon on the documents and print neighbours from its snapshot."""
    arguments = ["run", "--snapshot-dir", str(SNAPSHOTS), "--resume", "never", *OPTIONS]
    say(f"the documentation of Python {sys.version.split()[0]} | w2v-stream {' '.join(arguments)}")
    # It compiles its kernels, the first time, while the documents are read.
    daemon = subprocess.Popen([sys.executable, "-m", "streamer", *arguments], stdin=subprocess.PIPE)
    assert daemon.stdin is not None
    texts = list(documents())
    say(f"read {len(texts):,} texts")
    random.Random(1).shuffle(texts)
    with daemon.stdin as stream:
        for text in texts:
            words = _WORD.findall(text.lower())
            if words:
                stream.write(" ".join(words).encode() + b"\n")
    if daemon.wait() != 0:
        sys.exit(daemon.returncode)
    vectors = load_vectors(SNAPSHOTS)
    total = vectors.manifest["totals"]["words"]
    say(f"{vectors.path}: {len(vectors):,} words learned from {total:,}\n")
    for word in ASK:
        if word in vectors:
            near = ", ".join(neighbor for neighbor, _ in vectors.most_similar(word, topn=7))
            print(f"  {word:>9}  {near}")
    print(f"\nAsk for more: .venv/bin/w2v-stream neighbors {SNAPSHOTS} WORD")


if __name__ == "__main__":
    main()
