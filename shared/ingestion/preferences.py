"""What a tenant wants of reading: how chunks are cut, and in which languages pictures are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from shared.adapters.database import Session
from shared.ingestion import store
from shared.ingestion.chunking.registry import CHUNKERS, chunker_named
from shared.ingestion.chunking.units import CountTokens
from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.parsers.port import ReadOptions
from shared.kernel.errors import InvalidError
from shared.kernel.ids import UserId

Strategy = Literal["structured", "fixed"]
LEAST_CHUNK_TOKENS = 32
_MOST_LANGUAGES = 8
_LANGUAGE = re.compile(r"[a-z]{3}(?:_[a-z]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSettings:
    """How documents are read.

    ``structured`` chunks follow sections, sentences and tables; ``fixed`` ones are windows of
    ``chunk_tokens`` that share ``overlap_tokens``. ``ocr_languages`` are Tesseract's names, the
    likeliest first; none leaves pictures unread.
    """

    strategy: Strategy = "structured"
    chunk_tokens: int = 224
    overlap_tokens: int = 0
    ocr_languages: tuple[str, ...] = ("deu", "eng")

    @property
    def options(self) -> ReadOptions:
        """Return what parsers are told."""
        return ReadOptions(ocr_languages=self.ocr_languages)

    def to_json(self) -> dict[str, object]:
        """Return the settings as a reading keeps them."""
        return {**asdict(self), "ocr_languages": list(self.ocr_languages)}


def cut(
    document: ParsedDocument, settings: ReadingSettings, *, count_tokens: CountTokens
) -> list[Chunk]:
    """Cut a document into chunks as the settings say."""
    return chunker_named(settings.strategy).cut(
        document,
        count_tokens=count_tokens,
        max_tokens=settings.chunk_tokens,
        overlap_tokens=settings.overlap_tokens,
    )


def find_settings(
    session: Session, *, default_tokens: int, model_tokens: int = 510
) -> ReadingSettings:
    """Return the tenant's settings, or the deployment's where it has chosen none.

    No chunk is longer than ``model_tokens``, which is what the embedding model reads of it.
    """
    row = store.find_settings(session)
    if row is None:
        return ReadingSettings(chunk_tokens=min(default_tokens, model_tokens))
    chunk_tokens = min(row.chunk_tokens, model_tokens)
    return ReadingSettings(
        strategy=row.strategy,
        chunk_tokens=chunk_tokens,
        overlap_tokens=min(row.overlap_tokens, chunk_tokens // 2),
        ocr_languages=tuple(row.ocr_languages),
    )


def change_settings(
    session: Session, settings: ReadingSettings, *, most_tokens: int, changed_by: UserId
) -> None:
    """Write the tenant's settings; they hold for what is read from now on.

    ``most_tokens`` is what the embedding model reads of a chunk. Raises InvalidError naming every
    field that is wrong.
    """
    wrong = _wrong(settings, most_tokens=most_tokens)
    if wrong:
        listed = "; ".join(f"{name}: {what}" for name, what in wrong.items())
        raise InvalidError(f"The settings are not valid: {listed}.", fields=wrong)
    store.record_settings(session, settings.to_json(), changed_by=changed_by)


def _wrong(settings: ReadingSettings, *, most_tokens: int) -> Mapping[str, str]:
    wrong: dict[str, str] = {}
    chunker = CHUNKERS.get(settings.strategy)
    if chunker is None:
        wrong["strategy"] = f"choose {' or '.join(CHUNKERS)}"
    if not LEAST_CHUNK_TOKENS <= settings.chunk_tokens <= most_tokens:
        wrong["chunk_tokens"] = (
            f"must lie between {LEAST_CHUNK_TOKENS} and {most_tokens}, which is all that the "
            "embedding model reads"
        )
    if settings.overlap_tokens and chunker is not None and not chunker.may_overlap:
        wrong["overlap_tokens"] = f"{chunker.name} chunks do not overlap; leave it 0"
    elif not 0 <= settings.overlap_tokens <= settings.chunk_tokens // 2:
        wrong["overlap_tokens"] = "must lie between 0 and half a chunk"
    languages = settings.ocr_languages
    if len(languages) > _MOST_LANGUAGES or not all(map(_LANGUAGE.fullmatch, languages)):
        wrong["ocr_languages"] = "Tesseract's names, such as deu or eng, at most 8"
    return wrong
