"""Documents and chunks read back equal from their stored form, and damage is noticed."""

from __future__ import annotations

import pytest

from shared.ingestion.chunking import chunk
from shared.ingestion.drafting import CellText, Draft, PlacedLine, Spot
from shared.ingestion.model import ParsedDocument, boxes_within
from shared.ingestion.serialization import (
    chunks_from_json,
    chunks_to_json,
    document_from_json,
    document_to_json,
)
from shared.kernel.errors import InvalidError
from tests.unit.ingestion.conftest import count_words, cover, hold_together


@pytest.fixture
def document() -> ParsedDocument:
    draft = Draft()
    draft.heading("Titel", level=1)
    lines = [
        PlacedLine("Der erste Ver-", Spot(1, 10, 20, 200, 32)),
        PlacedLine("trag gilt. Der", Spot(1, 10, 34, 200, 46), glue="-"),
        PlacedLine("zweite nicht.", Spot(2, 10, 20, 99.5, 32)),
    ]
    draft.paragraph("", lines=lines)
    draft.table([CellText(0, 0, "Kopf", column_span=2, is_header=True), CellText(1, 1, "Wert")])
    draft.warnings.append("Seite 3 ist ein Bild.")
    return draft.finish(
        title="", filename="a.pdf", parser="t", parser_version="1", page_count=2,
        metadata={"author": "Eva"},
    )  # fmt: skip


def test_a_document_reads_back_equal(document: ParsedDocument) -> None:
    hold_together(document)
    assert document_from_json(document_to_json(document)) == document


def test_chunks_read_back_equal(document: ParsedDocument) -> None:
    chunks = chunk(document, count_tokens=count_words, max_tokens=16)
    cover(document, chunks)
    assert chunks_from_json(chunks_to_json(chunks).encode()) == chunks
    assert {(c.page_from, c.page_to) for c in chunks} == {(1, 2)}


def test_a_hyphen_at_a_line_end_disappears_and_boxes_follow(document: ParsedDocument) -> None:
    assert "Der erste Vertrag gilt." in document.text
    start = document.text.index("zweite")
    (box,) = boxes_within(document.blocks[1].boxes, start, start + 6)
    assert (box.page, document.text[box.start : box.end]) == (2, "zweite nicht.")


@pytest.mark.parametrize("stored", ["", "[]", "{}", '{"format":99}', '{"format":1}', "{"])
def test_a_damaged_store_is_noticed(stored: str) -> None:
    with pytest.raises(InvalidError, match="damaged"):
        document_from_json(stored)
    with pytest.raises(InvalidError, match="damaged"):
        chunks_from_json(stored)
