"""README typed from top to bottom, in an empty home folder, with the options' real defaults.

Its Kafka command is run by ``tests/kafka/test_commands.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.documents import README, blocks, lines
from tests.integration.daemons import environment
from tests.shell import run_in

_ELSEWHERE = {
    "make demo": "needs the checkout; tests/integration/test_demo.py",
    "broker:9092": "needs a broker; tests/kafka/test_commands.py",
}
"""What commands have in them that are not typed here, and why."""


@pytest.mark.timeout(1200)
def test_readme_runs_from_top_to_bottom(tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, command in {"w2v-stream": "-m streamer", "python3": ""}.items():
        (bin_folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
        (bin_folder / name).chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    given = environment() | {"HOME": str(home), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    typed = 0
    for block in blocks(README.read_text()):
        if block.language == "python":
            (home / ".typed.py").write_text(block.text)
            run_in(given, "python3 .typed.py", home)
        if block.language == "sh":
            for line in lines(block.text):
                if not any(part in line for part in _ELSEWHERE):
                    run_in(given, line.replace("127.0.0.1:8787", "127.0.0.1:0"), home)
                    typed += 1
    assert typed > 10
    answer = run_in(given, "w2v-stream neighbors vectors monday --topn 3", home)
    assert "tuesday" in answer or "sunday" in answer or "saturday" in answer
