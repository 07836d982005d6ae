"""Web search: one port, and one file for each kind of provider behind a registry."""
