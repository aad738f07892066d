"""The kernels on machines with narrower vectors than this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import llvmlite.binding
import pytest
from llvmlite import ir

from w2v_online.learning.embeddings import reserve
from w2v_online.simd.registers import VEC, fma

AVX2 = "+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2"


@pytest.mark.parametrize(
    ("name", "features"),
    [("generic", ""), ("haswell", AVX2)],
)
def test_training_is_right_without_avx512(name: str, features: str, tmp_path: Path) -> None:
    """Compiled for SSE2 alone and for AVX2, training still equals the reference."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("tests/w2v_online/test_ns.py", "tests/w2v_online/test_kernels.py"),
            *("-k", "equals_the_reference and (100-5-3 or 5-3-100 or 3-100-True or 3-100-False)"),
        ],
        cwd=Path(__file__).parent.parent.parent,
        env=os.environ
        | {
            "NUMBA_CPU_NAME": name,
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "4 passed" in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("name", "is_fused"), [("x86-64-v2", False), ("nehalem", False), ("haswell", True)]
)
def test_products_are_fused_only_where_the_machine_can(name: str, is_fused: bool) -> None:
    """Elsewhere each lane would be a call of ``fmaf``, which takes twenty times as long."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(VEC, [VEC] * 3), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(fma(builder, *function.args))
    llvmlite.binding.initialize_all_targets()
    llvmlite.binding.initialize_all_asmprinters()
    target = llvmlite.binding.Target.from_triple("x86_64-unknown-linux-gnu")
    machine = target.create_target_machine(cpu=name)
    assembly = machine.emit_assembly(llvmlite.binding.parse_assembly(str(module)))
    assert "fmaf" not in assembly
    assert ("vfmadd" in assembly) == is_fused
    assert ("mulps" in assembly) != is_fused


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of memory")
def test_matrices_may_lie_in_huge_pages() -> None:
    """They are private memory and say that they want them; shared memory never gets any."""
    memory = reserve(10_000, 112, huge_pages=True)
    address = memory.ctypes.data
    flags: list[str] = []
    is_ours = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        field = line.split()[0]
        if not field.endswith(":"):
            begin, end = (int(part, 16) for part in field.split("-"))
            is_ours = begin <= address < end
        elif is_ours and field == "VmFlags:":
            flags = line.split()[1:]
    assert "hg" in flags
    assert "sh" not in flags


_COPY_AND_COUNT = """
import sys
sys.path.insert(0, sys.argv[1])
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning.objectives.ns import train_ns
OnlineWord2Vec(LearnerConfig(min_count=1, max_vocab_size=9)).learn([["a", "b"]])
print(sum(train_ns.stats.cache_hits.values()))
"""


def test_cached_code_is_compiled_again_when_a_helper_changed(tmp_path: Path) -> None:
    """A kernel's helpers live in other files; a change there must not leave old code in use."""
    package = Path(__file__).parent.parent.parent / "w2v_online"
    shutil.copytree(package, tmp_path / "w2v_online", ignore=shutil.ignore_patterns("__pycache__"))

    def cache_hits() -> str:
        command = [sys.executable, "-c", _COPY_AND_COUNT, str(tmp_path)]
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    assert cache_hits() == "0"
    assert cache_hits() == "1"
    with (tmp_path / "w2v_online" / "simd" / "registers.py").open("a") as source:
        source.write("\n# changed\n")
    assert cache_hits() == "0"
