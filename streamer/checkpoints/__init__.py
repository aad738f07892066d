"""When snapshots are written, where, and what is kept."""
