"""Addresses and cache lines, for kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from w2v_online.simd.registers import (
    CACHE_LINE_BYTES,
    I64,
    LANES,
    NOTHING,
    ask_for,
    pointer_to,
)


@intrinsic
def address_of(_typing: Any, array: Any) -> Any:
    """Address of an array's first element as an integer; the caller keeps the array alive."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.ptrtoint(struct.data, I64)

    return types.intp(array), codegen


@intrinsic
def lanes(_typing: Any) -> Any:
    """``LANES`` as a constant."""
    return types.intp(), lambda _c, _b, _s, _a: I64(LANES)


@intrinsic
def prefetch(_typing: Any, address: Any) -> Any:
    """Ask for the cache line at an address."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        ask_for(builder, args[0], I64(0))
        return NOTHING

    return types.void(address), codegen


@intrinsic
def copy_cache_line(_typing: Any, to: Any, source: Any) -> Any:
    """Copy 64 bytes between two addresses, aligned or not."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        line = ir.VectorType(I64, CACHE_LINE_BYTES // 8)
        value = builder.load(pointer_to(builder, args[1], I64(0), line), align=1, typ=line)
        builder.store(value, pointer_to(builder, args[0], I64(0), line), align=1)
        return NOTHING

    return types.void(to, source), codegen
