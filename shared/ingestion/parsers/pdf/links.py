"""Links of a PDF: where they lie on a page, and which words of the finished text they cover."""

from __future__ import annotations

import ctypes
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.ingestion.model import Box, Link, ParsedDocument
from shared.ingestion.parsers.pdf.geometry import Word, centred_within
from shared.ingestion.parsers.pdf.view import View

_MOST_LINKS = 2_000
_LONGEST_TARGET = 2_000
_SCHEMES = ("http://", "https://", "mailto:", "tel:", "ftp://")


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A rectangle on a page that leads to a target, and the words printed in it."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float
    words: str
    target: str


def links_of(
    document: Any, page: Any, view: View, words: Sequence[Word], number: int
) -> list[FoundLink]:
    """Return the page's links to the web and to other pages; scripts and files are left out."""
    import pypdfium2.raw as pdfium

    found: list[FoundLink] = []
    position, link = ctypes.c_int(0), pdfium.FPDF_LINK()
    while len(found) < _MOST_LINKS and pdfium.FPDFLink_Enumerate(page.raw, position, link):
        target = _target(pdfium, document, link)
        if not target:
            continue
        for x0, y0, x1, y1 in _rectangles(pdfium, link, view):
            inside = centred_within(words, x0, y0, x1, y1, slack=0.5)
            if inside:
                text = " ".join(word.text for word in sorted(inside, key=lambda w: w.order))
                found.append(FoundLink(number, x0, y0, x1, y1, text.rstrip(".,;:"), target))
    return found


def _target(pdfium: Any, document: Any, link: Any) -> str:
    """Return a URL with a harmless scheme or ``#page=N``, else an empty string."""
    place = pdfium.FPDFLink_GetDest(document.raw, link)
    action = None if place else pdfium.FPDFLink_GetAction(link)
    if action:
        kind = pdfium.FPDFAction_GetType(action)
        if kind == pdfium.PDFACTION_URI:
            return _url(pdfium, document, action)
        if kind == pdfium.PDFACTION_GOTO:
            place = pdfium.FPDFAction_GetDest(document.raw, action)
    if not place:
        return ""
    index = pdfium.FPDFDest_GetDestPageIndex(document.raw, place)
    return f"#page={index + 1}" if index >= 0 else ""


def _url(pdfium: Any, document: Any, action: Any) -> str:
    length = pdfium.FPDFAction_GetURIPath(document.raw, action, None, 0)
    if not 1 < length <= _LONGEST_TARGET:
        return ""
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDFAction_GetURIPath(document.raw, action, buffer, length)
    target = buffer.value.decode("utf-8", errors="replace").strip()
    return target if target.lower().startswith(_SCHEMES) else ""


def _rectangles(pdfium: Any, link: Any, view: View) -> Iterator[tuple[float, float, float, float]]:
    """Yield the parts of a link: one for each line it covers, where the file says so."""
    quads = pdfium.FPDFLink_CountQuadPoints(link)
    quad = pdfium.FS_QUADPOINTSF()
    boxes = []
    for index in range(min(quads, _MOST_LINKS)):
        if pdfium.FPDFLink_GetQuadPoints(link, index, quad):
            across = (quad.x1, quad.x2, quad.x3, quad.x4)
            up = (quad.y1, quad.y2, quad.y3, quad.y4)
            boxes.append((min(across), min(up), max(across), max(up)))
    rectangle = pdfium.FS_RECTF()
    if not boxes and pdfium.FPDFLink_GetAnnotRect(link, rectangle):
        boxes.append((rectangle.left, rectangle.bottom, rectangle.right, rectangle.top))
    for left, bottom, right, top in boxes:
        box = view.box(left, bottom, right, top)
        if box is not None and all(map(math.isfinite, box)):
            yield box


def placed_links(document: ParsedDocument, found: Iterable[FoundLink]) -> tuple[Link, ...]:
    """Return the links over the words of the text that they cover on the page."""
    boxes: defaultdict[int, list[Box]] = defaultdict(list)
    for block in document.blocks:
        for box in block.boxes:
            boxes[box.page].append(box)
    spans: list[Link] = []
    for link in found:
        for box in boxes[link.page]:
            span = _span(document.text, box, link)
            if span is not None:
                spans.append(Link(*span, link.target))
    return tuple(_joined(document.text, sorted(spans, key=lambda s: (s.start, s.end))))


def _span(text: str, box: Box, link: FoundLink) -> tuple[int, int] | None:
    """Return where a printed line says the link's words, nearest to where the link lies."""
    level = min(box.y1, link.y1) - max(box.y0, link.y0)
    beside = min(box.x1, link.x1) - max(box.x0, link.x0)
    if level <= 0.5 * min(box.y1 - box.y0, link.y1 - link.y0) or beside <= 0:
        return None
    line = text[box.start : box.end]
    # A link over several lines without parts of its own holds the words of all of them.
    words = line if line in link.words else link.words
    share = (max(link.x0, box.x0) - box.x0) / max(box.x1 - box.x0, 1.0)
    expected = share * len(line)
    starts = []
    start = line.find(words)
    while start >= 0:
        starts.append(start)
        start = line.find(words, start + 1)
    if not starts:
        return None
    best = min(starts, key=lambda place: abs(place - expected))
    return box.start + best, box.start + best + len(words)


def _joined(text: str, spans: Iterable[Link]) -> Iterator[Link]:
    """Yield links in order, those that go on over a line end made one, none inside another."""
    held: Link | None = None
    for span in spans:
        if held is not None and span.start < held.end:
            continue
        if held is not None:
            if held.target == span.target and not text[held.end : span.start].strip():
                held = Link(held.start, span.end, held.target)
                continue
            yield held
        held = span
    if held is not None:
        yield held
