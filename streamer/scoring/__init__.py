"""Lines scored by the model of a snapshot, for the command and the HTTP server."""
