"""What a PDF holds beside its words: links, form fields, pictures and the sizes of its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.ingestion.model import FormField, PageFacts, ParsedDocument
from shared.ingestion.parsers.pdf.figures import FigureTaker, with_captions
from shared.ingestion.parsers.pdf.forms import FormReader, filled_in
from shared.ingestion.parsers.pdf.geometry import Word
from shared.ingestion.parsers.pdf.links import FoundLink, links_of, placed_links
from shared.ingestion.parsers.pdf.view import View


class Extras:
    """Collects them page by page; ``folder`` takes the pictures."""

    def __init__(self, document: Any, folder: Path) -> None:
        self._document = document
        self._forms = FormReader(document)
        self._figures = FigureTaker(folder)
        self._links: list[FoundLink] = []
        self._fields: dict[str, FormField] = {}
        self._pages: list[PageFacts] = []

    def see(self, page: Any, view: View, words: Sequence[Word], number: int) -> list[Word]:
        """Take note of a page; returns its words with those that its form fields show."""
        self._pages.append(PageFacts(number, round(view.width, 2), round(view.height, 2)))
        self._links += links_of(self._document, page, view, words, number)
        self._figures.take(page, view, number)
        form = self._forms.read(page, view, number)
        for field in form.fields:
            # A radio button is one field in several places, and only one of them has the value.
            if field.value or field.name not in self._fields:
                self._fields[field.name] = field
        return filled_in(words, form.words) if form.words else list(words)

    def joined(self, document: ParsedDocument) -> ParsedDocument:
        """Return the document with everything in its place."""
        return replace(
            document,
            figures=(*document.figures, *with_captions(document, self._figures.figures)),
            links=placed_links(document, self._links),
            pages=tuple(self._pages),
            fields=(*document.fields, *self._fields.values()),
        )
