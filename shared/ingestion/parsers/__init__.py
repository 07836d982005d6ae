"""Parsers: one file per format, each behind the same port, found through the registry.

A parser writes what it reads onto a Draft and promises errors a person understands; it runs in
a child process of its own, so it may be slow or greedy, but never reaches out to a network.
"""
