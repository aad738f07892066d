"""Compiled kernels: NumPy arrays in and out, no Python objects; imports NumPy and Numba only."""
