"""Kontor beside two other systems: the same model, texts and queries, one run, one machine."""
