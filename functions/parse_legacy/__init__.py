"""Reads the binary office formats of the nineties."""
