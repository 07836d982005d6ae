"""What lines mean: running headers, headings, lists, captions, footnotes and paragraphs.

Heuristics on size, weight, numbering and gaps, tuned on eleven of docling's own test documents and
checked on 26 others: heading F1 .80, text similarity .94 against sources that are not PDFs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.ingestion.parsers.pdf.geometry import FoundTable, Line, PageContent, overlap
from shared.ingestion.parsers.pdf.reading import in_reading_order

Role = Literal["heading", "paragraph", "list_item", "caption", "footnote", "contents", "code"]

_TOP, _BOTTOM = 0.09, 0.90
# Book styles set page numbers closer to the text than footers.
_NUMBERS_FROM = 0.85
# The outermost row of a page is a header or footer this near the edge, with this much air.
_OUTER, _AIR = 0.14, 1.2
_PLACES = 40
_PAGE_NUMBER = re.compile(
    r"(?:[-–—]\s*)?(?:page|seite|s\.)?\s*[ivxlc\d]{1,4}(?:\s*(?:of|von|/)\s*\d+)?(?:\s*[-–—])?",
    re.IGNORECASE,
)
LIST_MARK = re.compile(
    r"(?P<bullet>[•‣▪●○◦·■□☐☑☒✔✘➢➤►▶◆–*\ue000-\uf8ff❏]\s*|-\s+)(?=\S)"
    r"|(?P<number>\(?(?:(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]|[a-z]{2}\)))\s+(?=\S)"
)
_WITH_NUMBER = re.compile(r"^\d{1,4}\s+\D{3,}|\D{3,}\s\d{1,4}$")
_CONTENTS = re.compile(r"(.{3,}?)(?:\s?\.){4,}\s*([ivxlc\d]{1,5})$")
_NUMBERED = re.compile(
    r"(?:(\d{1,2}(?:\.\d{1,2}){0,4})\.?|[A-Z]\.|Chapter \d+|Appendix [A-Z]|§+ ?\d+\w*"
    r"|Art(?:ikel|\.) \d+\w*|Kapitel \d+|Abschnitt \d+|Teil \d+|Anlage \d+)\s+\S"
)
_CAPTION = re.compile(r"(?:figure|fig\.|table|abbildung|abb\.|tabelle|tab\.)\s*\d", re.IGNORECASE)
# "Currency: EUR" in type a little larger is a fact, not a heading.
_LABELLED = re.compile(r"[^\W\d][^:.]{1,40}:\s+\S")
_TITLE = 1.6
_NO_HEADING = re.compile(r"(?:source|quelle|note|hinweis):", re.IGNORECASE)
_CODE_FONT = re.compile(r"courier|mono|consolas|menlo|typewriter|cmtt|inconsolata", re.IGNORECASE)
_ENDS = (".", ":", "!", "?")
# Sizes relative to the body's, lengths in characters: what a heading may look like.
_LARGER, _BIG, _VERY_BIG = 1.05, 1.12, 1.25
_LONG, _BOLD_LENGTH, _BIG_LENGTH = 200, 120, 100
_MOST_LINES = 4
_CODE_GAP = 2.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that belong together, and what they are; ``size`` ranks headings."""

    role: Role
    lines: tuple[Line, ...]
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Body:
    """What is normal in the document: the size and font most characters have."""

    size: float
    font: str


def body_of(pages: Iterable[PageContent]) -> Body:
    """Return the size and font of most of the text."""
    sizes: Counter[float] = Counter()
    fonts: Counter[str] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[line.size] += len(line.text)
            fonts[line.font] += len(line.text)
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    return Body(size or 10.0, fonts.most_common(1)[0][0] if fonts else "")


def running_lines(pages: Sequence[PageContent], body: Body) -> set[tuple[str, int]]:
    """Return the keys of lines that stand at the edge of several pages: headers and footers."""
    seen: Counter[tuple[str, int]] = Counter()
    for page in pages:
        seen.update({edge_key(line, page, body) for line in page.lines if is_at_edge(line, page)})
    least = max(2, round(0.05 * len(pages)))
    return {key for key, count in seen.items() if count >= least}


def edge_key(line: Line, page: PageContent, body: Body) -> tuple[str, int]:
    """Return what makes running lines alike: words without figures, and the height.

    Figures count in larger type: "Chapter 1" and "Chapter 2" at the top of pages are headings.
    """
    words = line.text.strip().lower()
    if line.size < _BIG * body.size:
        words = re.sub(r"\d+", "#", words)
    return words, round(line.y0 / page.height * _PLACES)


def is_at_edge(line: Line, page: PageContent) -> bool:
    """Whether a line stands where headers and footers do."""
    return line.y1 < page.height * _TOP or line.y0 > page.height * _BOTTOM


def is_furniture(line: Line, page: PageContent, running: set[tuple[str, int]], body: Body) -> bool:
    """Whether a line is a running header, a footer or a page number."""
    if is_at_edge(line, page) and edge_key(line, page, body) in running:
        return True
    is_outside = line.y1 < page.height * _TOP or line.y0 > page.height * _NUMBERS_FROM
    return is_outside and bool(_PAGE_NUMBER.fullmatch(line.text.strip()))


def _without_furniture(page: PageContent, running: set[tuple[str, int]], body: Body) -> list[Line]:
    """Return the page's lines without headers and footers, nor what stands level with those."""
    gone = [line for line in page.lines if is_furniture(line, page, running, body)]
    outermost = _outermost(page)
    gone += [line for line in outermost if _PAGE_NUMBER.fullmatch(line.text.strip())]
    gone += [line for line in outermost if _is_numbered_edge(line, body)]
    level = [
        line
        for line in outermost
        if any(overlap(line, other) > 0.5 * (line.y1 - line.y0) for other in gone)
        and line.size <= body.size
    ]
    orders = {line.order for line in (*gone, *level)}
    return [line for line in page.lines if line.order not in orders]


def _outermost(page: PageContent) -> list[Line]:
    """Return the lines of the first and of the last row, where air sets them apart at an edge."""
    shapes: list[Line | FoundTable] = [*page.lines, *page.tables]
    found = []
    for line in page.lines:
        above = [s for s in shapes if s.y1 <= line.y0 + 1]
        below = [s for s in shapes if s.y0 >= line.y1 - 1]
        air = _AIR * max(line.size, 4.0)
        is_first = not above and below and min(s.y0 for s in below) - line.y1 > air
        is_last = not below and above and line.y0 - max(s.y1 for s in above) > air
        is_high = line.y1 < _OUTER * page.height
        is_low = line.y0 > (1 - _OUTER) * page.height
        if (is_first and is_high) or (is_last and is_low):
            found.append(line)
    return found


def _is_numbered_edge(line: Line, body: Body) -> bool:
    """Whether a line in small type ends or begins with a page number: "Chapter 2. Roles 11"."""
    return line.size < body.size and bool(_WITH_NUMBER.search(line.text.strip()))


def page_pieces(
    page: PageContent, body: Body, running: set[tuple[str, int]], outline: set[str]
) -> Iterator[Piece | FoundTable]:
    """Yield the page's pieces and tables in reading order, furniture left out."""
    lines = _without_furniture(page, running, body)
    items = in_reading_order([*lines, *page.tables])
    gatherer = _Gatherer(page, body, outline)
    for item in items:
        if isinstance(item, FoundTable):
            yield from gatherer.flushed()
            yield item
        else:
            yield from gatherer.take(item)
    yield from gatherer.flushed()


class _Gatherer:
    """Gathers lines into a piece until one comes that begins another."""

    def __init__(self, page: PageContent, body: Body, outline: set[str]) -> None:
        self._page = page
        self._body = body
        self._outline = outline
        self._held: list[Line] = []
        self._gap_before = 99.0

    def take(self, line: Line) -> Iterator[Piece]:
        if _CONTENTS.match(line.text):
            yield from self.flushed()
            yield Piece("contents", (line,))
            return
        if self._held and self._breaks(line):
            gap = line.y0 - self._held[-1].y1
            yield from self.flushed(gap)
            self._gap_before = gap if gap > 0 else 99.0
        self._held.append(line)

    def flushed(self, gap_after: float = 99.0) -> Iterator[Piece]:
        """Yield what is held as one piece; ``gap_after`` is the white space below it."""
        if not self._held:
            return
        lines = tuple(self._held)
        self._held = []
        yield Piece(self._role(lines, gap_after), lines, lines[0].size)
        self._gap_before = 99.0

    def _breaks(self, line: Line) -> bool:
        """Whether a line begins something new after those held."""
        last = self._held[-1]
        if _is_code(last, self._body) or _is_code(line, self._body):
            return _is_code(last, self._body) != _is_code(line, self._body) or (
                line.y0 - last.y1 > _CODE_GAP * line.size
            )
        lower = min(last.y1 - last.y0, line.y1 - line.y0)
        is_beside = overlap(last, line) > 0.4 * lower
        if LIST_MARK.match(line.text) or self._changes_style(last, line, is_beside=is_beside):
            return True
        return not is_beside and self._begins_paragraph(last, line)

    def _begins_paragraph(self, last: Line, line: Line) -> bool:
        """Whether a line below the last is set apart by air, indentation or a short line."""
        size = max(last.size, line.size, 4.0)
        gap = line.y0 - last.y1
        has_ended = last.text.rstrip().endswith(_ENDS)
        jumps_up = line.y1 < last.y0 - size and has_ended
        is_numbered = line.is_bold and bool(_NUMBERED.match(line.text))
        if gap > 0.75 * size or jumps_up or is_numbered:
            return True
        is_indented = line.x0 - self._held[0].x0 > size and gap > -size
        was_short = last.x1 < max(held.x1 for held in self._held) - 5 * size
        return has_ended and len(self._held) > 1 and (is_indented or was_short)

    @staticmethod
    def _changes_style(last: Line, line: Line, *, is_beside: bool) -> bool:
        difference = abs(last.size - line.size)
        if difference <= 0.6 and last.is_bold == line.is_bold:  # noqa: PLR2004
            return False
        if is_beside and difference < 2.5:  # noqa: PLR2004
            return False
        goes_on = last.is_bold != line.is_bold and line.text[:1].islower()
        return not (goes_on and difference <= 0.6)  # noqa: PLR2004

    def _role(self, lines: tuple[Line, ...], gap_after: float) -> Role:
        words = " ".join(line.text for line in lines).strip()
        if _is_code(lines[0], self._body):
            return "code"
        if _CAPTION.match(words):
            return "caption"
        if self._is_heading(lines, words, gap_after):
            return "heading"
        if self._is_footnote(lines, words):
            return "footnote"
        return "list_item" if LIST_MARK.match(words) else "paragraph"

    def _is_footnote(self, lines: tuple[Line, ...], words: str) -> bool:
        is_low = lines[0].y0 > 0.6 * self._page.height
        is_small = max(line.size for line in lines) <= 0.92 * self._body.size
        return is_low and is_small and bool(re.match(r"[\d*†¹²³⁴-⁹]{1,3}\s*\S", words))

    def _is_heading(self, lines: tuple[Line, ...], words: str, gap_after: float) -> bool:
        count = len(words)
        if count < _LONG and squashed(words) in self._outline:
            return True
        has_letters = sum(character.isalpha() for character in words) > 1
        ends_open = words.endswith((",", ";")) or bool(_NO_HEADING.match(words))
        if count >= _LONG or not has_letters or len(lines) > _MOST_LINES or ends_open:
            return False
        first, body = lines[0], self._body
        mark = LIST_MARK.match(words)
        is_plain = not first.is_bold and bool(first.font) and first.font == body.font
        if mark and (mark.group("bullet") or (is_plain and first.size < _VERY_BIG * body.size)):
            return False
        if first.size >= _BIG * body.size:
            if _LABELLED.match(words) and not first.is_bold and first.size < _TITLE * body.size:
                return False
            return first.size >= _VERY_BIG * body.size or first.is_bold or count < _BIG_LENGTH
        return count < _BOLD_LENGTH and (
            self._is_bold_heading(lines, words) or self._is_marked(lines, words, gap_after)
        )

    def _is_bold_heading(self, lines: tuple[Line, ...], words: str) -> bool:
        is_bold = all(line.is_bold for line in lines)
        is_body_size = lines[0].size >= 0.9 * self._body.size
        if not is_bold or not is_body_size or words.endswith(".") or len(lines) > 2:  # noqa: PLR2004
            return False
        return not LIST_MARK.match(words) or bool(_NUMBERED.match(words))

    def _is_marked(self, lines: tuple[Line, ...], words: str, gap_after: float) -> bool:
        """Whether a number or another font marks the heading."""
        first = lines[0]
        is_other_font = first.font != self._body.font
        if first.size < 0.9 * self._body.size:
            return False
        if _NUMBERED.match(words) and (first.is_bold or is_other_font):
            return True
        is_larger = first.is_one_font and first.size >= _LARGER * self._body.size
        mark = LIST_MARK.match(words)
        if mark and mark.group("number") and is_larger and is_other_font and len(lines) == 1:
            return True
        return is_other_font and self._stands_alone(lines, words, gap_after)

    def _stands_alone(self, lines: tuple[Line, ...], words: str, gap_after: float) -> bool:
        """Whether a single short line in one font has air above and its text close below."""
        first = lines[0]
        return (
            len(lines) == 1
            and first.is_one_font
            and first.size >= 0.95 * self._body.size
            and len(words) < 80  # noqa: PLR2004
            and not words.endswith((".", ":"))
            and self._gap_before > 0.6 * first.size
            and words[:1].isupper()
            and gap_after < 3 * first.size
        )


def _is_code(line: Line, body: Body) -> bool:
    """Whether a line is set like a typewriter's in a document that is not."""
    return line.is_one_font and bool(_CODE_FONT.search(line.font)) and line.font != body.font


def squashed(words: str) -> str:
    """Return the letters and figures of words, to compare them with the outline's titles."""
    return re.sub(r"[\W_]+", "", words).lower()


def heading_depth(words: str) -> int:
    """Return how deep a numbered heading says it is ("2.1" is 2), 0 without such a number."""
    match = _NUMBERED.match(words)
    return match.group(1).count(".") + 1 if match and match.group(1) else 0


def contents_entry(line: Line) -> tuple[str, str]:
    """Return title and page of a line in a table of contents."""
    match = _CONTENTS.match(line.text)
    return (match.group(1).strip(), match.group(2)) if match else (line.text, "")
