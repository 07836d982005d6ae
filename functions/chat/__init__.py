"""Asking over HTTP, answered whole."""
