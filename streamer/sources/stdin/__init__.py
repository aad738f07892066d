"""Standard input as a source."""
