"""What the distribution and the workflows promise: typed packages, a whole sdist, one CI."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())
_WORKFLOWS = _ROOT / ".github" / "workflows"


def _workflow(name: str) -> dict:
    return yaml.safe_load((_WORKFLOWS / name).read_text())


def _steps(name: str) -> str:
    jobs = _workflow(name)["jobs"].values()
    return "\n".join(step.get("run", "") for job in jobs for step in job["steps"])


def test_both_packages_are_typed_and_say_so_when_installed() -> None:
    data = _PROJECT["tool"]["setuptools"]["package-data"]
    for package in ("streamer", "w2v_online"):
        assert (_ROOT / package / "py.typed").exists()
        assert "py.typed" in data[package]
    assert "Typing :: Typed" in _PROJECT["project"]["classifiers"]


def test_the_pythons_that_are_promised_are_those_that_are_tested() -> None:
    prefix = "Programming Language :: Python :: 3."
    promised = {
        c.removeprefix("Programming Language :: Python :: ")
        for c in _PROJECT["project"]["classifiers"]
        if c.startswith(prefix)
    }
    matrix = _workflow("ci.yml")["jobs"]["unit"]["strategy"]["matrix"]
    assert set(matrix["python"]) == promised
    oldest = min(promised, key=lambda version: int(version.partition(".")[2]))
    assert _PROJECT["project"]["requires-python"] == f">={oldest}"
    assert "macos-latest" in matrix["system"]


def test_workflows_run_what_ci_runs() -> None:
    assert "bash .ci/run" in _steps("ci.yml")
    assert "make package" in _steps("release.yml")
    ci = (_ROOT / ".ci" / "run").read_text()
    for target in ("check", "docs", "package", "test"):
        assert re.search(rf"^(?:\w+=\S+ )*make {target}$", ci, re.MULTILINE), target


def test_bug_reports_ask_for_what_inspect_prints() -> None:
    form = yaml.safe_load((_ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text())
    labels = [field["attributes"].get("label", "") for field in form["body"]]
    assert any("w2v-stream inspect" in label for label in labels)


def test_an_sdist_has_every_folder_that_make_test_needs() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    folders = {line.split("/")[0] for line in listed.stdout.splitlines() if "/" in line}
    manifest = (_ROOT / "MANIFEST.in").read_text()
    grafted = set(re.findall(r"^graft (\S+)$", manifest, re.MULTILINE))
    packages = {"streamer", "w2v_online"}
    assert folders - grafted - packages <= {".ci", ".github"}


def test_an_installation_has_the_script_of_charts_without_plotly() -> None:
    """Plotly is needed to build, and 70 MB; the page needs one file of it."""
    names = {re.split(r"[\[<>=]", name)[0] for name in _PROJECT["project"]["dependencies"]}
    assert "plotly" not in names
    assert any(name.startswith("plotly") for name in _PROJECT["build-system"]["requires"])
    assert "page/*" in _PROJECT["tool"]["setuptools"]["package-data"]["streamer.http"]
