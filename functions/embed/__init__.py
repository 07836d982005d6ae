"""Embed: one batch of chunks becomes vectors; the Map state runs several side by side."""
