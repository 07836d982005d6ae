"""Pages that are pictures: rendered, recognised, and given to the same layout as printed ones."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Sequence
from typing import Any

from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.pdf.geometry import PageContent, Rules
from shared.ingestion.parsers.pdf.pages import content_of
from shared.ingestion.parsers.pdf.rules import has_large_picture
from shared.ingestion.parsers.pdf.view import View, view_of
from shared.ingestion.parsers.recognition.engine import Recognizer, missing
from shared.ingestion.parsers.recognition.layout import (
    RecognisedPage,
    brought_back,
    listed_pages,
    recognised,
)
from shared.kernel.errors import InvalidError, UnsupportedError

# A page is rendered at its picture's own resolution, within what Tesseract reads best: below the
# first side letters are too small, above the second only time grows (measured on scans of
# A4 at 150 to 600 dpi).
_LEAST_SIDE_PX, _MOST_SIDE_PX = 1240, 2480
_USUAL_SIDE_PX = 1654
_LONGEST_SIDE_PX = 5000
_GLANCE_PX = 200
_INK = 32
_FEW_LETTERS = 200
_MORE = 2.0
_STRANGE = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08]")
_STRANGE_SHARE = 0.3
_POINTS_PER_INCH = 72


class Scans:
    """Recognises what pages of one document show; loads Tesseract when the first needs it."""

    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = tuple(languages)
        self._recognizer: Recognizer | None = None
        self._reason = missing(self._languages) if self._languages else "It is switched off."
        self._pages: dict[int, RecognisedPage] = {}
        self._unread: list[int] = []
        self._wordless: list[int] = []

    def close(self) -> None:
        """Give Tesseract's memory back."""
        if self._recognizer is not None:
            self._recognizer.close()
            self._recognizer = None

    def seen(self, page: Any, content: PageContent) -> PageContent:
        """Return the page as it is seen, when that says more than its own words; else itself."""
        view = view_of(page)
        if not _asks_for_eyes(page, content, view):
            return content
        if self._reason:
            self._unread += [] if _letters(content) else [content.number]
            return content
        found = self._recognised(page, view)
        own = 0 if _is_garbled(content) else _letters(content)
        if found.letters < max(1.0, _MORE * own):
            self._wordless += [] if own else [content.number]
            return content
        self._pages[content.number] = found
        return content_of(
            found.words,
            Rules(),
            number=content.number,
            width=found.width,
            height=found.height,
        )

    def check(self, draft: Draft, filename: str, *, has_words: bool) -> None:
        """Warn of pages whose pictures were not read; refuse a file with nothing but such pages.

        Raises UnsupportedError when text recognition is missing or switched off, InvalidError
        when the pictures show no text.
        """
        if not has_words and self._unread:
            raise UnsupportedError(
                f"“{filename}” contains only pictures of pages, and text recognition is not "
                "available here.",
                hint=self._reason,
            )
        if not has_words and self._wordless:
            raise InvalidError(
                f"“{filename}” contains only pictures, and no text was found in them.",
                hint="Put in a sharper scan, or a file with words in it.",
            )
        if self._unread:
            draft.warnings.append(
                f"What {listed_pages(self._unread)} show is a picture and was not read: text "
                f"recognition is not available here. {self._reason}"
            )

    def finished(self, document: ParsedDocument) -> ParsedDocument:
        """Return the document with the boxes and the certainty of recognised pages."""
        return brought_back(document, self._pages)

    def _recognised(self, page: Any, view: View) -> RecognisedPage:
        if self._recognizer is None:
            self._recognizer = Recognizer(self._languages)
        scale = _scale(page, view)
        image = page.render(scale=scale, grayscale=True, maybe_alpha=False).to_pil()
        seen = self._recognizer.read(image, dpi=scale * _POINTS_PER_INCH)
        return recognised(seen, points=1 / scale)


def _asks_for_eyes(page: Any, content: PageContent, view: View) -> bool:
    """Whether a page may show more than its text says: nothing said, garbled, or a big picture."""
    letters = _letters(content)
    if not letters:
        return not _is_blank(page, view)
    if _is_garbled(content):
        return True
    return letters < _FEW_LETTERS and has_large_picture(page, view)


def _letters(content: PageContent) -> int:
    inside = sum(len(cell.text) for table in content.tables for cell in table.cells)
    return inside + sum(len(line.text) for line in content.lines)


def _is_garbled(content: PageContent) -> bool:
    """Whether the fonts do not say which letters they show."""
    words = "".join(line.text for line in content.lines)
    return bool(words) and len(_STRANGE.findall(words)) > _STRANGE_SHARE * len(words)


def _is_blank(page: Any, view: View) -> bool:
    """Whether a page shows nothing at a glance."""
    scale = _GLANCE_PX / max(view.width, view.height)
    darkest, lightest = page.render(scale=scale, grayscale=True).to_pil().getextrema()
    return bool(lightest - darkest < _INK)


def _scale(page: Any, view: View) -> float:
    """Return the pixels per point at which a page is rendered for recognition."""
    short, long = sorted((view.width, view.height))
    native = _picture_scale(page) * short or _USUAL_SIDE_PX
    side = min(max(native, _LEAST_SIDE_PX), _MOST_SIDE_PX)
    return min(side / short, _LONGEST_SIDE_PX / long)


def _picture_scale(page: Any) -> float:
    """Return the pixels per point of the largest picture on a page, 0 without one."""
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    largest, found = 0.0, 0.0
    for picture in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        if not pdfium.FPDFPageObj_GetBounds(picture.raw, left, bottom, right, top):
            continue
        area = abs((right.value - left.value) * (top.value - bottom.value))
        if area > largest and math.isfinite(area):
            width, height = picture.get_px_size()
            largest, found = area, math.sqrt(width * height / area)
    return found
