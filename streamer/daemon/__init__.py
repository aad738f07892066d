"""A run from its start to its end: the loop, its parts, signals, systemd."""
