"""Measurements of w2v-stream beside other programs; docs/benchmarks.md says how to run them.

Run from the root of the repository: ``python -m benchmarks.speed``, ``.profile``, ``.scale``,
``.threads``, ``.sampler`` and ``.adversarial``. They need Linux: CPU affinity and ``os.wait4``.
"""
