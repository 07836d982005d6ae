"""Old PowerPoint presentations (.ppt, 97–2003): the words of each slide, per [MS-PPT]."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.ingestion.drafting import CellText

_HEADER = 8
_CONTAINER = 0xF
_DOCUMENT, _SLIDE, _NOTES = 1000, 1006, 1008
_SLIDE_ATOM, _LIST, _PERSIST = 1007, 4080, 1011
_TEXT_HEADER, _CHARACTERS, _BYTES, _OUTLINE = 3999, 4000, 4008, 3998
_NOTES_ATOM = 1009
_USER_EDIT, _DIRECTORY = 4085, 6002
_GROUP, _ANCHOR, _PROPERTIES, _TABLE_PROPERTIES = 0xF003, 0xF00F, {0xF00B, 0xF122}, 0x039F
_CLIENT_ANCHOR = 0xF010
_TABLE = -1
TITLES = frozenset({0, 6})  # the kinds of a title and of a centred title
_MASTER, _SLIDES, _SPEAKER = 1, 0, 2  # instances of the list
_NOTES_TEXT = 2
_DEEPEST = 40
_MAX_EDITS = 1_000


@dataclass(slots=True)
class Words:
    """A box of words on a slide, or a table; ``kind`` is its place: 0 and 6 are titles."""

    kind: int
    text: str = ""
    cells: list[CellText] = field(default_factory=list)
    place: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class OldSlide:
    """A slide: its boxes in reading order and what the speaker noted."""

    number: int
    boxes: list[Words] = field(default_factory=list)
    notes: str = ""


@dataclass(frozen=True, slots=True)
class _Record:
    kind: int
    instance: int
    start: int
    end: int
    is_container: bool


class SlideFile:
    """The stream of an old presentation; raises ValueError or struct.error when it is broken."""

    def __init__(self, ole: Any) -> None:
        self._data = bytes(ole.openstream("PowerPoint Document").read())
        current = bytes(ole.openstream("Current User").read())
        if len(current) < 20:  # noqa: PLR2004
            raise ValueError("no current user")
        token, edit = struct.unpack_from("<II", current, 12)
        if token == 0xF3D1C4DF:  # noqa: PLR2004 - the mark of an encrypted file
            raise PermissionError("encrypted")
        self._places: dict[int, int] = {}
        self._document = self._read_directory(edit)

    def slides(self) -> list[OldSlide]:
        """Return the slides in their order, with the words of placeholders and drawn boxes."""
        document = self._record(self._places[self._document])
        notes = self._notes(document)
        found: list[OldSlide] = []
        for listing in self._inside(document, 1):
            if listing.kind == _LIST and listing.instance == _SLIDES:
                for reference, slide_id, outline in self._entries(listing):
                    slide = OldSlide(len(found) + 1)
                    place = self._places.get(reference)
                    if place is not None:
                        slide.boxes = self._boxes(self._record(place), outline)
                    slide.boxes = slide.boxes or outline
                    slide.notes = notes.get(slide_id, "")
                    found.append(slide)
        return found

    def _notes(self, document: _Record) -> dict[int, str]:
        """Return what speakers noted, by the ids of the slides."""
        found: dict[int, str] = {}
        for listing in self._inside(document, 1):
            if listing.kind != _LIST or listing.instance != _SPEAKER:
                continue
            for reference, _, outline in self._entries(listing):
                if reference not in self._places:
                    continue
                page = self._record(self._places[reference])
                owner = next((r for r in self._inside(page, 1) if r.kind == _NOTES_ATOM), None)
                boxes = [b for b in self._boxes(page, outline) if b.kind == _NOTES_TEXT]
                if owner is not None and boxes:
                    (slide_id,) = struct.unpack_from("<I", self._data, owner.start)
                    found[slide_id] = "\n".join(box.text for box in boxes)
        return found

    def _entries(self, listing: _Record) -> Iterator[tuple[int, int, list[Words]]]:
        """Yield (reference, slide id, outline texts) of each slide in a list."""
        entry: tuple[int, int, list[Words]] | None = None
        for record in self._inside(listing, 1):
            if record.kind == _PERSIST:
                if entry is not None:
                    yield entry
                reference, _, _, slide_id = struct.unpack_from("<IIiI", self._data, record.start)
                entry = (reference, slide_id, [])
            elif entry is not None:
                self._collect(record, entry[2])
        if entry is not None:
            yield entry

    def _boxes(self, slide: _Record, outline: list[Words]) -> list[Words]:
        """Return the words on a slide; placeholders point into the outline."""
        boxes: list[Words] = []
        self._walk(slide, outline, boxes, _DEEPEST)
        filled = [box for box in boxes if box.text.strip() or box.cells]
        return sorted(filled, key=lambda box: (box.kind not in TITLES, *box.place))

    def _walk(self, record: _Record, outline: list[Words], boxes: list[Words], left: int) -> None:
        before = len(boxes)
        place: tuple[int, int] | None = None
        for inner in self._inside(record, 1):
            if inner.kind == _CLIENT_ANCHOR:
                place = self._place(inner)
            elif inner.kind == _GROUP and self._is_table(inner):
                boxes.append(Words(_TABLE, cells=self._cells(inner), place=self._first(inner)))
            elif inner.is_container and left:
                self._walk(inner, outline, boxes, left - 1)
            elif inner.kind == _OUTLINE:
                (index,) = struct.unpack_from("<I", self._data, inner.start)
                boxes += [outline[index]] if index < len(outline) else []
            else:
                self._collect(inner, boxes)
        for box in boxes[before:] if place else ():
            box.place = place or box.place

    def _place(self, anchor: _Record) -> tuple[int, int] | None:
        """Return top and left of a shape on its slide ([MS-PPT] 2.7.1)."""
        kind = {8: "<2h", 16: "<2i"}.get(anchor.end - anchor.start)
        if kind is None:
            return None
        top, left = struct.unpack_from(kind, self._data, anchor.start)
        return top, left

    def _first(self, group: _Record) -> tuple[int, int]:
        """Return where a group stands: its first shape says so."""
        for record in self._inside(group, 2):
            if record.kind == _CLIENT_ANCHOR:
                return self._place(record) or (0, 0)
        return 0, 0

    def _is_table(self, group: _Record) -> bool:
        """Whether a group of shapes is a table: its first shape says so ([MS-ODRAW] 2.3.4)."""
        first = next(self._inside(group, 1), None)
        for record in self._inside(first, 1) if first is not None else ():
            if record.kind in _PROPERTIES:
                for place in range(record.start, record.end - 5, 6):
                    (name,) = struct.unpack_from("<H", self._data, place)
                    if name & 0x3FFF == _TABLE_PROPERTIES:
                        return True
        return False

    def _cells(self, group: _Record) -> list[CellText]:
        """Return a table's cells; rows and columns follow from where the shapes' edges are."""
        shapes: list[tuple[tuple[int, ...], str]] = []
        for shape in self._inside(group, 1):
            anchor: tuple[int, ...] = ()
            held: list[Words] = []
            for record in self._inside(shape, _DEEPEST):
                if record.kind == _ANCHOR:
                    anchor = struct.unpack_from("<4i", self._data, record.start)
                self._collect(record, held)
            if anchor and held:
                shapes.append((anchor, " ".join(box.text for box in held)))
        columns = sorted({a[0] for a, _ in shapes})
        rows = sorted({a[1] for a, _ in shapes})
        return [
            CellText(
                row=rows.index(top),
                column=columns.index(left),
                text=text,
                row_span=max(1, bisect_left(rows, bottom) - rows.index(top)),
                column_span=max(1, bisect_left(columns, right) - columns.index(left)),
                is_header=top == rows[0],
            )
            for (left, top, right, bottom), text in shapes
        ]

    def _collect(self, record: _Record, boxes: list[Words]) -> None:
        if record.kind == _TEXT_HEADER:
            boxes.append(Words(struct.unpack_from("<I", self._data, record.start)[0]))
        elif record.kind in {_CHARACTERS, _BYTES} and boxes:
            raw = self._data[record.start : record.end]
            encoding = "utf-16-le" if record.kind == _CHARACTERS else "latin-1"
            words = raw.decode(encoding, "replace").replace("\r", "\n").replace("\x0b", "\n")
            boxes[-1].text += words

    def _read_directory(self, edit: int) -> int:
        """Learn where everything lies, the newest edit first; returns the document's reference."""
        document = 0
        for _ in range(_MAX_EDITS):
            record = self._record(edit)
            if record.kind != _USER_EDIT:
                raise ValueError("no edit where one should be")
            _, _, earlier, directory, reference = struct.unpack_from(
                "<IIIII", self._data, record.start
            )
            document = document or reference
            self._read_places(self._record(directory))
            if earlier == 0:
                return document
            edit = earlier
        raise ValueError("edits without end")

    def _read_places(self, directory: _Record) -> None:
        if directory.kind != _DIRECTORY:
            raise ValueError("no directory where one should be")
        position = directory.start
        while position + 4 <= directory.end:
            (head,) = struct.unpack_from("<I", self._data, position)
            first, count = head & 0xFFFFF, head >> 20
            for number in range(count):
                (place,) = struct.unpack_from("<I", self._data, position + 4 + number * 4)
                self._places.setdefault(first + number, place)
            position += 4 + count * 4

    def _record(self, place: int) -> _Record:
        head, kind, size = struct.unpack_from("<HHI", self._data, place)
        start = place + _HEADER
        return _Record(kind, head >> 4, start, min(start + size, len(self._data)),
                       head & _CONTAINER == _CONTAINER)  # fmt: skip

    def _inside(self, record: _Record, depth: int) -> Iterator[_Record]:
        """Yield the records inside one, those inside containers too down to a depth."""
        position = record.start
        while position + _HEADER <= record.end:
            inner = self._record(position)
            yield inner
            if inner.is_container and depth > 1:
                yield from self._inside(inner, depth - 1)
            position = max(inner.end, position + _HEADER)
