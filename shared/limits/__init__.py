"""Limits: how much a caller may ask in how short a time, and requests that must not act twice.

Every request costs tokens from its caller's bucket and from its tenant's; plans say how many
there are. Exact however many ask at once, and forgotten when the database crashes. A request with
an Idempotency-Key is carried out once; whoever repeats it within a day gets the first answer.
"""
