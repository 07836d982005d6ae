"""Asking over HTTP, streamed as server-sent events from a Function URL."""
