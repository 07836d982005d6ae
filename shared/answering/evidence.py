"""What a citation stands on: the exact text of its version, its page, and what became of both."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.answering.conversations import find_citation
from shared.answering.model import Citation
from shared.documents import service as documents
from shared.documents.model import DocumentRow, Version, derived_prefix
from shared.identity.model import Principal
from shared.ingestion.derived import load_document
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.page_images import ensure_page_image
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import CitationId

logger = logging.getLogger(__name__)

DocumentState = Literal["current", "superseded", "removed", "erased"]
_CONTEXT_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A citation and what it stands on now.

    ``before`` and ``after`` are the words around the quote in the cited version; ``is_exact``
    says that the quote stands there character by character. ``image_key`` is the page's picture.
    Of a document in the trash, or erased, only what the citation itself keeps is shown.
    """

    citation: Citation
    state: DocumentState
    title: str = ""
    folder: str = ""
    cited_version: int | None = None
    current_version: int | None = None
    before: str = ""
    after: str = ""
    is_exact: bool = False
    image_key: str = ""
    page_width: float | None = None
    page_height: float | None = None

    @property
    def cited_title(self) -> str:
        """What the document was called when it was cited."""
        return self.citation.title

    @property
    def is_renamed(self) -> bool:
        """Whether the document has another title by now."""
        return bool(self.title) and self.title != self.citation.title


def find_evidence(
    database: Database, objects: Objects, principal: Principal, citation_id: CitationId
) -> Evidence:
    """Return a citation that was given to the caller with what it stands on.

    Draws the cited page if nobody has looked at it before. Raises NotFoundError for anybody
    else's citation.
    """
    with database.transaction(principal.tenant_id) as session:
        citation = find_citation(session, principal, citation_id)
        row, version = _document(session, citation)
    if row is None or version is None:
        state: DocumentState = "erased" if citation.is_erased else "removed"
        return Evidence(citation=citation, state=state)
    parsed = _parsed(objects, principal, citation)
    page = next((p for p in parsed.pages if p.number == citation.page), None) if parsed else None
    return Evidence(
        citation=citation,
        state="current" if row.current_version_id == citation.version_id else "superseded",
        title=row.title,
        folder=row.folder,
        cited_version=version.number,
        current_version=row.current_version,
        before=_before(parsed.text, citation.start) if parsed else "",
        after=_after(parsed.text, citation.end) if parsed else "",
        is_exact=parsed is not None
        and parsed.text[citation.start : citation.end] == citation.quote,
        image_key=_image_key(objects, principal, citation, version),
        page_width=page.width if page else None,
        page_height=page.height if page else None,
    )


def _document(session: Session, citation: Citation) -> tuple[DocumentRow | None, Version | None]:
    """Find what is cited, if it may still be seen: not erased, not in the trash."""
    if citation.is_erased:
        return None, None
    try:
        row = documents.find_document(session, citation.document_id)
        return row, documents.find_version(session, citation.version_id)
    except NotFoundError:
        return None, None


def _parsed(objects: Objects, principal: Principal, citation: Citation) -> ParsedDocument | None:
    try:
        return load_document(
            objects, principal.tenant_id, citation.version_id, reading=citation.reading
        )
    except NotFoundError:
        logger.warning("cited text is gone", extra={"version_id": str(citation.version_id)})
        return None


def _image_key(objects: Objects, principal: Principal, citation: Citation, version: Version) -> str:
    if citation.page is None:
        return ""
    prefix = derived_prefix(principal.tenant_id, version.id)
    try:
        return ensure_page_image(objects, version, prefix, citation.page)
    except (NotFoundError, InvalidError):
        # Formats without pictures have pages too, and some pages cannot be drawn.
        return ""


def _before(text: str, start: int) -> str:
    """Return the words before a place, from the beginning of a paragraph or word."""
    words = text[max(0, start - _CONTEXT_CHARS) : start]
    if start <= _CONTEXT_CHARS:
        return words
    cut = words.find("\n\n")
    if cut < 0 or cut > _CONTEXT_CHARS // 2:
        cut = words.find(" ")
    return words[cut + 1 :].lstrip("\n")


def _after(text: str, end: int) -> str:
    """Return the words after a place, to the end of a paragraph or word."""
    words = text[end : end + _CONTEXT_CHARS]
    if end + _CONTEXT_CHARS >= len(text):
        return words
    cut = words.rfind("\n\n")
    if cut < _CONTEXT_CHARS // 2:
        cut = words.rfind(" ")
    return words[: max(0, cut)]
