"""What a document is once it has been read: canonical text, blocks, tables, and its chunks.

Every position is a pair of character offsets into the version's canonical text, so a heading, a
table cell, a chunk and a quoted citation can all be checked by slicing one string.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

BlockKind = Literal[
    "heading",
    "paragraph",
    "list_item",
    "table",
    "code",
    "quote",
    "caption",
    "footnote",
    "formula",
    "note",
]
"""A ``note`` is what a speaker noted below a slide."""

Language = Literal["de", "en", "simple"]

BLOCK_KINDS: frozenset[str] = frozenset(get_args(BlockKind))
LANGUAGES: frozenset[str] = frozenset(get_args(Language))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page that shows ``text[start:end]``; usually one printed line.

    Coordinates are PDF points (1/72 inch) from the top-left corner of the page as a reader sees
    it, after CropBox and rotation. Pages count from 1.
    """

    page: int
    x0: float
    y0: float
    x1: float
    y1: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One structural piece, ``text[start:end]``.

    ``level`` is the depth of a heading (1 is the top) or the nesting of a list item (0 is the
    outermost), 0 for everything else. ``heading_path`` holds the headings above, outermost
    first; a heading's own path ends with itself. ``page`` is None where the format has no pages.
    """

    kind: BlockKind
    level: int
    start: int
    end: int
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell, anchored at its first row and column, counted from 0."""

    row: int
    column: int
    row_span: int
    column_span: int
    start: int
    end: int
    is_header: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The grid of the table block at index ``block``; each row is one line of its text."""

    block: int
    row_count: int
    column_count: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture taken out of the document, lying as ``file`` beside the parsed form.

    The rectangle is as in ``Box``, all zero where the format has no pages (``page`` None).
    ``block`` is the index of its caption's block, None without one.
    """

    file: str
    media_type: str
    width_px: int
    height_px: int
    page: int | None = None
    x0: float = 0.0
    y0: float = 0.0
    x1: float = 0.0
    y1: float = 0.0
    block: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Words ``text[start:end]`` that lead to a URL, or to a place inside (``#page=3``)."""

    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class PageFacts:
    """A page: its size in points as in ``Box``, and how its words were won.

    ``confidence`` is the mean certainty of recognised words, 0 to 1; None where the words came
    with the file.
    """

    number: int
    width: float
    height: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the file, lying as ``file`` beside the parsed form: a document of its own.

    ``name`` is what it is called inside, folders joined by slashes.
    """

    name: str
    file: str
    size_bytes: int
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class FormField:
    """A named value: a form's field, or a fact that the file states in a form of its own."""

    name: str
    value: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A whole document: ``text`` is canonical, ``blocks`` lie in it in order without overlap.

    ``pages`` is empty where the format has none. Files of ``figures`` and ``attachments`` lie
    in the folder that the parser was given.
    """

    title: str
    language: Language
    page_count: int | None
    text: str
    blocks: tuple[Block, ...]
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    links: tuple[Link, ...] = ()
    pages: tuple[PageFacts, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    fields: tuple[FormField, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    parser: str = ""
    parser_version: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece to embed and cite: exactly ``text == document.text[start:end]``.

    ``heading_path`` is where the chunk stands; ``context`` is the part of that path (and, for a
    piece of a long table, its header row) that the text does not say itself. ``token_count``
    counts ``embedding_text(chunk)``.
    """

    ordinal: int
    kind: BlockKind
    text: str
    context: str
    heading_path: tuple[str, ...]
    page_from: int | None
    page_to: int | None
    boxes: tuple[Box, ...]
    start: int
    end: int
    language: Language
    token_count: int


def embedding_text(chunk: Chunk) -> str:
    """Return what is embedded and matched: the context, a newline, and the chunk's own words."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text


def boxes_within(boxes: Iterable[Box], start: int, end: int) -> tuple[Box, ...]:
    """Return the boxes that show any character of ``text[start:end]``, in their order."""
    return tuple(box for box in boxes if box.start < end and start < box.end)
