"""Every command in README and docs does what it is shown for, or has a reason why it is not run.

Those that need a Kafka broker are in ``tests/kafka/test_commands.py``, the blocks of README in
``test_readme.py``, the recipes of CONTRIBUTING in ``tests/test_contributing.py``.
"""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.documents import ROOT, Command, commands
from tests.integration.test_s3 import _ACCESS, server  # noqa: F401 a fixture
from tests.shell import furnish, run

_NOT_RUN = {
    "make test": "is what runs this",
    "make check": "is run by .ci/run",
    "make docs": "is run by .ci/run, and tests/test_site.py builds the site",
    "make package": "is run by .ci/run",
    "python -m tools.reference": "is run by make docs; it writes into the checkout, whose pages "
    "tests/test_site.py compares",
    "make test-all": "runs all tests under each Python that is at hand",
    'make test-all PYTHONS="/path/to/python3.12 python3.13"': "names Pythons of somebody's machine",
    "python -m tools.mutants": "runs tests for hours, and needs cosmic-ray",
    "python -m tools.layout": "is run by make docs; it writes into the checkout, whose tree "
    "tests/test_contributing.py compares",
    "docker compose --file deploy/compose.yaml up --build": "needs Docker and its registries; "
    "the file's parts are checked in tests/test_deploy.py",
    "export W2V_STREAM_KAFKA_PASSWORD=... # or --kafka-password-file FILE": "a password of one's "
    "own; the command after it is run with one",
    "journalctl -u w2v-stream -o cat -S today": "needs a systemd that runs the unit",
    "journalctl -u w2v-stream": "needs a systemd that runs the unit",
    "systemctl edit w2v-stream": "needs a systemd that runs the unit",
    "w2v-stream run": "reads standard input; run with some in README",
    "systemctl status": "needs a systemd that runs the unit",
    "systemctl reload": "needs a systemd that runs the unit",
    "python -m benchmarks.fuzz_text log -max_total_time=600": "needs atheris, which few "
    "Pythons have",
    "redis-cli XADD logs '*' message 'some text'": "needs a Redis server",
    "w2v-stream run --redis-url redis://127.0.0.1:6379 --redis-stream logs": "tests/redis has "
    "a server",
    "curl -s -H 'Content-Type: application/json' -d '{\"lines\": [\"kernel panic not syncing\"]}' "
    "http://127.0.0.1:8787/v1/score": "is asked in test_score_http.py",
    "promtool check rules": "is run with the rules in tests/test_deploy.py",
}
"""Commands, and why nothing here runs them."""

_STAND_INS = {
    "/var/log/app": "logs",
    "127.0.0.1:8787": "127.0.0.1:0",
    "s3://bucket/prefix": "s3://vectors/commands",
    "FOLDER": "vectors",
    "HOST:PORT": "127.0.0.1:0",
}
"""What is said of somebody's machine, and what takes its place on this one."""

_COMMANDS = commands()
_PLAIN = {command: " ".join(command.text.split()) for command in _COMMANDS}
_RUN = [
    command
    for command in _COMMANDS
    if _PLAIN[command] not in _NOT_RUN
    and not command.text.startswith(("pip install", "make bench", "python -m benchmarks"))
    and "broker:" not in command.text
    and not (command.document in ("README.md", "CONTRIBUTING.md") and command.is_block)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands find; each leaves its results for the next, as it would for a user."""
    furnished = tmp_path_factory.mktemp("commands")
    furnish(furnished)
    return furnished


@pytest.mark.parametrize("command", [c for c in _RUN if "s3:" not in c.text], ids=str)
def test_a_command_ends_well(command: Command, folder: Path) -> None:
    text = command.text
    for shown, here in _STAND_INS.items():
        text = text.replace(shown, here)
    if text.startswith("w2v-stream run --init"):
        text = f"some-command | {text} --snapshot-dir begun"
    run(text, folder)


@pytest.mark.parametrize("command", [c for c in _RUN if "s3:" in c.text], ids=str)
def test_a_command_on_object_storage_ends_well(
    command: Command,
    folder: Path,
    server: str,  # noqa: F811 the fixture
) -> None:
    text = command.text.replace("s3://bucket/prefix", _STAND_INS["s3://bucket/prefix"])
    cache = str(folder / "cache")
    run(text, folder, **_ACCESS, AWS_ENDPOINT_URL=server, XDG_CACHE_HOME=cache)


def _benchmarks() -> dict[str, list[str]]:
    """The arguments that each benchmark is shown with, those of ``make bench`` included."""
    shown: dict[str, list[str]] = {}
    for command in _COMMANDS:
        lines = [] if command.text in _NOT_RUN else [command.text]
        if command.text.startswith("make bench"):
            asked = ["make", "-n", *shlex.split(command.text)[1:], "PYTHON=python3"]
            lines = subprocess.run(
                asked, cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout.splitlines()
        for line in lines:
            if found := re.search(r"python -m benchmarks\.(\w+)(.*)", line.replace("\\", " ")):
                shown.setdefault(found[1], []).extend(shlex.split(found[2]))
    return shown


@pytest.mark.filterwarnings("default")  # of libraries that are imported
@pytest.mark.parametrize(("name", "arguments"), _benchmarks().items())
def test_a_benchmark_takes_what_it_is_shown_with(
    name: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Benchmarks take minutes to hours: what is run is their help."""
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        importlib.import_module(f"benchmarks.{name}").main()
    told = capsys.readouterr().out
    for argument in arguments:
        if argument.startswith("--"):
            assert re.search(rf"{argument}\b", told), f"benchmarks.{name} {argument}"


def test_extras_that_are_to_be_installed_exist() -> None:
    """pip itself is run by make, in an environment of its own."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    installs = [command.text for command in _COMMANDS if command.text.startswith("pip install")]
    assert installs
    for text in installs:
        wanted = re.fullmatch(r"pip install (?:\.|'(?:\.|w2v-stream)\[(\w+)\]'|[\w-]+)", text)
        assert wanted, text
        assert wanted[1] is None or wanted[1] in extras


def test_reasons_are_for_commands_that_are_there() -> None:
    assert set(_NOT_RUN) <= set(_PLAIN.values())
