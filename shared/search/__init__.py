"""Search: the index of a tenant's chunks and the one hybrid question asked of it.

Promises: a search sees only the transaction's tenant and only current versions of documents that
are still there; vectors of different models never meet; statistics always equal the chunks.
"""
