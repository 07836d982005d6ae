"""Rows of tables as chunks: which cells are headers, and that long tables stay cheap."""

from __future__ import annotations

import time

import pytest

from shared.ingestion.chunking import chunk
from shared.ingestion.drafting import CellText, Draft, Spot
from shared.ingestion.model import Chunk, ParsedDocument
from tests.unit.ingestion.conftest import count_words, cover

Rows = list[list[str]]


def table(rows: Rows, *, flagged: int = 0) -> ParsedDocument:
    draft = Draft()
    draft.table(
        [
            CellText(r, c, text, is_header=r < flagged)
            for r, row in enumerate(rows)
            for c, text in enumerate(row)
        ]
    )
    return draft.finish(title="", filename="a.csv", parser="test", parser_version="1")


def cut(document: ParsedDocument, max_tokens: int = 200) -> list[Chunk]:
    chunks = chunk(document, count_tokens=count_words, max_tokens=max_tokens)
    cover(document, chunks)
    return chunks


def said(rows: Rows, *, flagged: int = 0) -> list[str]:
    (only,) = cut(table(rows, flagged=flagged))
    return (only.said or only.text).split("\n")


def test_a_first_row_above_figures_is_a_header_though_nobody_says_so() -> None:
    rows = [["Sorte", "2020", "2021"], ["Apfel", "1,10 €", "1,20 €"], ["Birne", "2,10 €", "–"]]
    assert said(rows)[1:] == [
        "Sorte: Apfel; 2020: 1,10 €; 2021: 1,20 €",
        "Sorte: Birne; 2020: 2,10 €; 2021: –",
    ]


def test_two_columns_of_words_are_labels_and_no_record() -> None:
    rows = [["Name", "Ada Lovelace"], ["Ort", "London"]]
    assert said(rows) == ["Name: Ada Lovelace", "Ort: London"]


def test_figures_alone_have_no_header() -> None:
    rows = [["1", "2"], ["3", "4"]]
    assert said(rows) == ["1 | 2", "3 | 4"]
    assert cut(table(rows))[0].grids == ()


def test_headers_in_two_rows_and_merged_labels_reach_every_cell() -> None:
    draft = Draft()
    cells = [
        CellText(0, 0, "Land", row_span=2, is_header=True),
        CellText(0, 1, "Export", column_span=2, is_header=True),
        CellText(1, 1, "2020", is_header=True),
        CellText(1, 2, "2021", is_header=True),
        CellText(2, 0, "Peru", row_span=2),
        CellText(2, 1, "5"),
        CellText(2, 2, "6"),
        CellText(3, 1, "7"),
        CellText(3, 2, "8"),
    ]
    draft.table(cells)
    (only,) = cut(draft.finish(title="", filename="a", parser="t", parser_version="1"))
    assert only.said.split("\n")[-2:] == [
        "Land: Peru; Export / 2020: 5; Export / 2021: 6",
        "Peru. Export / 2020: 7; Export / 2021: 8",
    ]
    (grid,) = only.grids
    assert grid.columns == {0: "Land", 1: "Export / 2020", 2: "Export / 2021"}
    assert grid.rows == {2: "Peru", 3: "Peru"}


def test_a_row_too_long_for_a_chunk_is_cut_between_cells_and_keeps_its_label() -> None:
    names = ["Artikel"] + [f"Merkmal{n}" for n in range(40)]
    rows = [names, ["Schraube"] + [f"wert{n} eins zwei" for n in range(40)]]
    document = table(rows, flagged=1)
    chunks = cut(document, 60)
    assert all(c.token_count <= 60 for c in chunks)
    parts = [c.said for c in chunks if "wert" in c.text]
    assert len(parts) > 2
    assert all(part.startswith(("Schraube. ", "Artikel: Schraube")) for part in parts)
    assert all(f"Merkmal{n}: wert{n} eins zwei" in "\n".join(parts) for n in range(40))


def test_a_cell_too_long_for_a_chunk_is_cut_between_words() -> None:
    rows = [["Titel", "Inhalt"], ["Lang", " ".join(f"w{n}" for n in range(300))]]
    chunks = cut(table(rows, flagged=1), 60)
    assert all(c.token_count <= 60 for c in chunks)


def test_a_chunk_knows_its_section_and_its_cells_boxes() -> None:
    draft = Draft()
    draft.heading("Preise", level=1)
    draft.paragraph("Alle Preise in Euro.")
    spot = Spot(1, 10, 20, 30, 28)
    draft.table(
        [
            CellText(
                r, c, f"{'Sorte' if not r and not c else r * 1000 + c}", spot=spot, is_header=r == 0
            )
            for r in range(120)
            for c in range(2)
        ]
    )
    draft.heading("Danach", level=1)
    draft.paragraph("Ende.")
    document = draft.finish(title="", filename="a", parser="t", parser_version="1")
    chunks = cut(document, 100)
    first = [c for c in chunks if c.section == chunks[0].section]
    assert len(first) > 2
    assert {(c.section_start, c.section_end) for c in first} == {(0, first[-1].end)}
    assert chunks[-1].section == first[0].section + 1
    for each in first[1:]:
        assert [(b.start, b.end) for b in each.boxes] == [
            (cell.start, cell.end) for cell in each.grids[0].cells
        ]


def seconds(make: ParsedDocument) -> float:
    started = time.process_time()
    chunk(make, count_tokens=count_words, max_tokens=200)
    return time.process_time() - started


def long_table(rows: int) -> ParsedDocument:
    draft = Draft()
    spot = Spot(1, 10, 20, 30, 28)
    draft.table(
        [
            CellText(r, c, f"wert {r} {c}", spot=spot, is_header=r == 0)
            for r in range(rows)
            for c in range(3)
        ]
    )
    return draft.finish(title="", filename="a", parser="t", parser_version="1")


def long_prose(paragraphs: int) -> ParsedDocument:
    draft = Draft()
    for number in range(paragraphs):
        draft.paragraph(f"Absatz {number} steht hier. Er sagt nicht viel, aber er steht da.")
    return draft.finish(title="", filename="a", parser="t", parser_version="1")


@pytest.mark.parametrize("make", [long_table, long_prose])
def test_time_grows_with_the_length_and_no_faster(make: object) -> None:
    assert callable(make)
    short = min(seconds(make(1500)) for _ in range(3))
    # Quadratic would be 64 times as much, linear 8; a loaded machine doubles either.
    assert min(seconds(make(12_000)) for _ in range(2)) < 8 * short * 5
