"""Judges the tests by mutation: small changes of the code, each of which some test must notice.

Mutants are made in a copy of the repository by Cosmic Ray's operators, and by one more that takes a
call out. Of each module some are drawn by a seed, and the module's own tests run on each of them
until one fails. What survives is printed as a difference; `mutants.txt` names those that change
nothing that could be seen. Code that Numba compiles is left alone.

    pip install 'cosmic-ray>=8.7'
    python -m tools.mutants [--seed 1] [--share 1.0] [--longest 60] [MODULE ...]
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
EQUIVALENT = Path(__file__).parent / "mutants.txt"
_LEAST_SECONDS = 120.0
"""A mutant that waits is ended after five times the time of the tests, or so much."""

_CPU_SECONDS = 100
"""A mutant that loops is ended then; none of the tests needs half of it."""

_BYTES = 8 << 30
"""Memory that a mutant may reserve: one that loops may also collect."""

_OUTPUT, _TESTS = "output.txt", "tests.json"
"""What the tests print, and how long each took."""

_LEAVE_OUT = "LeaveOut"
"""The operator that takes a call out."""


@dataclass(frozen=True)
class Subject:
    """A module, how many mutants of it are drawn, and its tests, the nearest first."""

    module: str
    mutants: int
    tests: tuple[str, ...]


def _subject(module: str, mutants: int, *tests: str) -> Subject:
    return Subject(module, mutants, tuple(f"tests/{test}" for test in tests))


_UNIT, _DAEMON = "w2v_online", "streamer"
_SNAPSHOTS = tuple(
    f"{_UNIT}/test_snapshot.py::test_{test}"
    for test in (
        "the_last_snapshot_of_hours_and_days_stays",
        "vectors_alone_are_counted_apart",
        "nothing_there_is_an_error_with_the_path",
        "prune_keeps_the_newest_complete_ones",
        "cleaning_ends_what_was_interrupted",
        "a_failed_write_leaves_nothing_and_the_old_ones",
        "a_folder_that_is_not_there_is_made",
        "the_newest_complete_one_is_found_when_the_last_is_damaged",
        "version_1_loads_and_later_ones_do_not",
        "refresh_loads_a_newer_snapshot",
        "a_manifest_cannot_name_files_elsewhere",
        "space_is_looked_for_before_anything_is_written",
        "an_index_that_agrees_with_the_manifest_is_not_trusted",
        "content_that_agrees_with_the_manifest_is_not_trusted",
        "a_manifest_with_senseless_values_is_the_named_error",
    )
)
SUBJECTS = (
    _subject("w2v_online/learning/vocabulary.py", 22, f"{_UNIT}/test_vocabulary.py"),
    _subject("w2v_online/learning/sampler.py", 14, f"{_UNIT}/test_sampler.py"),
    _subject("w2v_online/learning/huffman.py", 18, f"{_UNIT}/test_huffman.py"),
    _subject(
        "w2v_online/learning/replay.py",
        16,
        f"{_UNIT}/test_replay.py",
        f"{_UNIT}/test_annealing.py::"
        "test_all_kept_text_is_trained_as_often_as_asked_for_from_the_oldest_on",
    ),
    _subject(
        "w2v_online/learning/averages.py",
        14,
        f"{_UNIT}/test_averages.py",
        f"{_UNIT}/test_publishing.py",
        f"{_UNIT}/test_annealing.py::test_vectors_go_a_share_of_the_way_to_their_averages",
    ),
    _subject(
        "w2v_online/snapshots/writer.py",
        12,
        *_SNAPSHOTS,
        f"{_DAEMON}/test_checkpoint.py::test_folders_that_cannot_be_synced_are_written_all_the_same",
        f"{_DAEMON}/test_checkpoint.py::"
        "test_everything_is_synced_before_a_snapshot_appears_and_its_name_after",
    ),
    _subject("w2v_online/snapshots/reader.py", 14, *_SNAPSHOTS),
    _subject("w2v_online/snapshots/retention.py", 12, *_SNAPSHOTS),
    _subject("streamer/checkpoints/checkpointer.py", 18, f"{_DAEMON}/test_checkpoint.py"),
    _subject(
        "streamer/daemon/pipeline.py",
        8,
        f"{_DAEMON}/test_pipeline.py",
        "integration/test_annealing.py::test_a_stream_without_end_is_annealed_beside_learning",
    ),
    _subject(
        "streamer/text/decode.py",
        14,
        f"{_DAEMON}/test_decode.py",
        f"{_DAEMON}/test_invalid.py",
        f"{_DAEMON}/test_layers.py",
        f"{_DAEMON}/test_origins.py",
    ),
    _subject("streamer/text/records.py", 12, f"{_DAEMON}/test_records.py"),
    _subject(
        "streamer/sources/file/tail.py",
        14,
        f"{_DAEMON}/test_containers.py",
        f"{_DAEMON}/test_file.py",
        f"{_DAEMON}/test_which_file.py",
    ),
    _subject(
        "streamer/sources/file/logs.py",
        18,
        f"{_DAEMON}/test_containers.py",
        f"{_DAEMON}/test_file.py",
        f"{_DAEMON}/test_which_file.py",
    ),
    _subject(
        "streamer/sources/file/aside.py",
        12,
        f"{_DAEMON}/test_containers.py",
        f"{_DAEMON}/test_file.py",
        f"{_DAEMON}/test_which_file.py",
    ),
    _subject("streamer/sources/stdin/source.py", 10, f"{_DAEMON}/test_stdin.py"),
    _subject("streamer/sources/kafka/handover.py", 10, "kafka/test_handover.py"),
)


@dataclass(frozen=True)
class Place:
    """What can be changed: the ``occurrence``-th place of an operator, which is on ``line``."""

    line: int
    operator: str
    occurrence: int


def places(source: str) -> Iterator[Place]:
    """Where a module can be changed, but for annotations, which nobody runs."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    annotations = _annotations(source)
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        if get_operator(name).arguments():
            continue  # these need names to be told
        operator = get_operator(name)()
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(positions):
            if not any(first <= start and end <= last for first, last in annotations):
                yield Place(start[0], name, occurrence)
    for node in _calls(source):
        yield Place(node.lineno, _LEAVE_OUT, node.col_offset)


def _annotations(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations begin and end: lines from 1 on and columns from 0 on."""
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            found.append(node.returns)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in found
        if node is not None
    ]


def _calls(source: str) -> Iterator[ast.Expr]:
    """Calls whose answer nobody wants."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield node


def mutant(source: str, place: Place) -> str:
    """A module's text with one change."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    if place.operator != _LEAVE_OUT:
        return mutate_code(source, get_operator(place.operator)(), place.occurrence) or source
    lines = source.splitlines(keepends=True)
    at = place.line, place.occurrence
    node = next(node for node in _calls(source) if (node.lineno, node.col_offset) == at)
    rest = lines[place.line - 1][: node.col_offset] + "pass\n"
    return "".join([*lines[: place.line - 1], rest, *lines[node.end_lineno or place.line :]])


def draw(subject: Subject, source: str, share: float, seed: int) -> list[Place]:
    """Some of a module's places, no two of the same line and family of operators."""
    families: dict[tuple[int, str], list[Place]] = {}
    for place in places(source):
        families.setdefault((place.line, place.operator.split("_")[0]), []).append(place)
    chance = random.Random(f"{seed} {subject.module}")
    wanted = max(1, round(subject.mutants * share))
    drawn = chance.sample(sorted(families), min(wanted, len(families)))
    return [chance.choice(families[family]) for family in drawn]


def difference(original: str, changed: str) -> str:
    """The changed lines, with one before them and one after."""
    compared = difflib.unified_diff(original.splitlines(), changed.splitlines(), n=1, lineterm="")
    shown = [line.rstrip() for line in compared if not line.startswith(("---", "+++", "@@"))]
    return "\n".join(line for line in shown if line)


def _copy(target: Path) -> None:
    """The tracked files as they are now, with the kernels that were compiled here."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    for file in [*files, *ROOT.glob("*/**/kernels/__pycache__/*.nb[ic]")]:
        if file.is_file():
            copied = target / file.relative_to(ROOT)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copied)


class _Durations:
    """A plugin of pytest that notes how long each test takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Asked by pytest, for the set-up, the test and what comes after it."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def _run(
    folder: Path, tests: list[str], limit: float, *, keeps_bytecode: bool = False
) -> tuple[str, float]:
    """Run tests in a child that has all libraries already; what came of it, and its seconds."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _in_child(folder, tests, keeps_bytecode=keeps_bytecode)
        finally:
            os._exit(code)  # nothing of the parent's is to be done here
    while time.monotonic() < began + limit:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return ("survived" if status == 0 else "killed"), time.monotonic() - began
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "killed", limit


def _in_child(folder: Path, tests: list[str], *, keeps_bytecode: bool) -> int:
    import pytest

    os.setsid()
    os.chdir(folder)
    written = os.open(folder / _OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(written, descriptor)
    for limit, most in ((resource.RLIMIT_CPU, _CPU_SECONDS), (resource.RLIMIT_DATA, _BYTES)):
        resource.setrlimit(limit, (most, resource.RLIM_INFINITY))
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    if not keeps_bytecode:
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = not keeps_bytecode
    durations = _Durations()
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests], [durations])
    (folder / _TESTS).write_text(json.dumps(durations.seconds))
    return int(code)


def _fastest_first(folder: Path, longest: float) -> list[str]:
    """The tests of the last run, but for those that took longer."""
    seconds = json.loads((folder / _TESTS).read_text())
    return sorted((test for test in seconds if seconds[test] <= longest), key=seconds.__getitem__)


def _preload() -> None:
    """Import what tests import besides this repository, once for all children."""
    for name in ("httptools", "kafka", "numba", "plotly", "pydantic", "rich", "starlette"):
        importlib.import_module(name)


def _equivalents(module: str) -> set[str]:
    """Differences of a module that nobody can see, as they are named in the list."""
    blocks = EQUIVALENT.read_text().split("\n\n")
    return {
        block.partition("\n")[2].rstrip() for block in blocks if block.startswith(f"{module}: ")
    }


def _judge(subject: Subject, args: argparse.Namespace, folder: Path) -> tuple[int, int, int]:
    """Numbers of mutants of one module that were killed, survived and are equivalent."""
    file = folder / subject.module
    original = file.read_text()
    outcome, usual = _run(folder, list(subject.tests), 1800, keeps_bytecode=True)
    if outcome != "survived":
        output = (folder / _OUTPUT).read_text()
        sys.exit(f"the tests of {subject.module} fail without a change:\n{output}")
    tests = _fastest_first(folder, args.longest)
    print(f"== {subject.module}: {usual:.0f} s", flush=True)
    equivalents = _equivalents(subject.module)
    counts = dict.fromkeys(("killed", "survived", "equivalent"), 0)
    for place in draw(subject, original, args.share, args.seed):
        file.write_text(mutant(original, place))
        shown = difference(original, file.read_text()).rstrip()
        if not shown or shown in equivalents:
            outcome, seconds = "equivalent", 0.0
        else:
            limit = max(_LEAST_SECONDS, 5 * usual)
            outcome, seconds = _run(folder, tests, limit)
        counts[outcome] += 1
        print(f"{outcome} after {seconds:.0f} s: line {place.line} {place.operator}", flush=True)
        if outcome != "killed":
            print(f"{shown}\n", flush=True)
    file.write_text(original)
    return counts["killed"], counts["survived"], counts["equivalent"]


def main() -> None:
    """Judge all modules, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="parts of paths; all without any")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of mutants")
    parser.add_argument("--longest", type=float, default=60.0, help="leave out longer tests")
    args = parser.parse_args()
    _preload()
    killed = survived = equivalent = 0
    with tempfile.TemporaryDirectory() as folder:
        _copy(Path(folder))
        for subject in SUBJECTS:
            if args.modules and not any(part in subject.module for part in args.modules):
                continue
            counts = _judge(subject, args, Path(folder))
            killed, survived = killed + counts[0], survived + counts[1]
            equivalent += counts[2]
            print(f"{killed} killed, {survived} survived, {equivalent} equivalent", flush=True)


if __name__ == "__main__":
    main()
