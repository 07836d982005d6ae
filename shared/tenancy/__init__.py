"""Tenancy: a tenant's life, from its quota over suspension and export to its end.

Promises: a suspended tenant lets nobody in and loses nothing; an export holds all that is the
tenant's and no proof of identity; what is erased is gone from every table, bucket and cache, and a
tombstone says so. Jobs go on where they stopped.
"""
