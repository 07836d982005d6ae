"""From docling's document tree to our draft, shared by every format docling's backends read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import BlockKind
from shared.ingestion.parsers.originals import Originals
from shared.kernel.errors import InvalidError

_KINDS: dict[str, BlockKind] = {
    "caption": "caption",
    "code": "code",
    "footnote": "footnote",
    "formula": "formula",
    "reference": "paragraph",
}
_BOXES = {"checkbox_selected": "☑ ", "checkbox_unselected": "☐ "}


def converted(
    data: bytes,
    *,
    filename: str,
    input_format: Any,
    backend: Any,
    options: Any,
) -> Any:
    """Run one of docling's native backends on bytes; no network, no models.

    Raises InvalidError when the backend cannot make sense of them.
    """
    from docling.datamodel.document import InputDocument

    logging.getLogger("docling").setLevel(logging.CRITICAL)
    try:
        document = InputDocument(
            path_or_stream=BytesIO(data),
            format=input_format,
            backend=backend,
            backend_options=options,
            filename=filename,
        )
        # The backend that InputDocument has built and checked; building another reads all twice.
        tree = document._backend.convert() if document.valid else None  # type: ignore[attr-defined]  # noqa: SLF001
    except RecursionError as error:
        raise InvalidError(
            f"“{filename}” is nested too deeply to be read.", hint="Simplify it and try again."
        ) from error
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
    """Writes a DoclingDocument's body and footnotes onto a draft, in reading order."""

    document: Any
    draft: Draft
    originals: Originals
    _has_title: bool = False

    def write(self) -> None:
        """Write everything but page furniture and reviewers' comments."""
        self._children(self.document.body, depth=0)
        for item in self.document.texts:
            if item.label.value == "footnote" and item.content_layer.value == "furniture":
                self.draft.paragraph(item.text, kind="footnote")

    def _children(self, node: Any, *, depth: int) -> None:
        for reference in node.children:
            self._item(reference.resolve(self.document), depth=depth)

    def _item(self, item: Any, *, depth: int) -> None:
        if item.content_layer.value not in {"body", "background"}:
            return
        write = self._writers().get(type(item).__name__, TreeWriter._text)
        write(self, item, depth)

    @staticmethod
    def _writers() -> dict[str, Callable[[TreeWriter, Any, int], None]]:
        return {
            "GroupItem": TreeWriter._group,
            "ListGroup": TreeWriter._group,
            "OrderedList": TreeWriter._group,
            "UnorderedList": TreeWriter._group,
            "PictureItem": TreeWriter._picture,
            "InlineGroup": TreeWriter._inline,
            "TitleItem": TreeWriter._heading,
            "SectionHeaderItem": TreeWriter._heading,
            "ListItem": TreeWriter._list_item,
            "TableItem": TreeWriter._table,
        }

    def _group(self, item: Any, depth: int) -> None:
        self._children(item, depth=depth)

    def _inline(self, item: Any, depth: int) -> None:
        self.draft.paragraph(self._joined(item))

    def _heading(self, item: Any, depth: int) -> None:
        words, rest = self._own_words(item)
        is_title = type(item).__name__ == "TitleItem"
        self._has_title = self._has_title or is_title
        level = 1 if is_title else item.level + (1 if self._has_title else 0)
        self.draft.heading(words, level=level)
        for child in rest:
            self._item(child, depth=depth)

    def _list_item(self, item: Any, depth: int) -> None:
        words, rest = self._own_words(item)
        marker = item.marker if item.enumerated and item.marker else "-"
        self.draft.list_item(words, marker=marker, depth=depth)
        for child in rest:
            self._item(child, depth=depth + 1)

    def _picture(self, item: Any, depth: int) -> None:
        """Write what a picture holds besides its pixels: a chart's figures, a drawing's words."""
        chart = getattr(getattr(item, "meta", None), "tabular_chart", None)
        if chart is not None:
            self._cells(chart.chart_data)
        self._children(item, depth=depth)

    def _table(self, item: Any, depth: int) -> None:
        self._cells(item.data)

    def _cells(self, data: Any) -> None:
        self.draft.table(
            [
                CellText(
                    row=cell.start_row_offset_idx,
                    column=cell.start_col_offset_idx,
                    text=cell.text,
                    row_span=max(1, cell.end_row_offset_idx - cell.start_row_offset_idx),
                    column_span=max(1, cell.end_col_offset_idx - cell.start_col_offset_idx),
                    is_header=cell.column_header,
                )
                for cell in data.table_cells
            ]
        )

    def _text(self, item: Any, depth: int) -> None:
        label = item.label.value
        words = getattr(item, "text", "")
        if words.strip():
            self.draft.paragraph(_BOXES.get(label, "") + words, kind=_KINDS.get(label, "paragraph"))
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
