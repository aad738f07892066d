"""The HTTP side of a daemon: metrics, probes and questions, answered from snapshots only.

Nothing here is imported unless ``--http`` is given, and nothing here imports what trains.
"""
