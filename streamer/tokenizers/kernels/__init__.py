"""njit only: bytes in and out."""
