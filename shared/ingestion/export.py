"""A read document as Markdown: its structure in signs that people, programs and models read.

CommonMark with pipe tables. A table has no merged cells there, so the words of a cell that spans
rows or columns are repeated in each of them: every row can be read by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from shared.ingestion.model import Block, Figure, Link, ParsedDocument, Table

_DEEPEST_HEADING = 6
_MARKER = re.compile(r"(?P<bullet>[-*+•‣▪●○◦·■□–])\s+|(?P<number>\d{1,9})(?P<end>[.)])\s+")
# An underscore inside a word is no emphasis (CommonMark 6.2), a bracket without what follows it
# no link: only what would be read as a sign is marked as none.
_SIGNS = re.compile(r"[\\`*]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|\](?=[(\[:])|&(?=#?\w+;)")
_LINE_START = re.compile(r"(?m)^([ \t]*)(?:([#>+=-])|(\d{1,9})([.)]))(?=[ \t#>+=-]|$)")
_CONTROLS_IN_URL = re.compile(r"[\s<>]")


def document_to_markdown(document: ParsedDocument, *, files: str = "") -> str:
    """Return the whole document as Markdown, ending with a newline.

    ``files`` is what stands before a picture's file name, such as ``images/``; pictures stand
    where the page has them, before their caption.
    """
    return "".join(_Writer(document, files).pieces())


def tables_to_html(document: ParsedDocument) -> str:
    """Return the tables alone as HTML, cells that span as such."""
    return "".join(_html_table(document.text, table) for table in document.tables)


def _html_table(text: str, table: Table) -> str:
    rows: list[list[str]] = [[] for _ in range(table.row_count)]
    for cell in sorted(table.cells, key=lambda cell: (cell.row, cell.column)):
        tag = "th" if cell.is_header else "td"
        spans = "".join(
            f' {name}="{count}"'
            for name, count in (("rowspan", cell.row_span), ("colspan", cell.column_span))
            if count > 1
        )
        rows[cell.row].append(f"<{tag}{spans}>{escape(text[cell.start : cell.end])}</{tag}>")
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table>\n{body}\n</table>\n"


@dataclass(slots=True)
class _Writer:
    """Writes block after block and knows the lists it stands in."""

    document: ParsedDocument
    files: str
    _indents: list[int] = field(default_factory=list)

    def pieces(self) -> Iterator[str]:
        """Yield the blocks with what separates them."""
        tables = {table.block: table for table in self.document.tables}
        pictures = _pictures_before(self.document)
        links = sorted(self.document.links, key=lambda link: (link.start, -link.end))
        starts = [link.start for link in links]
        is_first, was_item = True, False
        for index, block in enumerate(self.document.blocks):
            for picture in pictures.get(index, ()):
                yield ("" if is_first else "\n") + self._picture(picture) + "\n"
                is_first = was_item = False
            inside = _within(links, starts, block)
            is_item = block.kind == "list_item"
            if not is_item:
                self._indents.clear()
            words = self._written(block, tables.get(index), inside)
            is_close = is_item and was_item and not words.startswith("\n")
            yield ("" if is_first or is_close else "\n") + words.lstrip("\n") + "\n"
            is_first, was_item = False, is_item
        for picture in pictures.get(len(self.document.blocks), ()):
            yield ("" if is_first else "\n") + self._picture(picture) + "\n"
            is_first = False

    def _written(self, block: Block, table: Table | None, links: Sequence[Link]) -> str:
        text = self.document.text
        words = text[block.start : block.end]
        match block.kind:
            case "heading":
                line = " ".join(self._inline(block.start, block.end, links).split())
                return f"{'#' * min(max(block.level, 1), _DEEPEST_HEADING)} {line}"
            case "code" | "formula" | "note":
                return _FENCES[block.kind](words)
            case "quote":
                return _prefixed(self._lines(block.start, block.end, links), "> ", "> ")
            case "list_item":
                return self._item(block, links)
            case "table" if table is not None:
                return self._table(table, links)
            case _:
                return self._lines(block.start, block.end, links)

    def _item(self, block: Block, links: Sequence[Link]) -> str:
        """Write a list item below its parent; an item without a mark goes on with the last."""
        words = self.document.text[block.start : block.end]
        depth = max(0, block.level)
        marker = _MARKER.match(words)
        goes_on = marker is None and len(self._indents) > depth
        del self._indents[depth + (1 if goes_on else 0) :]
        margin = " " * sum(self._indents)
        if goes_on:
            return "\n" + _prefixed(self._lines(block.start, block.end, links), margin, margin)
        sign = f"{marker['number']}{marker['end']}" if marker and marker["number"] else "-"
        self._indents.append(len(sign) + 1)
        body = self._lines(block.start + (marker.end() if marker else 0), block.end, links)
        return _prefixed(body, f"{margin}{sign} ", " " * sum(self._indents))

    def _table(self, table: Table, links: Sequence[Link]) -> str:
        grid: dict[tuple[int, int], str] = {}
        for cell in table.cells:
            words = self._inline(cell.start, cell.end, links).replace("|", "\\|")
            for row in range(cell.row, min(cell.row + cell.row_span, table.row_count)):
                for column in range(
                    cell.column, min(cell.column + cell.column_span, table.column_count)
                ):
                    grid.setdefault((row, column), words)
        rows = [
            "| " + " | ".join(grid.get((r, c), "") for c in range(table.column_count)) + " |"
            for r in range(table.row_count)
        ]
        return "\n".join([rows[0], "|" + " --- |" * table.column_count, *rows[1:]])

    def _lines(self, start: int, end: int, links: Sequence[Link]) -> str:
        """Write running text: its line breaks stay, nothing at a line's start is a sign."""
        marked = _LINE_START.sub(_harmless, self._inline(start, end, links))
        return marked.replace("\n", "  \n")

    def _inline(self, start: int, end: int, links: Sequence[Link]) -> str:
        """Write ``text[start:end]`` with its links."""
        text = self.document.text
        parts: list[str] = []
        position = start
        for link in links:
            if link.start < position or link.end > end or link.start >= link.end:
                continue
            words = _plain(text[link.start : link.end]).replace("[", "\\[")
            target = _CONTROLS_IN_URL.sub(lambda found: quote(found.group()), link.target)
            is_open = "(" in target or ")" in target
            parts += [
                _plain(text[position : link.start]),
                f"[{words}]({'<' if is_open else ''}{target}{'>' if is_open else ''})",
            ]
            position = link.end
        return "".join([*parts, _plain(text[position:end])])

    def _picture(self, figure: Figure) -> str:
        described = _plain(" ".join(figure.description.split())).replace("[", "\\[")
        return f"![{described}]({quote(self.files + figure.file)})"


def _fenced(words: str) -> str:
    """Return code between fences longer than any row of backticks in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", words)), default=0))
    return f"{fence}\n{words}\n{fence}"


def _formula(words: str) -> str:
    return f"$$\n{words}\n$$" if "\n" in words else f"$${words}$$"


def _comment(words: str) -> str:
    """Return a speaker's note as slides in Markdown have it (Marp, Slidev): a comment."""
    return f"<!--\n{words.replace('--', '—')}\n-->"


_FENCES = {"code": _fenced, "formula": _formula, "note": _comment}


def _within(links: Sequence[Link], starts: Sequence[int], block: Block) -> list[Link]:
    """Return a block's links; ``starts`` are where the links, in order, begin."""
    first, last = bisect_left(starts, block.start), bisect_left(starts, block.end)
    return [link for link in links[first:last] if link.end <= block.end]


def _pictures_before(document: ParsedDocument) -> dict[int, list[Figure]]:
    """Return the pictures by the index of the block that they stand before."""
    found: dict[int, list[Figure]] = {}
    for figure in document.figures:
        index = figure.block if figure.block is not None else _following(document.blocks, figure)
        found.setdefault(index, []).append(figure)
    return found


def _following(blocks: Sequence[Block], figure: Figure) -> int:
    """Return the index of the first block below a picture, or on a later page."""
    if figure.page is not None:
        for index, block in enumerate(blocks):
            if block.page is None or block.page < figure.page:
                continue
            if block.page > figure.page or _top(block) >= figure.y0:
                return index
    return len(blocks)


def _top(block: Block) -> float:
    return min((box.y0 for box in block.boxes), default=0.0)


def _plain(words: str) -> str:
    """Return words in which nothing is a sign of Markdown's."""
    return _SIGNS.sub(lambda m: "&lt;" if m[0] == "<" else f"\\{m[0]}", words)


def _harmless(found: re.Match[str]) -> str:
    margin, sign, number, end = found.groups()
    return f"{margin}\\{sign}" if sign else f"{margin}{number}\\{end}"


def _prefixed(words: str, first: str, others: str) -> str:
    """Return the lines with the first prefix before the first and the other before the rest."""
    lines: Iterable[str] = words.split("\n")
    return "\n".join((first if number == 0 else others) + line for number, line in enumerate(lines))
