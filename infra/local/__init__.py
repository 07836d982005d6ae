"""The local runtime: one process tree that serves the deployed event chain on one machine."""
