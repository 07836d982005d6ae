"""Tickets: what is good for one use and one minute, so that a lasting secret need not be shown.

Promises: of two that show the same ticket one gets in, and a ticket is worth no more than the
session or key that asked for it.
"""
