"""Reprocessing: documents read, cut or embedded anew while search answers from what it has.

Keeps which documents are to be done again, why, and how far that is. Nothing a reader sees
changes before the switch; after it one can go back until the old is dropped.
"""
