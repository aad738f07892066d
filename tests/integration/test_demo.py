"""``make demo``, without the installation that make does before."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.documents import README, ROOT, blocks
from tests.integration.daemons import environment


def test_the_demo_tells_its_progress_and_ends_with_neighbours(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert re.match(r"\[ +[0-9]+ s\] the documentation of Python", first)
    assert any(re.search(r"read [0-9,]+ texts", line) for line in rest)
    # The library's text changes with Python's version, and so do neighbours: some are always there.
    answers = {line.split()[0]: line.split()[1:] for line in rest if line.startswith("   ")}
    assert {"days,", "day,", "week,", "year,", "weekday,"} & set(answers["month"])
    (shown,) = [block for block in blocks(README.read_text()) if block.text.startswith("  ")]
    assert {line.split()[0] for line in shown.text.splitlines()} <= set(answers)
