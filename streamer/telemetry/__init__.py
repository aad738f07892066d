"""What a running daemon reports: log, progress, metrics, health, status."""
