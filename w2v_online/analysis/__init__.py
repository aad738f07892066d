"""What is asked of vectors: evaluation, drift, maps, export."""
