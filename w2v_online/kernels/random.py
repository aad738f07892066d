"""The random generator of all kernels: SplitMix64, whose state is one uint64 in an array.

Steele, Lea & Flood 2014. The state is an argument of every kernel and part of every checkpoint;
nothing draws from a hidden generator.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@inner
def mix(z):
    """SplitMix64's finaliser: a bijection of uint64 whose output bits look independent."""
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@inner
def next_uint64(state):
    """Advance ``state`` (uint64[1]) and return 64 random bits."""
    state[0] += _GAMMA
    return mix(state[0])


@inner
def uniform(state):
    """A float64 in [0, 1) with 53 random bits."""
    return np.float64(next_uint64(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inner
def below(state, bound):
    """An integer in [0, bound) for 0 < bound < 2**31; biased by less than bound / 2**32."""
    high = next_uint64(state) >> np.uint64(32)
    return np.int64((high * np.uint64(bound)) >> np.uint64(32))
