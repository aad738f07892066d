"""Files and rotated logs as a source."""
