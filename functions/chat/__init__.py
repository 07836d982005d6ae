"""Asking over HTTP, answered whole; conversations and citations."""
