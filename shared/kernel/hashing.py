"""Content hashes: bytes are known by their SHA-256 everywhere in the product."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def sha256_of(chunks: Iterable[bytes]) -> bytes:
    """Hash a stream of byte chunks; returns the 32-byte digest."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def sha256_of_file(path: Path) -> bytes:
    """Hash a file in constant memory; returns the 32-byte digest."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
