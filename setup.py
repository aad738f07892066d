"""Copies plotly's script for charts, 5 MB, into the package: the rest of plotly is 70 MB."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithCharts(build_py):
    """Builds Python files, and the script that the page at ``/`` draws with."""

    def run(self) -> None:
        """Copy to where files are built; in an editable installation they stay where they are."""
        super().run()
        script = resources.files("plotly") / "package_data" / "plotly.min.js"
        root = Path(__file__).parent if self.editable_mode else Path(self.build_lib)
        target = root / "streamer" / "http" / "page" / "plotly.min.js"
        target.write_bytes(script.read_bytes())


setup(cmdclass={"build_py": BuildWithCharts})
