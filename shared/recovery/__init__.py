"""Recovery: what becomes of ingests that failed, stopped or lost something on the way.

Keeps dead letters and how far each search for losses has come. Promises: nothing stays unfinished
for ever, an outage is waited for and not counted as failure, what was given up on can be set going
again, and nobody sees or moves another tenant's.
"""
