"""Where the daemon's time goes: nanoseconds a word in each stage, and training beside the peak.

Runs the daemon's own stages in this process, on one CPU and with one training thread, with a
stopwatch round every call of a compiled kernel. The peak is that of fused multiply-adds which
this machine's core reaches when nothing is loaded or stored.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from benchmarks import processes, programs, report
from benchmarks.programs import Settings
from benchmarks.text import add_data_option, prepare
from streamer.config.settings import RunSettings
from streamer.sources.stdin.source import StdinSource
from streamer.text.decode import Decoder
from streamer.text.records import RecordSplitter
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.kernels import encode, noise, ns
from w2v_online.learning.warmup import warm_up
from w2v_online.simd import registers
from w2v_online.simd.memory import address_of

KERNELS: dict[str, list[Callable[..., Any]]] = {
    "encode": [encode.encode],
    "sample": [noise.noise_weights, noise.draw_block],
    "train": [ns.train_ns],
}
"""The kernels that a stage's time is measured in."""

CHAINS = 12
"""Independent multiply-adds in flight: latency times units of any core of today is less."""

_PEAK_REPEATS = 2_000_000
_PEAK_TRIES = 10


class Stopwatch:
    """Sums up the CPU time of this thread that calls of some functions take."""

    def __init__(self) -> None:
        self.nanoseconds = 0

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call the function with the watch running."""
        began = time.thread_time_ns()
        try:
            return function(*args)
        finally:
            self.nanoseconds += time.thread_time_ns() - began

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function with the watch running while it runs."""
        return lambda *args: self.call(function, *args)


@contextmanager
def replaced(kernel: Callable[..., Any], function: Callable[..., Any]) -> Iterator[None]:
    """Have every module of the learner call ``function`` in the place of a kernel."""
    with ExitStack() as patches:
        for module in [sys.modules[name] for name in sys.modules if name.startswith("w2v_online")]:
            for name in [name for name, value in vars(module).items() if value is kernel]:
                patches.enter_context(patch.object(module, name, function))
        yield


@dataclass(frozen=True)
class Learned:
    """What the stages took for one text."""

    nanoseconds: dict[str, int]
    pairs: int


def learn_file(path: Path, config: LearnerConfig) -> Learned:
    """Run the daemon's stages over a file, as the daemon's loop does."""
    watches = {stage: Stopwatch() for stage in ("read", *KERNELS, "whole")}
    defaults = RunSettings()
    learner = OnlineWord2Vec(config)
    splitter = RecordSplitter(defaults.max_line_bytes, defaults.max_token_bytes)
    decoder = Decoder(splitter)

    def learn_all(source: StdinSource) -> int:
        pairs = 0
        while (batch := watches["read"].call(source.next_batch)) is not None:
            records = watches["read"].call(decoder.decode, batch)
            pairs += learner.learn_text(records).pairs
        return pairs

    with ExitStack() as patches, path.open("rb") as stream:
        for stage, kernels in KERNELS.items():
            for kernel in kernels:
                patches.enter_context(replaced(kernel, watches[stage].wrap(kernel)))
        pairs = watches["whole"].call(learn_all, StdinSource(splitter, stream.fileno()))
    return Learned({stage: watch.nanoseconds for stage, watch in watches.items()}, pairs)


def _train_nothing(_tile: Any, _ids: Any, sentence_ends: Any, *_others: Any) -> int:
    """In the place of ``train_ns``: says that every sentence is trained."""
    return len(sentence_ends)


@intrinsic
def _run_chains(_typing: Any, repeats: Any, factor: Any, result: Any) -> Any:
    """``repeats`` rounds of ``CHAINS`` multiply-adds of vectors; the sum goes to an address."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        factors = registers.splat(builder, args[1])
        chains = [cgutils.alloca_once(builder, registers.VEC) for _ in range(CHAINS)]
        for number, chain in enumerate(chains):
            builder.store(registers.constant(float(number)), chain)
        with cgutils.for_range(builder, args[0], intp=registers.I64):
            for chain in chains:
                old = builder.load(chain, typ=registers.VEC)
                builder.store(registers.fma(builder, old, factors, factors), chain)
        total = registers.constant(0.0)
        for chain in chains:
            total = builder.fadd(total, builder.load(chain, typ=registers.VEC))
        registers.store(builder, total, args[2], registers.I64(0))
        return registers.NOTHING

    return types.void(repeats, factor, result), codegen


@numba.njit
def _chains(repeats, factor, result):
    _run_chains(repeats, factor, address_of(result))


def peak_gflops() -> float:
    """The most floating-point operations a nanosecond that one core was seen to reach."""
    memory = np.zeros(2 * registers.LANES, np.float32)
    offset = -memory.ctypes.data % registers.VEC_BYTES // 4
    result = memory[offset : offset + registers.LANES]
    _chains(1, np.float32(0.5), result)
    best = 0.0
    for _ in range(_PEAK_TRIES):
        watch = Stopwatch()
        watch.call(_chains, _PEAK_REPEATS, np.float32(0.5), result)
        best = max(best, 2 * CHAINS * registers.LANES * _PEAK_REPEATS / watch.nanoseconds)
    return best


def flops_per_pair(settings: Settings) -> int:
    """Three products (dots, inputs' and outputs' gradients) of all output rows with a row."""
    row_floats = -(-settings.vector_size // registers.ROW_MULTIPLE) * registers.ROW_MULTIPLE
    return 3 * 2 * (1 + settings.negative) * row_floats


def stage_table(nanoseconds: dict[str, int], words: int) -> str:
    """Markdown: a stage a row, and what no stopwatch saw."""
    whole = nanoseconds["whole"]
    stages = {stage: spent for stage, spent in nanoseconds.items() if stage != "whole"}
    stages["other"] = whole - sum(stages.values())
    rows = [
        [stage, f"{spent / words:.1f}", f"{100 * spent / whole:.1f}"]
        for stage, spent in [*stages.items(), ("whole", whole)]
    ]
    return report.table(["", "ns per word", "%"], rows)


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    add_data_option(parser)
    programs.add_options(parser, without="threads")
    processes.add_cpu_option(parser)
    report.add_docs_option(parser)
    return parser.parse_args()


def main() -> None:
    """Measure, print and write the result."""
    options = parse_options()
    settings = programs.settings_of(options)
    config = LearnerConfig(**asdict(settings))
    os.sched_setaffinity(0, processes.choose_cpus(1, options.cpu))
    warm_up(config)
    with tempfile.TemporaryDirectory(prefix="w2v-benchmark-") as folder:
        text = prepare(options.data, Path(folder))
        learned = learn_file(text.path, config)
        with replaced(ns.train_ns, _train_nothing):
            encoded = learn_file(text.path, config)
    peak = peak_gflops()
    flops = flops_per_pair(settings)
    document = {
        "text": {"name": text.name, "words": text.words},
        "settings": asdict(settings),
        "pairs": learned.pairs,
        "nanoseconds": learned.nanoseconds,
        "flops_per_pair": flops,
        "pairs_per_second": 1e9 * learned.pairs / learned.nanoseconds["train"],
        "training_gflops": flops * learned.pairs / learned.nanoseconds["train"],
        "peak_gflops": peak,
        "encoding_alone_words_per_second": 1e9 * text.words / encoded.nanoseconds["encode"],
    }
    lines = [*describe(document), f"Settings: {report.listed(asdict(settings))}."]
    stages = stage_table(learned.nanoseconds, text.words)
    markdown = f"{stages}\n\n{report.conditions('profile', *lines)}"
    report.publish("profile", document, markdown, write_docs=options.write_docs)


def describe(result: dict[str, Any]) -> list[str]:
    """The figures beside the table, in words."""
    pairs, words = result["pairs"], result["text"]["words"]
    million_pairs, gflops = result["pairs_per_second"] / 1e6, result["training_gflops"]
    peak, encoding = result["peak_gflops"], result["encoding_alone_words_per_second"]
    training = (
        f"Training: {million_pairs:.1f} million pairs/s at {result['flops_per_pair']:,} operations "
        f"are {gflops:.1f} GFLOP/s, {100 * gflops / peak:.0f}% of the {peak:.0f} GFLOP/s that "
        "multiply-adds in registers reach on this core."
    )
    return [
        training,
        f"Encoding with nothing trained in between: {encoding / 1e6:.1f} million words/s.",
        f"Text: {result['text']['name']}, {words:,} words, {pairs / words:.2f} pairs a word.",
        "CPU time of one thread.",
    ]


if __name__ == "__main__":
    main()
