"""The PDF parser: opens the file, reads page by page, and says why a file cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.invoices.writing import write_invoice
from shared.ingestion.parsers.page_images import PageImages
from shared.ingestion.parsers.pdf.embedded import embedded_invoice
from shared.ingestion.parsers.pdf.extras import Extras
from shared.ingestion.parsers.pdf.geometry import PageContent
from shared.ingestion.parsers.pdf.mending import mended
from shared.ingestion.parsers.pdf.models import ModelParser
from shared.ingestion.parsers.pdf.pages import page_content
from shared.ingestion.parsers.pdf.scanned import Scans
from shared.ingestion.parsers.pdf.structure import (
    body_of,
    page_pieces,
    running_lines,
    squashed,
)
from shared.ingestion.parsers.pdf.writing import Writer
from shared.ingestion.parsers.port import Progress, Source
from shared.kernel.errors import InvalidError, TooLargeError
from shared.kernel.settings import settings

MAX_PAGES = 5_000
_JUNK_TITLE = re.compile(
    r"(?:microsoft word.*|untitled.*|unbenannt.*|.*\.(?:docx?|odt|indd|tex|pdf|dvi|xlsx?)|\W*)",
    re.IGNORECASE,
)
_KEPT = {"Author": "author", "Subject": "subject", "Keywords": "keywords",
         "CreationDate": "created", "ModDate": "modified", "Producer": "producer"}  # fmt: skip
_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")
_STRANGE = re.compile("[\ufffd\ue000-\uf8ff]")
_STRANGE_SHARE = 0.2


class PdfParser:
    """Reads PDF files; pages that are pictures are recognised."""

    name = "pdfium-layout"
    version = "2"
    media_types = frozenset({"application/pdf"})

    def available(self) -> tuple[bool, str]:
        """Whether pypdfium2 is installed."""
        return find_spec("pypdfium2") is not None, "Install pypdfium2."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file, one page at a time.

        Raises InvalidError when it is damaged, protected by a password or empty,
        UnsupportedError when it holds nothing but pictures and text recognition is missing,
        TooLargeError past 5,000 pages.
        """
        if settings().docling_artifacts_path:
            return ModelParser(Path(settings().docling_artifacts_path)).parse(source)
        with _opened(source.path, source.filename) as document:
            count = len(document)
            _check_count(count, source.filename)
            metadata = document.get_metadata_dict(skip_empty=True)
            outline = _outline(document)
            invoice = embedded_invoice(document)
            draft = Draft()
            scans = Scans(source.options.ocr_languages)
            extras = Extras(document, source.files)
            with closing(scans):
                images = PageImages(source.files, most=settings().page_images)
                seers = _Seers(source.progress, scans, extras, images)
                pages = list(_pages(document, draft, seers))
        has_words = any(page.lines or page.tables for page in pages)
        scans.check(draft, source.filename, has_words=has_words)
        _write(draft, pages, outline)
        if invoice is not None:
            write_invoice(draft, invoice)
        _warn_of_strange_letters(pages, draft)
        title = metadata.get("Title", "")
        read = draft.finish(
            title="" if _JUNK_TITLE.fullmatch(title.strip()) else title,
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            page_count=count,
            metadata={
                ours: _dated(metadata[key]) for key, ours in _KEPT.items() if key in metadata
            },
        )
        return scans.finished(extras.joined(read))


def _write(draft: Draft, pages: list[PageContent], outline: set[str]) -> None:
    """Write what the pages hold in reading order, running heads left out, torn pieces joined."""
    body = body_of(pages)
    running = running_lines(pages, body)
    pieces = [piece for page in pages for piece in page_pieces(page, body, running, outline)]
    Writer(draft, mended(pieces)).write()


def _check_count(count: int, filename: str) -> None:
    if count > MAX_PAGES:
        raise TooLargeError(
            f"“{filename}” has {count:,} pages; at most {MAX_PAGES:,} can be read.",
            hint="Split it into several files.",
        )


def _dated(value: str) -> str:
    """Return a PDF date (ISO 32000-1, 7.9.4) in ISO 8601, anything else as it is."""
    match = _DATE.match(value)
    return "{}-{}-{}T{}:{}:{}".format(*match.groups()) if match else value


@contextmanager
def _opened(path: Path, filename: str) -> Iterator[Any]:
    """Open a PDF; raises InvalidError for one that is protected, damaged or without pages."""
    import pypdfium2 as pdfium
    from pypdfium2 import raw

    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise InvalidError(
                f"“{filename}” is protected by a password.",
                hint="Save it without one and try again.",
            ) from error
        raise InvalidError(
            f"“{filename}” is damaged: it cannot be opened as a PDF.",
            hint="Open it in a PDF program, save it again and put that in.",
        ) from error
    try:
        if len(document) == 0:
            raise InvalidError(
                f"“{filename}” has no pages that can be read.",
                hint="Open it in a PDF program, save it again and put that in.",
            )
        yield document
    finally:
        document.close()


@dataclass(frozen=True, slots=True)
class _Seers:
    """Who looks at each page while it is open."""

    progress: Progress
    scans: Scans
    extras: Extras
    images: PageImages


def _pages(document: Any, draft: Draft, seers: _Seers) -> Iterator[PageContent]:
    """Yield what each page holds; a broken page is a warning, not the end."""
    import pypdfium2 as pdfium

    count = len(document)
    for index in range(count):
        try:
            page = document[index]
        except pdfium.PdfiumError:
            draft.warnings.append(f"Page {index + 1} is damaged and was left out.")
            continue
        try:
            yield seers.scans.seen(page, page_content(page, index + 1, seers.extras))
            seers.images.draw(page, index + 1)
        except pdfium.PdfiumError:
            draft.warnings.append(f"Page {index + 1} is damaged and was left out.")
        finally:
            page.close()
        seers.progress(index + 1, count)


def _outline(document: Any) -> set[str]:
    """Return the titles of the PDF's own outline, squashed for comparison."""
    import pypdfium2 as pdfium

    titles: set[str] = set()
    try:
        for bookmark in document.get_toc(max_depth=6):
            titles.add(squashed(bookmark.get_title()))
    except (pdfium.PdfiumError, UnicodeDecodeError, RecursionError):
        # An outline only helps; a broken one is no reason to refuse the text.
        return titles
    return {title for title in titles if len(title) > 1}


def _warn_of_strange_letters(pages: list[PageContent], draft: Draft) -> None:
    """Warn when fonts do not tell which letters they show."""
    sample = "".join(line.text for page in pages for line in page.lines)[:200_000]
    if sample and len(_STRANGE.findall(sample)) > _STRANGE_SHARE * len(sample):
        draft.warnings.append(
            "Fonts in this PDF do not say which letters they show; parts may be unreadable."
        )
