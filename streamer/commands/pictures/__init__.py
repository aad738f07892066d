"""Maps and movements as files to look at: an HTML page that works offline, and PNG."""
