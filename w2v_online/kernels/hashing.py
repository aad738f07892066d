"""Words as bytes: unaligned reads and writes, and a keyed hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from w2v_online.kernels.jit import inner


@intrinsic
def _load_uint64(_typing: Any, address: Any) -> Any:
    """Eight bytes at any address, little end first."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1, typ=ir.IntType(64))

    return types.uint64(address), codegen


@intrinsic
def store_uint64(_typing: Any, address: Any, value: Any) -> Any:
    """Write eight bytes at any address, little end first."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store(args[1], pointer, align=1)
        return ir.Constant(ir.IntType(8).as_pointer(), None)

    return types.void(address, types.uint64), codegen


@intrinsic
def _fold_multiply(_typing: Any, a: Any, b: Any) -> Any:
    """The two halves of the 128-bit product, xored: every output bit depends on every input bit."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))
        return builder.xor(builder.trunc(product, ir.IntType(64)), high)

    return types.uint64(types.uint64, types.uint64), codegen


@inner
def word_at(address, length, i):
    """The i-th eight bytes of a token, zeros behind its end."""
    value = _load_uint64(address + 8 * i)
    left = length - 8 * i
    if left < 8:
        value &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
    return value


@inner
def hash_token(address, length, secret):
    """A keyed 64-bit hash of ``length`` bytes at ``address`` (the multiply-fold of wyhash)."""
    value = secret[0] ^ np.uint64(length)
    for i in range((length + 7) // 8):
        value = _fold_multiply(word_at(address, length, i) ^ secret[1], value ^ secret[2])
    return _fold_multiply(value ^ secret[3], secret[1])
