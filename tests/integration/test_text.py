"""What text becomes on its way into the model, with real processes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.integration.daemons import COMMAND


def test_records_of_several_lines(tmp_path: Path) -> None:
    """Windows reach over the lines of a record and not into the next one."""
    text = "> a\n  b\n> c\n  d\n" * 10
    command = [*COMMAND, "run", "--snapshot-dir", tmp_path, "--min-count", "1", "--record-start"]
    result = subprocess.run(
        [*command, "> "], input=text, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert "records=20" in result.stderr
    wrong = subprocess.run([*command, "("], input=text, capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2
    assert "regular expression" in wrong.stderr
