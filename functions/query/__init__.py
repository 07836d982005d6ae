"""Search over HTTP: one question, ranked passages."""
