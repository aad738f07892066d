"""``w2v-stream warmup``: compile the kernels ahead, so that the first run starts at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import click

_MODELS: dict[str, dict[str, Any]] = {
    "skip-gram with negative sampling": {},
    "replay": {"replay": 1},
    "CBOW with negative sampling": {"cbow": True},
    "skip-gram with hierarchical softmax": {"loss": "hs"},
    "CBOW with hierarchical softmax": {"loss": "hs", "cbow": True},
    "skip-gram with the exact softmax": {"loss": "softmax"},
    "CBOW with the exact softmax": {"loss": "softmax", "cbow": True},
}

_TOKENIZERS = ("unicode", "log")

_SAMPLE = "2026-01-31 12:00:00 INFO a b 10.0.0.1 é 国王\n".encode() * 2


def _steps() -> dict[str, Callable[[], object]]:
    """What is compiled, each with how."""
    from streamer.config.settings import RunSettings
    from streamer.tokenizers.registry import tokenizer_of
    from w2v_online.config import LearnerConfig
    from w2v_online.learning.warmup import warm_up

    def model(options: dict[str, Any]) -> Callable[[], object]:
        return lambda: warm_up(LearnerConfig(**options))

    def scored(options: dict[str, Any]) -> Callable[[], object]:
        return lambda: warm_up(LearnerConfig(**options), scored=True)

    def tokenizer(options: dict[str, Any]) -> Callable[[], object]:
        return lambda: tokenizer_of(RunSettings(**options)).tokenize(_SAMPLE)

    return {
        **{name: model(options) for name, options in _MODELS.items()},
        **{f"{name}, with alerts": scored(options) for name, options in _MODELS.items()},
        **{f"tokenizer {name}": tokenizer({"tokenizer": name}) for name in _TOKENIZERS},
        "phrases": tokenizer({"phrases": True}),
    }


@click.command()
def warmup() -> None:
    """Compile the kernels ahead, so that the first run starts at once.

    Compiled code is kept on disk for this machine and version: in NUMBA_CACHE_DIR if that is set,
    otherwise beside the package or in the user's cache.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    steps = _steps()
    is_terminal = sys.stderr.isatty()
    columns = (
        TextColumn("Compiling kernels"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), disable=not is_terminal) as bar:
        task = bar.add_task("", total=len(steps))
        for number, (name, compile_kernels) in enumerate(steps.items(), start=1):
            bar.update(task, description=name)
            step_began = time.monotonic()
            compile_kernels()
            bar.advance(task)
            if not is_terminal:
                seconds = time.monotonic() - step_began
                click.echo(f"{number} of {len(steps)}: {name}, {seconds:.1f} s", err=True)
    click.echo(f"Kernels are ready after {time.monotonic() - began:.1f} s.", err=True)
