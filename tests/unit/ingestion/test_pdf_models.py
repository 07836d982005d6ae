"""Docling's models as another reader of PDFs: what is missing is said, what they find is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.pdf.models import ModelParser, written
from shared.ingestion.parsers.pdf.parser import PdfParser
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import UnsupportedError
from shared.kernel.settings import settings
from tests.unit.ingestion.conftest import hold_together
from tests.unit.ingestion.test_pdf import PDF, made, write


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "a.pdf"
    path.write_bytes(made(lambda canvas: write(canvas, 100, "Ein Satz.")))
    (tmp_path / "files").mkdir()
    return Source(path=path, media_type=PDF, filename="a.pdf", files=tmp_path / "files")


def test_a_folder_without_weights_is_named(source: Source, tmp_path: Path) -> None:
    empty = tmp_path / "weights"
    empty.mkdir()
    is_there, reason = ModelParser(empty).available()
    assert not is_there
    assert str(empty) in reason
    with pytest.raises(UnsupportedError, match="models for PDFs cannot be used"):
        ModelParser(empty).parse(source)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr("shared.ingestion.parsers.pdf.models._NEEDED", {"no_such_package": "Torch"})
    assert ModelParser(tmp_path).available() == (
        False, "Install Torch, or leave DOCLING_ARTIFACTS_PATH empty."
    )  # fmt: skip


def test_the_setting_hands_pdfs_to_the_models(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCLING_ARTIFACTS_PATH", str(tmp_path / "nowhere"))
    settings.cache_clear()
    try:
        with pytest.raises(UnsupportedError, match="models for PDFs cannot be used"):
            PdfParser().parse(source)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert PdfParser().parse(source).text == "Ein Satz."


@pytest.fixture
def found() -> ParsedDocument:
    """What docling's models might find on one page, as its own document tree."""
    from docling_core.types.doc import (
        BoundingBox,
        CoordOrigin,
        DoclingDocument,
        ProvenanceItem,
        Size,
        TableCell,
        TableData,
    )

    def place(top: float, text: str) -> ProvenanceItem:
        box = BoundingBox(l=72, t=top, r=300, b=top - 20, coord_origin=CoordOrigin.BOTTOMLEFT)
        return ProvenanceItem(page_no=1, bbox=box, charspan=(0, len(text)))

    tree = DoclingDocument(name="a")
    tree.add_page(page_no=1, size=Size(width=600, height=800))
    tree.add_heading("Grundlagen", level=1, prov=place(750, "Grundlagen"))
    tree.add_text(label="text", text="Ein Satz.", prov=place(700, "Ein Satz."))
    cells = [
        TableCell(text=text, row_span=1, col_span=span, start_row_offset_idx=row,
                  end_row_offset_idx=row + 1, start_col_offset_idx=column,
                  end_col_offset_idx=column + span, column_header=row == 0)
        for text, row, column, span in (("Kopf", 0, 0, 2), ("a", 1, 0, 1), ("b", 1, 1, 1))
    ]  # fmt: skip
    tree.add_table(data=TableData(table_cells=cells, num_rows=2, num_cols=2), prov=place(600, ""))
    return written(tree, "a.pdf", "docling-models", "1")


def test_what_the_models_find_keeps_its_structure_and_place(found: ParsedDocument) -> None:
    hold_together(found)
    assert found.text == "Grundlagen\n\nEin Satz.\n\nKopf\na | b"
    assert [block.kind for block in found.blocks] == ["heading", "paragraph", "table"]
    (box,) = found.blocks[1].boxes
    assert (box.page, box.x0, box.y0, box.x1, box.y1) == (1, 72, 100, 300, 120)
    assert found.tables[0].cells[0].column_span == 2
    assert [(page.number, page.width, page.height) for page in found.pages] == [(1, 600, 800)]
