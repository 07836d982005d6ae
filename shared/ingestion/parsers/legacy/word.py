"""Old Word documents (.doc, Word 97–2003): text, styles and tables per [MS-DOC].

Headings are known by their built-in style numbers, so a German “Überschrift 1” is one as well.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MAGIC = 0xA5EC
_OLDEST = 0x00C1  # nFib of Word 97
_ENCRYPTED, _ONE_TABLE = 0x0100, 0x0200
_STYLES, _CHARACTERS, _PARAGRAPHS, _PIECES = 1, 12, 13, 33  # places in the list of tables
_FIRST_TABLE = 154
_TITLE_STYLE = 62
_PARAGRAPH_STYLE = 1
_LAST_LEVEL = 9
_IN_TABLE, _ROW_END, _OUTLINE, _LIST_LEVEL, _LIST = 0x2416, 0x2417, 0x2640, 0x260A, 0x460B
_DELETED, _HIDDEN = 0x0800, 0x083C
_SIZES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
_LONG_TABLES = {0xD608, 0xD606}
_PAGE = 512
_MAX_CHARACTERS = 50_000_000


@dataclass(frozen=True, slots=True)
class WordParagraph:
    """A paragraph as Word keeps it; ``ends_row`` marks the end of a table's row."""

    text: str
    level: int = 0
    is_list: bool = False
    depth: int = 0
    in_table: bool = False
    ends_cell: bool = False
    ends_row: bool = False
    is_note: bool = False


class WordFile:
    """The streams of an old Word document, ready to be read.

    Raises ValueError for older Word, PermissionError for a document with a password, and
    struct.error or IndexError for a broken one.
    """

    def __init__(self, ole: Any) -> None:
        self._main = bytes(ole.openstream("WordDocument").read())
        magic, version = struct.unpack_from("<HH", self._main)
        (flags,) = struct.unpack_from("<H", self._main, 10)
        if magic != _MAGIC or version < _OLDEST:
            raise ValueError("older than Word 97")
        if flags & _ENCRYPTED:
            raise PermissionError("encrypted")
        name = "1Table" if flags & _ONE_TABLE else "0Table"
        self._table = bytes(ole.openstream(name).read())
        self._pieces = list(self._read_pieces())
        self._levels = self._read_styles()
        self._paragraph_runs = self._runs(_PARAGRAPHS)
        self._character_runs = self._runs(_CHARACTERS)

    def paragraphs(self) -> Iterator[WordParagraph]:
        """Yield the paragraphs of the body, then footnotes and endnotes, then text boxes."""
        body, notes, heads, _, comments, ends, boxes = struct.unpack_from("<7i", self._main, 0x4C)
        after_heads = body + notes + heads
        yield from self._between(0, body)
        for start, length in ((body, notes), (after_heads + comments, ends)):
            yield from self._between(start, start + length, is_note=True)
        start = after_heads + comments + ends
        yield from self._between(start, start + boxes)

    def _between(self, start: int, end: int, *, is_note: bool = False) -> Iterator[WordParagraph]:
        """Yield the paragraphs between two character positions."""
        held: list[str] = []
        for first, last, offset, width in self._pieces:
            low, high = max(first, start), min(last, end)
            if low >= high:
                continue
            raw = self._main[offset + (low - first) * width : offset + (high - first) * width]
            text = raw.decode("cp1252" if width == 1 else "utf-16-le", "replace")
            place = offset + (low - first) * width
            cut = 0
            for number, character in enumerate(text):
                if character in "\r\x07\x0c":
                    held.append(self._seen(text[cut:number], place + cut * width, width))
                    cut = number + 1
                    yield self._paragraph(
                        "".join(held), place + number * width, character, is_note=is_note
                    )
                    held = []
            held.append(self._seen(text[cut:], place + cut * width, width))
        if "".join(held).strip():
            yield WordParagraph("".join(held), is_note=is_note)

    def _paragraph(self, text: str, place: int, mark: str, *, is_note: bool) -> WordParagraph:
        style, changes = self._paragraph_at(place)
        level = self._levels.get(style, 0)
        outline = changes.get(_OUTLINE)
        if outline is not None:
            level = outline + 1 if outline < _LAST_LEVEL else 0
        return WordParagraph(
            text=text,
            level=level,
            is_list=bool(changes.get(_LIST)),
            depth=min(changes.get(_LIST_LEVEL, 0), _LAST_LEVEL),
            in_table=bool(changes.get(_IN_TABLE)) or mark == "\x07",
            ends_cell=mark == "\x07",
            ends_row=bool(changes.get(_ROW_END)),
            is_note=is_note,
        )

    def _seen(self, text: str, place: int, width: int) -> str:
        """Return the part of a stretch that is neither hidden nor deleted."""
        starts, pages = self._character_runs
        kept: list[str] = []
        position, end = place, place + len(text) * width
        while position < end:
            until, changes = self._at(position, starts, pages, is_paragraph=False)
            until = min(max(until, position + width), end)
            if not changes.get(_DELETED) and not changes.get(_HIDDEN):
                first = (position - place) // width
                kept.append(text[first : (until - place + width - 1) // width])
            position = until
        return "".join(kept)

    def _paragraph_at(self, place: int) -> tuple[int, dict[int, int]]:
        starts, pages = self._paragraph_runs
        _, changes = self._at(place, starts, pages, is_paragraph=True)
        return changes.get(-1, 0), changes

    def _at(
        self, place: int, starts: list[int], pages: list[int], *, is_paragraph: bool
    ) -> tuple[int, dict[int, int]]:
        """Return the end of the run at a place and what it changes; style under -1."""
        index = bisect_right(starts, place) - 1
        if not 0 <= index < len(pages):
            return place + (1 << 30), {}
        page = self._main[pages[index] * _PAGE : (pages[index] + 1) * _PAGE]
        if len(page) < _PAGE:
            return place + (1 << 30), {}
        count = page[-1]
        bounds = struct.unpack_from(f"<{count + 1}I", page)
        run = bisect_right(bounds, place) - 1
        if not 0 <= run < count:
            return starts[index + 1], {}
        entry = (count + 1) * 4 + run * (13 if is_paragraph else 1)
        return bounds[run + 1], _changes(page, page[entry] * 2, is_paragraph=is_paragraph)

    def _read_pieces(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (first, last, offset, bytes per character) of each piece of text."""
        start, length = self._table_at(_PIECES)
        data = self._table[start : start + length]
        position = 0
        while position < len(data) and data[position] == 1:
            position += 3 + struct.unpack_from("<H", data, position + 1)[0]
        size = struct.unpack_from("<I", data, position + 1)[0]
        plc = data[position + 5 : position + 5 + size]
        count = (len(plc) - 4) // 12
        bounds = struct.unpack_from(f"<{count + 1}I", plc)
        if bounds[-1] > _MAX_CHARACTERS:
            raise ValueError("too many characters")
        for number in range(count):
            (place,) = struct.unpack_from("<I", plc, (count + 1) * 4 + number * 8 + 2)
            is_narrow = bool(place & 0x40000000)
            offset = (place & 0x3FFFFFFF) // 2 if is_narrow else place & 0x3FFFFFFF
            yield bounds[number], bounds[number + 1], offset, 1 if is_narrow else 2

    def _read_styles(self) -> dict[int, int]:
        """Return the heading levels of styles, those built on a heading included."""
        start, length = self._table_at(_STYLES)
        data = self._table[start : start + length]
        head, count, fixed = struct.unpack_from("<HHH", data)
        position = 2 + head
        levels: dict[int, int] = {}
        bases: dict[int, int] = {}
        for number in range(count):
            if position + 2 > len(data):
                break
            (size,) = struct.unpack_from("<H", data, position)
            style = data[position + 2 : position + 2 + size]
            if len(style) > fixed:
                bases[number] = struct.unpack_from("<H", style, 2)[0] >> 4
                level = _style_level(style, fixed)
                if level:
                    levels[number] = level
            position += 2 + size + size % 2
        for number, base in bases.items():
            steps = 0
            while number not in levels and base in bases and steps < _LAST_LEVEL:
                if base in levels:
                    levels[number] = levels[base]
                base, steps = bases[base], steps + 1  # noqa: PLW2901 - climbs to the base's base
        return levels

    def _runs(self, which: int) -> tuple[list[int], list[int]]:
        """Return where the pages of properties begin in the text, and their numbers."""
        start, length = self._table_at(which)
        data = self._table[start : start + length]
        count = max(0, (len(data) - 4) // 8)
        starts = list(struct.unpack_from(f"<{count + 1}I", data)) if count else []
        pages = struct.unpack_from(f"<{count}I", data, (count + 1) * 4) if count else ()
        return starts, [page & 0x3FFFFF for page in pages]

    def _table_at(self, which: int) -> tuple[int, int]:
        start, length = struct.unpack_from("<II", self._main, _FIRST_TABLE + which * 8)
        return start, length


def _style_level(style: bytes, fixed: int) -> int:
    """Return a style's heading level: by its built-in number, else by its outline level."""
    built_in, kind = struct.unpack_from("<HH", style)
    built_in &= 0x0FFF
    if built_in == _TITLE_STYLE:
        return 1
    if 1 <= built_in <= _LAST_LEVEL:
        return int(built_in)
    if kind & 0xF != _PARAGRAPH_STYLE:
        return 0
    (letters,) = struct.unpack_from("<H", style, fixed)
    place = fixed + 2 + 2 * letters + 2
    if place + 4 > len(style):
        return 0
    (size,) = struct.unpack_from("<H", style, place)
    outline = _sprms(style[place + 4 : place + 2 + size]).get(_OUTLINE, _LAST_LEVEL)
    return outline + 1 if outline < _LAST_LEVEL else 0


def _changes(page: bytes, place: int, *, is_paragraph: bool) -> dict[int, int]:
    """Return the properties at a place of a page, by their codes."""
    if place == 0:
        return {}
    size = page[place] * 2 - 1 if is_paragraph else page[place]
    place += 1
    if is_paragraph and size < 0:
        size = page[place] * 2
        place += 1
    data = page[place : place + size]
    if not is_paragraph or len(data) < 2:  # noqa: PLR2004
        return _sprms(data)
    return {**_sprms(data[2:]), -1: int.from_bytes(data[:2], "little")}


def _sprms(data: bytes) -> dict[int, int]:
    """Return single property modifiers ([MS-DOC] 2.6) by their codes; long ones are passed over."""
    found: dict[int, int] = {}
    position = 0
    while position + 2 <= len(data):
        (code,) = struct.unpack_from("<H", data, position)
        position += 2
        width = _SIZES.get(code >> 13)
        if width is None:
            head = 2 if code in _LONG_TABLES else 1
            length = int.from_bytes(data[position : position + head], "little")
            position += head + length - (1 if code in _LONG_TABLES else 0)
            continue
        found[code] = int.from_bytes(data[position : position + width], "little")
        position += width
    return found
