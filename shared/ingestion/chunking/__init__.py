"""Chunking: one file per way of cutting a document into chunks, found through the registry.

Whatever the way, a chunk is an exact slice of the canonical text whose embedding text has at most
the tokens it was given.
"""

from shared.ingestion.chunking.structured import chunk

__all__ = ["chunk"]
