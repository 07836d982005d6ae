"""Webhooks: telling other systems what happened here, and hearing from them.

Promises: every event reaches every endpoint that asked for it at least once, signed after the
Standard Webhooks specification, or is kept as undelivered; order is not promised. What comes in
is believed only with a fresh signature, and takes effect once.
"""
