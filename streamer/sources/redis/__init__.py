"""Redis streams as a source: entries read in order by their ids, which checkpoints hold."""
