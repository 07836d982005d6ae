"""The shapes a page is made of, in points from the top-left corner as a reader sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from shared.ingestion.drafting import CellText, PlacedLine, Spot


@dataclass(frozen=True, slots=True)
class Word:
    """Characters that stand together; ``order`` is the place of the first in the page's text.

    ``turn`` counts the quarter turns by which the reader sees the word rotated: 0 is upright.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    is_bold: bool
    turn: int
    font: str
    order: int


@dataclass(frozen=True, slots=True)
class Line:
    """Words beside each other; size, weight and font are those of most of its characters."""

    text: str
    page: int
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    is_bold: bool
    font: str
    is_one_font: bool
    order: int

    @property
    def spot(self) -> Spot:
        """The line's place, for the draft."""
        return Spot(self.page, self.x0, self.y0, self.x1, self.y1)

    def placed(self, glue: str = " ") -> PlacedLine:
        """Return the line as the draft takes it."""
        return PlacedLine(self.text, self.spot, glue)


@dataclass(frozen=True, slots=True)
class Rules:
    """Drawn straight lines: horizontal as (x0, x1, y), vertical as (y0, y1, x)."""

    horizontal: list[tuple[float, float, float]] = field(default_factory=list)
    vertical: list[tuple[float, float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table on a page; ``columns`` are the left edges, to recognise it on the next page."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float
    order: int
    cells: tuple[CellText, ...]


@dataclass(frozen=True, slots=True)
class PageContent:
    """What one page holds once its words have become lines and tables."""

    number: int
    width: float
    height: float
    lines: tuple[Line, ...]
    tables: tuple[FoundTable, ...]


def line_of(words: Sequence[Word], page: int) -> Line:
    """Make a line of words that stand beside each other."""
    characters = sum(len(word.text) for word in words)
    fonts: Counter[str] = Counter()
    for word in words:
        fonts[word.font] += len(word.text)
    bold = sum(len(word.text) for word in words if word.is_bold)
    x0, y0, x1, y1 = extent(words)
    return Line(
        text=" ".join(word.text for word in words),
        page=page,
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        size=median(word.size for word in words for _ in word.text),
        is_bold=bold > 0.6 * characters,
        font=fonts.most_common(1)[0][0],
        is_one_font=len(fonts) == 1,
        order=words[0].order,
    )


def extent(shapes: Iterable[Word | Line]) -> tuple[float, float, float, float]:
    """Return the smallest rectangle around all shapes."""
    held = list(shapes)
    return (
        min(shape.x0 for shape in held),
        min(shape.y0 for shape in held),
        max(shape.x1 for shape in held),
        max(shape.y1 for shape in held),
    )


def overlap(first: Word | Line, second: Word | Line) -> float:
    """Return by how many points two shapes share the same height on the page."""
    return min(first.y1, second.y1) - max(first.y0, second.y0)


def centred_within(
    words: Iterable[Word], x0: float, y0: float, x1: float, y1: float, *, slack: float = 2.0
) -> list[Word]:
    """Return the words whose centre lies in a rectangle."""
    return [
        word
        for word in words
        if x0 - slack <= (word.x0 + word.x1) / 2 <= x1 + slack
        and y0 - slack <= (word.y0 + word.y1) / 2 <= y1 + slack
    ]
