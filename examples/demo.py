"""Stream the Python documentation on this machine through the daemon, then ask what it learned.

The text is what every Python ships: the language reference behind ``help()`` and the docstrings
and comments of the standard library. It goes through ``w2v-stream`` as any other stream would,
and the neighbours come from the snapshot that the daemon wrote.
"""

from __future__ import annotations

import ast
import io
import random
import re
import subprocess
import sys
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

from w2v_online import load_vectors

SNAPSHOTS = Path("demo/snapshots")
ASK = ["socket", "thread", "month", "bytes", "red", "exception"]
OPTIONS = ["--vector-size", "50", "--window", "8", "--sample", "1e-4", "--min-count", "20"]
"""Less than a million words: smaller vectors and rarer frequent words than the defaults."""

_WORD = re.compile(r"[a-z]{2,}|[ai]")


def documents() -> Iterator[str]:
    """Texts of the language reference, then the docstrings and comments of each module."""
    yield from topics.values()
    library = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(library.rglob("*.py")):
        if not {"site-packages", "test", "tests"} & set(file.parts):
            yield from _prose(file)


def _prose(file: Path) -> Iterator[str]:
    """The docstrings, each a document, and the comments of a source file."""
    try:
        source = file.read_text("utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        comments = [
            token.string.lstrip("# ")
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        ]
    except (OSError, SyntaxError, UnicodeDecodeError, tokenize.TokenError):
        return
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented):
            yield ast.get_docstring(node) or ""
    yield " ".join(comments)


def main() -> None:
    """Run the daemon on the documents and print neighbours from its snapshot."""
    command = [
        *(sys.executable, "-m", "streamer"),
        *("--snapshot-dir", str(SNAPSHOTS), "--resume", "never", *OPTIONS),
    ]
    texts = list(documents())
    random.Random(1).shuffle(texts)
    print("$ python-documentation | w2v-stream", *command[3:], flush=True)
    daemon = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert daemon.stdin is not None
    with daemon.stdin as stream:
        for text in texts:
            words = _WORD.findall(text.lower())
            if words:
                stream.write(" ".join(words).encode() + b"\n")
    if daemon.wait() != 0:
        sys.exit(daemon.returncode)
    vectors = load_vectors(SNAPSHOTS)
    total = vectors.manifest["totals"]["words"]
    print(f"\n{vectors.path}: {len(vectors):,} words learned from {total:,}\n")
    for word in ASK:
        if word in vectors:
            near = ", ".join(neighbor for neighbor, _ in vectors.most_similar(word, topn=7))
            print(f"  {word:>8}  {near}")
    print(f"\nAsk for more: .venv/bin/w2v-stream neighbors {SNAPSHOTS} WORD")


if __name__ == "__main__":
    main()
