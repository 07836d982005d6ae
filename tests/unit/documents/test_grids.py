"""Tables as they are cited: rows said in words, cells named with the headers they stand under."""

from __future__ import annotations

import pytest

from shared.documents.grids import (
    Cell,
    Grid,
    Passage,
    cells_within,
    grids_from_json,
    grids_to_json,
    missing_headers,
    rows_said,
)
from shared.kernel.errors import InvalidError

TEXT = "Sorte | 2020 | 2021\nApfel | 1,10 | 1,20\nBirne | 2,10 | 2,20"


def grid_of(text: str, *, start: int = 0) -> Grid:
    cells = []
    position = start
    for row, line in enumerate(text.split("\n")):
        for column, word in enumerate(line.split(" | ")):
            is_header = row == 0 or column == 0
            cells.append(Cell(row, column, 1, 1, position, position + len(word), is_header))
            position += len(word) + 3
        position -= 2
    lines = [line.split(" | ") for line in text.split("\n")]
    columns = dict(enumerate(lines[0]))
    rows = {number: line[0] for number, line in enumerate(lines) if number}
    return Grid(0, columns, rows, tuple(cells))


def words(text: str) -> set[str]:
    return set(text.lower().split())


def test_a_row_says_each_value_with_its_header() -> None:
    passage = Passage(TEXT, 0, (grid_of(TEXT),))
    header, first, second = rows_said(passage)
    assert header.is_header
    assert first.text == "Apfel | 1,10 | 1,20"
    assert first.said == "Sorte: Apfel; 2020: 1,10; 2021: 1,20"
    assert second.said == "Sorte: Birne; 2020: 2,10; 2021: 2,20"


def test_the_label_of_a_merged_cell_leads_the_rows_it_covers() -> None:
    text = "1,10 | 1,20"
    grid = Grid(
        0, {1: "2020", 2: "2021"}, {4: "Obst"}, (Cell(4, 1, 1, 1, 0, 4), Cell(4, 2, 1, 1, 7, 11))
    )
    (row,) = rows_said(Passage(text, 0, (grid,)))
    assert row.said == "Obst. 2020: 1,10; 2021: 1,20"


def test_a_quote_names_its_cells_and_the_one_that_was_asked_for() -> None:
    offset = 500
    box = {"page": 3, "x0": 10.0, "y0": 20.0, "x1": 30.0, "y1": 28.0}
    grid = grid_of(TEXT, start=offset)
    place = offset + TEXT.index("1,20")
    boxes = ({**box, "start": place, "end": place + 4},)
    passage = Passage(TEXT, offset, (grid,), boxes)
    line = offset + TEXT.index("Apfel")
    found = cells_within(passage, line, line + 19, asked=frozenset({"apfel", "2021"}), stems=words)
    assert [cell.text for cell in found] == ["Apfel", "1,10", "1,20"]
    (asked,) = [cell for cell in found if cell.is_asked]
    assert (asked.row, asked.column, asked.row_header, asked.column_header) == (
        1,
        2,
        "Apfel",
        "2021",
    )
    assert (asked.page, asked.box) == (3, [10.0, 20.0, 30.0, 28.0])
    assert TEXT[asked.start - offset : asked.end - offset] == "1,20"


def test_words_that_point_nowhere_mark_no_cell() -> None:
    passage = Passage(TEXT, 0, (grid_of(TEXT),))
    found = cells_within(passage, 0, len(TEXT), asked=frozenset({"kirsche"}), stems=words)
    assert len(found) == 9
    assert not any(cell.is_asked for cell in found)


def test_rows_cut_off_from_their_header_can_show_it_again() -> None:
    whole = grid_of(TEXT)
    rest = Grid(0, whole.columns, whole.rows, whole.cells[3:])
    assert missing_headers(whole) == ""
    assert missing_headers(rest) == "Sorte | 2020 | 2021"


def test_grids_read_back_equal_and_damaged_ones_are_refused() -> None:
    grid = grid_of(TEXT)
    assert grids_from_json(grids_to_json([grid])) == (grid,)
    with pytest.raises(InvalidError, match="damaged"):
        grids_from_json([{"table": 0}])
