"""The draft every parser writes on: places pieces in the canonical text, remembers where.

A parser only says what it found, in reading order; offsets, heading paths and the separation of
blocks are decided here, once, for all formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from shared.files.cleaning import one_line, tidy_lines
from shared.inference.language import detect_language
from shared.ingestion.model import (
    Attachment,
    Block,
    BlockKind,
    Box,
    Cell,
    Figure,
    FormField,
    Link,
    PageFacts,
    ParsedDocument,
    Table,
)
from shared.kernel.errors import InvalidError, TooLargeError

MAX_CELLS = 1_000_000
MAX_CHARACTERS = 100_000_000
_SAMPLE = 20_000
_FIRST_HEADINGS = 8
_LONGEST_TARGET = 2_000


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a run of words was printed, before it has a place in the canonical text."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A printed line and its spot; ``glue`` is what joins it to the line before."""

    text: str
    spot: Spot
    glue: str = " "


@dataclass(frozen=True, slots=True)
class CellText:
    """A table cell as a parser found it."""

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False
    spot: Spot | None = None


class Draft:
    """Collects blocks in reading order and finishes as a ParsedDocument.

    ``page`` is the slide or sheet that the next blocks stand on; printed lines bring their own.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._tables: list[Table] = []
        self._headings: list[tuple[int, str]] = []
        self._cells = 0
        self.page: int | None = None
        self.warnings: list[str] = []
        self.figures: list[Figure] = []
        self.links: list[Link] = []
        self.pages: list[PageFacts] = []
        self.attachments: list[Attachment] = []
        self.fields: list[FormField] = []

    @property
    def block_count(self) -> int:
        """How many blocks stand here: the index of the next one."""
        return len(self._blocks)

    @property
    def is_empty(self) -> bool:
        """Whether nothing readable has been written yet."""
        return not self._blocks

    @property
    def first_heading(self) -> str:
        """The first of the highest headings near the beginning, or an empty string."""
        headings = (block for block in self._blocks if block.kind == "heading")
        highest = min(islice(headings, _FIRST_HEADINGS), key=lambda b: b.level, default=None)
        return highest.heading_path[-1] if highest else ""

    def heading(self, text: str, *, level: int, lines: Sequence[PlacedLine] = ()) -> None:
        """Write a heading; it becomes part of the path of what follows, down to its level."""
        placed = self._lay(lines) if lines else (one_line(text), ())
        words = placed[0]
        if not words:
            return
        level = max(1, level)
        self._headings = [known for known in self._headings if known[0] < level]
        self._headings.append((level, words))
        self._place("heading", words, level=level, boxes=placed[1])

    def paragraph(
        self, text: str, *, kind: BlockKind = "paragraph", lines: Sequence[PlacedLine] = ()
    ) -> None:
        """Write running text; inner line breaks stay, and the indentation of code."""
        words, boxes = self._lay(lines) if lines else (tidy_lines(text), ())
        if kind != "code":
            words = words.strip()
        if words:
            self._place(kind, words, boxes=boxes)

    def list_item(
        self, text: str, *, marker: str = "-", depth: int = 0, lines: Sequence[PlacedLine] = ()
    ) -> None:
        """Write a list item with its marker; ``depth`` 0 is the outermost list."""
        words, boxes = self._lay(lines) if lines else (tidy_lines(text), ())
        if not words.strip():
            return
        lead = one_line(marker)
        shift = len(lead) + 1 if lead else 0
        moved = tuple(_moved(box, shift) for box in boxes)
        words = f"{lead} {words.lstrip()}" if lead else words
        self._place("list_item", words, level=depth, boxes=moved)

    def table(self, cells: Sequence[CellText]) -> None:
        """Write a table, one line per row, cells separated by `` | ``.

        Raises TooLargeError past one million cells in the document.
        """
        filled = [cell for cell in cells if cell.text.strip()]
        self._cells += len(cells)
        if self._cells > MAX_CELLS:
            raise TooLargeError(
                f"The tables of this file have more than {MAX_CELLS:,} cells.",
                hint="Split it into several files.",
            )
        if not filled:
            return
        first = self._length + len(self._gap("table"))
        words, placed, boxes = _written_table(sorted(cells, key=lambda c: (c.row, c.column)))
        shifted = tuple(
            Cell(c.row, c.column, c.row_span, c.column_span, c.start + first, c.end + first,
                 c.is_header)
            for c in placed
        )  # fmt: skip
        self._tables.append(
            Table(
                block=len(self._blocks),
                row_count=max(c.row + c.row_span for c in cells),
                column_count=max(c.column + c.column_span for c in cells),
                cells=shifted,
            )
        )
        self._place("table", words, boxes=boxes)

    def link(self, words: str, target: str) -> bool:
        """Let words of the last block lead to ``target``; False when they are not in it."""
        block = self._blocks[-1] if self._blocks else None
        sought = one_line(words)
        if block is None or not sought or not target:
            return False
        last = self.links[-1].end if self.links else 0
        place = self._pieces[-1].find(sought, max(0, last - block.start))
        if place >= 0:
            start = block.start + place
            self.links.append(Link(start, start + len(sought), target[:_LONGEST_TARGET]))
        return place >= 0

    def end_section(self) -> None:
        """Let what follows stand under no heading, as on a new slide or in a new part."""
        self._headings.clear()

    def finish(
        self,
        *,
        title: str,
        filename: str,
        parser: str,
        parser_version: str,
        page_count: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> ParsedDocument:
        """Return the document; its title falls back to the first heading, then to the file name.

        Raises InvalidError when the file holds no readable text at all.
        """
        if self.is_empty:
            raise InvalidError(
                f"“{one_line(filename)}” holds no text.", hint="Put in a file with words in it."
            )
        text = "".join(self._pieces)
        stem = filename.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        return ParsedDocument(
            title=(one_line(title) or self.first_heading or one_line(stem))[:500],
            language=detect_language(text[:_SAMPLE]),
            page_count=page_count,
            text=text,
            blocks=tuple(self._blocks),
            tables=tuple(self._tables),
            figures=tuple(self.figures),
            links=tuple(self.links),
            pages=tuple(self.pages),
            attachments=tuple(self.attachments),
            fields=tuple(self.fields),
            metadata={k: one_line(v)[:2000] for k, v in (metadata or {}).items() if v.strip()},
            parser=parser,
            parser_version=parser_version,
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def _gap(self, kind: BlockKind) -> str:
        """Return what separates the next block: list items stand close, all else has air."""
        if not self._blocks:
            return ""
        return "\n" if kind == self._blocks[-1].kind == "list_item" else "\n\n"

    def _lay(self, lines: Sequence[PlacedLine]) -> tuple[str, tuple[Box, ...]]:
        """Join printed lines and give each its span; a glue of ``-`` swallows the hyphen."""
        words = ""
        boxes: list[Box] = []
        for line in lines:
            piece = one_line(line.text)
            if not piece:
                continue
            if words and line.glue == "-":
                words = words.removesuffix("-")
                if boxes:
                    boxes[-1] = _ending(boxes[-1], len(words))
            elif words:
                words += line.glue
            start = len(words)
            words += piece
            boxes.append(_boxed(line.spot, start, len(words)))
        return words, tuple(boxes)

    def _place(
        self, kind: BlockKind, words: str, *, level: int = 0, boxes: tuple[Box, ...] = ()
    ) -> None:
        gap = self._gap(kind)
        start = self._length + len(gap)
        self._length = start + len(words)
        if self._length > MAX_CHARACTERS:
            raise TooLargeError(
                f"The file holds more than {MAX_CHARACTERS:,} characters of text.",
                hint="Split it into several files.",
            )
        self._pieces += [gap, words]
        placed = tuple(_moved(box, start) for box in boxes)
        self._blocks.append(
            Block(
                kind=kind,
                level=level,
                start=start,
                end=self._length,
                page=placed[0].page if placed else self.page,
                boxes=placed,
                heading_path=tuple(text for _, text in self._headings),
            )
        )


def _written_table(cells: Sequence[CellText]) -> tuple[str, list[Cell], tuple[Box, ...]]:
    """Write sorted cells as lines; returns text, cells and boxes relative to the text's start."""
    filled_rows = {cell.row for cell in cells if cell.text.strip()}
    parts: list[str] = []
    placed: list[Cell] = []
    boxes: list[Box] = []
    position = line_start = 0
    row = -1
    for cell in cells:
        words = one_line(cell.text)
        separator = ""
        if cell.row != row and cell.row in filled_rows:
            separator = "\n" if parts else ""
            line_start = position + len(separator)
        elif cell.row in filled_rows:
            separator = ("|" if position == line_start else " |") + (" " if words else "")
        row = cell.row
        start = position + len(separator)
        position = start + len(words)
        parts += [separator, words]
        placed.append(
            Cell(cell.row, cell.column, cell.row_span, cell.column_span, start, position,
                 cell.is_header)
        )  # fmt: skip
        if cell.spot and words:
            boxes.append(_boxed(cell.spot, start, position))
    return "".join(parts), placed, tuple(boxes)


def _boxed(spot: Spot, start: int, end: int) -> Box:
    """Return the box of a span, to a hundredth of a point, as it is stored."""
    x0, y0, x1, y1 = (round(edge, 2) for edge in (spot.x0, spot.y0, spot.x1, spot.y1))
    return Box(spot.page, x0, y0, x1, y1, start, end)


def _moved(box: Box, by: int) -> Box:
    return Box(box.page, box.x0, box.y0, box.x1, box.y1, box.start + by, box.end + by)


def _ending(box: Box, end: int) -> Box:
    return Box(box.page, box.x0, box.y0, box.x1, box.y1, box.start, end)
