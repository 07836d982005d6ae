"""Audit: the append-only trail of who did what to which thing, under which correlation id.

Promises: an entry commits with the change it tells of, and no function may change or remove one.
"""
