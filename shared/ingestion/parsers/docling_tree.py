"""From docling's document tree to our draft, shared by every format docling's backends read."""

from __future__ import annotations

import base64
import binascii
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import BlockKind
from shared.ingestion.parsers.originals import Originals
from shared.ingestion.parsers.pictures import Pictures
from shared.kernel.errors import InvalidError

_KINDS: dict[str, BlockKind] = {
    "caption": "caption",
    "code": "code",
    "footnote": "footnote",
    "formula": "formula",
    "reference": "paragraph",
}
_BOXES = {"checkbox_selected": "☑ ", "checkbox_unselected": "☐ "}
_SEEN = frozenset({"body", "background"})
_DATA = "base64,"


def converted(
    data: bytes,
    *,
    filename: str,
    input_format: Any,
    backend: Any,
    options: Any = None,
) -> Any:
    """Run one of docling's native backends on bytes; no network, no models.

    Raises InvalidError when the backend cannot make sense of them.
    """
    from docling.datamodel.document import InputDocument

    logging.getLogger("docling").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # Backends warn of every picture they leave out; nobody reads that here.
            warnings.simplefilter("ignore")
            document = InputDocument(
                path_or_stream=BytesIO(data),
                format=input_format,
                backend=backend,
                backend_options=options,
                filename=filename,
            )
            # The backend that InputDocument has built and checked; another would read all twice.
            tree = document._backend.convert() if document.valid else None  # type: ignore[attr-defined]  # noqa: SLF001
    except RecursionError as error:
        raise InvalidError(
            f"“{filename}” is nested too deeply to be read.", hint="Simplify it and try again."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # lxml, python-docx and bs4 raise whatever they trip over
        raise _broken(filename) from error
    if tree is None:
        raise _broken(filename)
    return tree


def _broken(filename: str) -> InvalidError:
    return InvalidError(
        f"“{filename}” is damaged: its structure cannot be read.",
        hint="Open it in its own program, save it again and put that in.",
    )


@dataclass(slots=True)
class TreeWriter:
    """Writes a DoclingDocument's body and footnotes onto a draft, in reading order.

    Where the format has slides, ``draft.page`` follows them and speaker notes are written too.
    ``links`` are the words on each slide that lead somewhere, where docling does not tell.
    ``skips_logos`` leaves out what pictures above the first heading are called.
    """

    document: Any
    draft: Draft
    originals: Originals
    pictures: Pictures | None = None
    is_paged: bool = False
    links: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    skips_logos: bool = False
    _has_title: bool = False
    _written: set[str] = field(default_factory=set)
    _last_caption: str = ""

    def write(self) -> None:
        """Write everything but page furniture and reviewers' comments."""
        floats = (*self.document.tables, *self.document.pictures)
        # A caption is written with what it belongs to, wherever the tree has put it.
        self._written = {ref.cref for item in floats for ref in item.captions}
        self._children(self.document.body, depth=0)
        for item in self.document.texts:
            if item.label.value == "footnote" and item.content_layer.value == "furniture":
                self.draft.paragraph(item.text, kind="footnote")

    def _children(self, node: Any, *, depth: int) -> None:
        for reference in node.children:
            if reference.cref not in self._written:
                self._item(reference.resolve(self.document), depth=depth)

    def _item(self, item: Any, *, depth: int) -> None:
        if self.is_paged and getattr(item, "prov", None):
            self._turn_to(item.prov[0].page_no)
        if item.content_layer.value in _SEEN:
            write = self._writers().get(type(item).__name__, TreeWriter._text)
            write(self, item, depth)
        elif self.is_paged and item.content_layer.value == "notes" and item.label.value == "text":
            self.draft.paragraph(item.text, kind="note")

    def _turn_to(self, page: int) -> None:
        if page != self.draft.page:
            self.draft.page = page
            self.draft.end_section()

    @staticmethod
    def _writers() -> dict[str, Callable[[TreeWriter, Any, int], None]]:
        return {
            "GroupItem": TreeWriter._group,
            "ListGroup": TreeWriter._list,
            "OrderedList": TreeWriter._list,
            "UnorderedList": TreeWriter._list,
            "PictureItem": TreeWriter._picture,
            "InlineGroup": TreeWriter._inline,
            "TitleItem": TreeWriter._heading,
            "SectionHeaderItem": TreeWriter._heading,
            "ListItem": TreeWriter._list_item,
            "TableItem": TreeWriter._table,
        }

    def _group(self, item: Any, depth: int) -> None:
        # The words of a formatted cell also hang in a group of their own; the table has them.
        if not item.name.startswith("rich_cell_group"):
            self._children(item, depth=depth)

    def _list(self, item: Any, depth: int) -> None:
        self._number(item)
        self._children(item, depth=depth)

    def _number(self, group: Any) -> None:
        """Give the items of an ordered list their numbers where the backend gave none."""
        number = 0
        for reference in group.children:
            child = reference.resolve(self.document)
            if type(child).__name__ == "ListItem" and child.enumerated:
                number += 1
                child.marker = child.marker or f"{number}."

    def _inline(self, item: Any, depth: int) -> None:
        self.draft.paragraph(self._joined(item))
        self._link(item)

    def _heading(self, item: Any, depth: int) -> None:
        words, rest = self._own_words(item)
        is_title = type(item).__name__ == "TitleItem"
        self._has_title = self._has_title or is_title
        level = 1 if is_title else item.level + (1 if self._has_title else 0)
        self.draft.heading(words, level=level)
        self._link(item)
        for child in rest:
            self._item(child, depth=depth)

    def _list_item(self, item: Any, depth: int) -> None:
        words, rest = self._own_words(item)
        marker = item.marker if item.enumerated and item.marker else "-"
        self.draft.list_item(words, marker=marker, depth=depth)
        self._link(item)
        for child in rest:
            self._item(child, depth=depth + 1)

    def _picture(self, item: Any, depth: int) -> None:
        """Write what a picture holds besides its pixels: a chart's figures, a drawing's words."""
        is_logo = self.skips_logos and not self.draft.first_heading
        caption = None if is_logo else self._captions(item)
        chart = getattr(getattr(item, "meta", None), "tabular_chart", None)
        if chart is not None:
            self.draft.paragraph(_chart_kind(item), kind="caption")
            self._cells(chart.chart_data)
        elif self.pictures is not None and item.image is not None:
            data = _pixels(str(item.image.uri))
            if data:
                self.pictures.keep(data, caption=caption)
        self._children(item, depth=depth)

    def _table(self, item: Any, depth: int) -> None:
        self._captions(item)
        self._cells(item.data)
        for reference in item.children:
            child = reference.resolve(self.document)
            if reference.cref not in self._written and type(child).__name__ == "PictureItem":
                self._item(child, depth=depth)

    def _captions(self, item: Any) -> int | None:
        """Write a float's captions; returns the index of the first one's block."""
        index: int | None = None
        for reference in item.captions:
            words = self._own_words(reference.resolve(self.document))[0]
            before = self.draft.block_count
            if words == self._last_caption:
                # Backends may hang a copy beside the float as well.
                return before - 1
            self.draft.paragraph(words, kind="caption")
            if index is None and self.draft.block_count > before:
                index = before
        return index

    def _cells(self, data: Any) -> None:
        self.draft.table(
            [
                CellText(
                    row=cell.start_row_offset_idx,
                    column=cell.start_col_offset_idx,
                    text=self._cell_words(cell),
                    row_span=max(1, cell.end_row_offset_idx - cell.start_row_offset_idx),
                    column_span=max(1, cell.end_col_offset_idx - cell.start_col_offset_idx),
                    is_header=cell.column_header,
                )
                for cell in data.table_cells
            ]
        )

    def _cell_words(self, cell: Any) -> str:
        """Return a cell's words: lists with their marks, tables inside row by row."""
        reference = getattr(cell, "ref", None)
        if reference is None:
            return str(cell.text)
        pieces = self._plain(reference.resolve(self.document))
        if pieces.count("-") == 1:
            # A list of one is how slides write a plain cell.
            pieces.remove("-")
        return " ".join(piece for piece in pieces if piece.strip()) or str(cell.text)

    def _plain(self, item: Any) -> list[str]:
        kind = type(item).__name__
        if kind == "InlineGroup":
            return [self._joined(item)]
        if kind == "TableItem":
            return [" ".join(self._cell_words(c) for c in item.data.table_cells)]
        self._number(item)
        words = [str(getattr(item, "text", ""))]
        if kind == "ListItem":
            words.insert(0, item.marker if item.enumerated and item.marker else "-")
        children = [reference.resolve(self.document) for reference in item.children]
        return words + [word for child in children for word in self._plain(child)]

    def _text(self, item: Any, depth: int) -> None:
        label = item.label.value
        words = getattr(item, "text", "")
        self._last_caption = words if label == "caption" else ""
        if words.strip():
            self.draft.paragraph(_BOXES.get(label, "") + words, kind=_KINDS.get(label, "paragraph"))
            self._link(item)
        self._children(item, depth=depth)

    def _own_words(self, item: Any) -> tuple[str, list[Any]]:
        """Return an item's text and its further children; formatted text sits in a child."""
        children = [reference.resolve(self.document) for reference in item.children]
        if not item.text.strip() and children and type(children[0]).__name__ == "InlineGroup":
            return self._joined(children[0]), children[1:]
        return item.text, children

    def _joined(self, group: Any) -> str:
        pieces = [reference.resolve(self.document) for reference in group.children]
        return self.originals.joined([getattr(piece, "text", "") for piece in pieces])

    def _link(self, item: Any) -> None:
        """Keep where the words of the block just written lead to."""
        if getattr(item, "hyperlink", None):
            self.draft.link(item.text, str(item.hyperlink))
        for reference in item.children:
            child = reference.resolve(self.document)
            if type(child).__name__ == "InlineGroup":
                self._link(child)
            elif type(item).__name__ == "InlineGroup" and getattr(child, "hyperlink", None):
                self.draft.link(child.text, str(child.hyperlink))
        waiting = self.links.get(self.draft.page or 0, [])
        for words, target in tuple(waiting):
            if self.draft.link(words, target):
                waiting.remove((words, target))


def _chart_kind(item: Any) -> str:
    """Return what kind of chart a picture is, in words: “Bar chart”."""
    found = getattr(getattr(item.meta, "classification", None), "predictions", None)
    return str(found[0].class_name).replace("_", " ").capitalize() if found else ""


def _pixels(uri: str) -> bytes:
    """Return the bytes of a picture that docling keeps as a data address."""
    if not uri.startswith("data:") or _DATA not in uri:
        return b""
    try:
        return base64.b64decode(uri.split(_DATA, 1)[1], validate=False)
    except (binascii.Error, ValueError):
        return b""
