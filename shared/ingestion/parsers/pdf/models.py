"""PDFs read by docling's layout and table models, for those who have their weights and PyTorch.

Off unless DOCLING_ARTIFACTS_PATH names the folder with the weights; nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.ingestion.drafting import CellText, Draft, PlacedLine, Spot
from shared.ingestion.model import BlockKind, PageFacts, ParsedDocument
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError, UnsupportedError

_NEEDED = {"torch": "PyTorch", "docling_ibm_models": "docling-ibm-models"}
_KINDS: dict[str, BlockKind] = {"caption": "caption", "code": "code", "footnote": "footnote",
                                "formula": "formula"}  # fmt: skip


class ModelParser:
    """Reads PDFs with docling's models; ``artifacts`` is the folder of their weights."""

    name = "docling-models"
    version = "1"
    media_types = frozenset({"application/pdf"})

    def __init__(self, artifacts: Path) -> None:
        self._artifacts = artifacts

    def available(self) -> tuple[bool, str]:
        """Whether weights and packages are there, or what is missing."""
        if not self._artifacts.is_dir() or not any(self._artifacts.iterdir()):
            return False, (
                f"There are no weights in {self._artifacts}: put docling's layout and table models "
                "there, or leave DOCLING_ARTIFACTS_PATH empty."
            )
        absent = [name for module, name in _NEEDED.items() if find_spec(module) is None]
        if absent:
            return False, f"Install {' and '.join(absent)}, or leave DOCLING_ARTIFACTS_PATH empty."
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file.

        Raises UnsupportedError when weights or packages are missing, InvalidError when docling
        cannot read the file.
        """
        is_there, reason = self.available()
        if not is_there:
            raise UnsupportedError("docling's models for PDFs cannot be used here.", hint=reason)
        return written(self._converted(source), source.filename, self.name, self.version)

    def _converted(self, source: Source) -> Any:
        from docling.datamodel.base_models import ConversionStatus, InputFormat
        from docling.datamodel.pipeline_options import PdfPipelineOptions
        from docling.document_converter import DocumentConverter, PdfFormatOption

        options = PdfPipelineOptions(artifacts_path=self._artifacts, do_ocr=False)
        converter = DocumentConverter(
            allowed_formats=[InputFormat.PDF],
            format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=options)},
        )
        result = converter.convert(source.path, raises_on_error=False)
        if result.status not in {ConversionStatus.SUCCESS, ConversionStatus.PARTIAL_SUCCESS}:
            raise InvalidError(
                f"“{source.filename}” cannot be read by docling's models.",
                hint="Open it in a PDF program, save it again and put that in.",
            )
        return result.document


def written(tree: Any, filename: str, parser: str, version: str) -> ParsedDocument:
    """Return a DoclingDocument with pages as our document, page furniture left out."""
    draft = Draft()
    heights = {number: page.size.height for number, page in tree.pages.items()}
    for item, depth in tree.iterate_items():
        _write(item, depth, draft, heights)
    draft.pages = [
        PageFacts(number, round(page.size.width, 2), round(page.size.height, 2))
        for number, page in sorted(tree.pages.items())
    ]
    return draft.finish(
        title="",
        filename=filename,
        parser=parser,
        parser_version=version,
        page_count=len(tree.pages),
    )


def _write(item: Any, depth: int, draft: Draft, heights: dict[int, float]) -> None:
    kind = type(item).__name__
    if kind == "TableItem":
        draft.table(list(_cells(item, heights)))
        return
    text = getattr(item, "text", "")
    if not text:
        return
    # The lines of a program or formula would be joined; those have no boxes instead.
    lines = [] if "\n" in text else _lines(item, text, heights)
    if kind in {"SectionHeaderItem", "TitleItem"}:
        draft.heading(text, level=getattr(item, "level", 0) + 1, lines=lines)
    elif kind == "ListItem":
        draft.list_item(text, marker=item.marker or "-", depth=max(0, depth - 2), lines=lines)
    else:
        draft.paragraph(text, kind=_KINDS.get(item.label.value, "paragraph"), lines=lines)


def _lines(item: Any, text: str, heights: dict[int, float]) -> list[PlacedLine]:
    """Return the item's words by the rectangles they were found in; models know no lines."""
    parts = [(text[slice(*place.charspan)], place) for place in item.prov]
    if len(parts) > 1 and "".join("".join(words for words, _ in parts).split()) == "".join(
        text.split()
    ):
        return [PlacedLine(words, _spot(place, heights)) for words, place in parts]
    return [PlacedLine(text, _spot(place, heights)) for place in item.prov[:1]]


def _spot(place: Any, heights: dict[int, float]) -> Spot:
    box = place.bbox.to_top_left_origin(page_height=heights.get(place.page_no, 0.0))
    return Spot(place.page_no, box.l, box.t, box.r, box.b)


def _cells(table: Any, heights: dict[int, float]) -> Iterator[CellText]:
    for cell in table.data.table_cells:
        spot = None
        if cell.bbox is not None and table.prov:
            number = table.prov[0].page_no
            box = cell.bbox.to_top_left_origin(page_height=heights.get(number, 0.0))
            spot = Spot(number, box.l, box.t, box.r, box.b)
        yield CellText(
            row=cell.start_row_offset_idx,
            column=cell.start_col_offset_idx,
            text=cell.text,
            row_span=cell.row_span,
            column_span=cell.col_span,
            is_header=cell.column_header,
            spot=spot,
        )
