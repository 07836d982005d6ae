"""The ways of cutting a document; adding one is a file here and a line in ``CHUNKERS``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from shared.ingestion.chunking.fixed import FixedChunker
from shared.ingestion.chunking.structured import StructuredChunker
from shared.ingestion.chunking.units import CountTokens
from shared.ingestion.model import Chunk, ParsedDocument
from shared.kernel.errors import InvalidError


class Chunker(Protocol):
    """Port: cuts documents in one way."""

    name: str
    may_overlap: bool

    def cut(
        self,
        document: ParsedDocument,
        *,
        count_tokens: CountTokens,
        max_tokens: int,
        overlap_tokens: int,
    ) -> list[Chunk]:
        """Cut a document into chunks of at most ``max_tokens``, in order, exact slices of it.

        Raises InvalidError when ``max_tokens`` leaves no room for words.
        """
        ...


CHUNKERS: Mapping[str, Chunker] = MappingProxyType(
    {chunker.name: chunker for chunker in (StructuredChunker(), FixedChunker())}
)


def chunker_named(name: str) -> Chunker:
    """Return a chunker; raises InvalidError listing the known names."""
    try:
        return CHUNKERS[name]
    except KeyError as error:
        raise InvalidError(
            f"There is no chunker {name!r}.", hint=f"Choose {' or '.join(CHUNKERS)}."
        ) from error
