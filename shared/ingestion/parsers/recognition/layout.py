"""Recognised words as the PDF layout takes them, and their boxes brought back to the picture.

The layout works on the page as it lies upright and straight; the boxes of the finished document
are then moved to where the words are printed in the original, so that a citation points there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.ingestion.model import Block, Box, PageFacts, ParsedDocument
from shared.ingestion.parsers.pdf.geometry import Word
from shared.ingestion.parsers.recognition.engine import SeenPage
from shared.ingestion.parsers.recognition.straightening import Pose

# A row from its tallest to its lowest letter is about a tenth higher than its type's size.
_TYPE = 0.9
_DOUBTFUL = 0.75
_LISTED_PAGES = 12


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """The words of a page in points, upright, and how to find them in the original."""

    words: tuple[Word, ...]
    width: float
    height: float
    pose: Pose
    confidence: float

    @property
    def letters(self) -> int:
        """How many characters were recognised."""
        return sum(len(word.text) for word in self.words)


def recognised(page: SeenPage, *, points: float) -> RecognisedPage:
    """Return a page in points; ``points`` is the size of a pixel."""
    pose = replace(page.pose, width=page.pose.width * points, height=page.pose.height * points)
    words = tuple(
        Word(
            text=word.text,
            x0=word.x0 * points,
            y0=word.y0 * points,
            x1=word.x1 * points,
            y1=word.y1 * points,
            size=max(1.0, round(_TYPE * word.size * points * 2) / 2),
            is_bold=False,
            turn=0,
            font="",
            order=order,
        )
        for order, word in enumerate(page.words)
    )
    is_turned = pose.turns % 2 == 1
    width, height = (pose.height, pose.width) if is_turned else (pose.width, pose.height)
    return RecognisedPage(words, width, height, pose, page.confidence)


def brought_back(document: ParsedDocument, pages: Mapping[int, RecognisedPage]) -> ParsedDocument:
    """Return the document with boxes, sizes and certainty of its recognised pages set right."""
    if not pages:
        return document
    blocks = tuple(
        replace(block, boxes=tuple(_moved(box, pages) for box in block.boxes))
        if _touches(block, pages)
        else block
        for block in document.blocks
    )
    known = {facts.number: facts for facts in document.pages}
    for number, page in pages.items():
        confidence = round(page.confidence, 3)
        known[number] = PageFacts(number, page.pose.width, page.pose.height, confidence)
    facts = tuple(known[number] for number in sorted(known))
    warning = doubtful_pages(pages)
    warnings = (*document.warnings, warning) if warning else document.warnings
    return replace(document, blocks=blocks, pages=facts, warnings=warnings)


def doubtful_pages(pages: Mapping[int, RecognisedPage]) -> str:
    """Return a warning that names the pages whose words are uncertain; empty without any."""
    numbers = [
        number
        for number, page in sorted(pages.items())
        if page.words and page.confidence < _DOUBTFUL
    ]
    if not numbers:
        return ""
    return (
        f"The text of {listed_pages(numbers)} was hard to recognise and may be wrong in places; "
        "a sharper scan helps."
    )


def listed_pages(numbers: list[int]) -> str:
    """Return page numbers as words: ``page 3``, ``pages 1, 2 and 7 more``."""
    if len(numbers) == 1:
        return f"page {numbers[0]}"
    shown = ", ".join(map(str, numbers[:_LISTED_PAGES]))
    left = len(numbers) - _LISTED_PAGES
    return f"pages {shown} and {left} more" if left > 0 else f"pages {shown}"


def _touches(block: Block, pages: Mapping[int, RecognisedPage]) -> bool:
    return any(box.page in pages for box in block.boxes)


def _moved(box: Box, pages: Mapping[int, RecognisedPage]) -> Box:
    page = pages.get(box.page)
    if page is None:
        return box
    x0, y0, x1, y1 = page.pose.original(box.x0, box.y0, box.x1, box.y1)
    return replace(box, x0=round(x0, 2), y0=round(y0, 2), x1=round(x1, 2), y1=round(y1, 2))
