"""Several learners, one model: exchange and merge of updates."""
