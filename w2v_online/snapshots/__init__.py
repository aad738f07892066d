"""The snapshot format: reading, writing, retention, remote copies. No Numba."""
