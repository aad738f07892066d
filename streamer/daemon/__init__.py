"""A run from start to end: its parts, the loop, signals, systemd."""
