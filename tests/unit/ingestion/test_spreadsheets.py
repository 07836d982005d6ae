"""Workbooks keep sheets, tables, merged cells, dates and charts; nothing about them is believed."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from PIL import Image

from shared.files.formats import ODS, XLS, XLSX
from shared.ingestion.parsers.packages import MACROS_IGNORED
from shared.ingestion.parsers.sheets import workbook
from shared.ingestion.parsers.sheets.areas import Grid, Span, areas_of
from shared.ingestion.parsers.sheets.values import shown
from shared.kernel.errors import InvalidError, TooLargeError
from tests.unit.ingestion.old_office import old_workbook
from tests.unit.ingestion.specimens import saved, zipped


def kinds(document) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


@pytest.fixture
def book() -> Workbook:
    book = Workbook()
    sheet = book.active
    sheet.title = "Miete"
    for row in (["Kosten 2024"], ["Posten", "Betrag", "Anteil"], ["Miete", 780.5, 0.83],
                ["Heizung", 95, 0.17]):  # fmt: skip
        sheet.append(row)
    sheet.merge_cells("A1:C1")
    sheet["C3"].number_format = sheet["C4"].number_format = "0%"
    sheet["E2"] = "gilt ab"
    sheet["E3"] = sheet["E4"] = dt.date(2024, 3, 1)
    other = book.create_sheet("Notizen")
    other["B2"] = "Nur ein Satz."
    hidden = book.create_sheet("Geheim")
    hidden["A1"] = "unsichtbar"
    hidden.sheet_state = "hidden"
    return book


def test_every_visible_sheet_is_a_heading_with_its_tables(read, book: Workbook) -> None:
    document = read(saved(book), XLSX, "kosten.xlsx")
    assert kinds(document) == [
        ("heading", "Miete"),
        ("caption", "Kosten 2024"),
        (
            "table",
            "Posten | Betrag | Anteil | gilt ab\nMiete | 780.5 | 83% | 2024-03-01\n"
            "Heizung | 95 | 17% | 2024-03-01",
        ),
        ("heading", "Notizen"),
        ("paragraph", "Nur ein Satz."),
    ]
    assert [block.page for block in document.blocks] == [1, 1, 1, 2, 2]
    assert document.page_count == 3
    assert document.warnings == ("The hidden sheet “Geheim” was left out.",)
    header = [c for c in document.tables[0].cells if c.is_header]
    assert len(header) == 4


def test_merged_cells_become_spans(read) -> None:
    book = Workbook()
    sheet = book.active
    for row in (["Monat", "Betrag"], ["Mai", 1], [None, 2]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    document = read(saved(book), XLSX, "a.xlsx")
    cells = {document.text[c.start : c.end]: c for c in document.tables[0].cells}
    assert (cells["Mai"].row_span, cells["2"].row, cells["2"].column) == (2, 2, 1)


def test_a_chart_is_written_by_its_figures_where_it_stands(read) -> None:
    book = Workbook()
    sheet = book.active
    for row in (["Jahr", "Enten"], ["2023", 280], ["2024", 310]):
        sheet.append(row)
    chart = BarChart()
    chart.title = "Wilde Enten"
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    sheet.add_chart(chart, "A6")
    sheet["A30"] = "Danach."
    data = with_caches(saved(book))
    assert kinds(read(data, XLSX, "a.xlsx"))[2:] == [
        ("caption", "Wilde Enten (bar chart)"),
        ("table", "| Enten\n1 | 280\n2 | 310"),
        ("paragraph", "Danach."),
    ]


def with_caches(data: bytes) -> bytes:
    """Fill in the figures that a spreadsheet program keeps with its charts."""
    series = (
        '<c:tx><c:strRef><c:f>x</c:f><c:strCache><c:pt idx="0"><c:v>Enten</c:v></c:pt></c:strCache>'
        "</c:strRef></c:tx><c:val><c:numRef><c:f>x</c:f><c:numCache>"
        '<c:pt idx="0"><c:v>280</c:v></c:pt><c:pt idx="1"><c:v>310</c:v></c:pt></c:numCache>'
        "</c:numRef></c:val>"
    ).replace("c:", "")
    files = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            files[name] = archive.read(name)
    chart = files["xl/charts/chart1.xml"].decode()
    first, last = chart.index("<tx><strRef>"), chart.index("</val>") + len("</val>")
    files["xl/charts/chart1.xml"] = (chart[:first] + series + chart[last:]).encode()
    return zipped(files)


def test_pictures_on_a_sheet_are_taken_out(read) -> None:
    from openpyxl.drawing.image import Image as Placed

    book = Workbook()
    book.active["A1"] = "Bild"
    for place, size in (("C3", (64, 48)), ("C9", (8, 8))):
        buffer = io.BytesIO()
        Image.new("RGB", size, "red").save(buffer, "PNG")
        book.active.add_image(Placed(buffer), place)
    document = read(saved(book), XLSX, "a.xlsx")
    assert [(f.width_px, f.height_px, f.page) for f in document.figures] == [(64, 48, 1)]


def test_macros_are_named_and_not_run(read, book: Workbook) -> None:
    with zipfile.ZipFile(io.BytesIO(saved(book))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    document = read(zipped({**files, "xl/vbaProject.bin": b"x"}), XLSX, "a.xlsm")
    assert MACROS_IGNORED in document.warnings


def test_a_workbook_past_the_limit_is_too_large(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_CELLS", 5)
    book = Workbook()
    for _ in range(3):
        book.active.append([1, 2])
    with pytest.raises(TooLargeError, match="more than 5 filled cells"):
        read(saved(book), XLSX, "a.xlsx")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_with_a_broken_part_is_damaged(read, book: Workbook, part: str) -> None:
    with zipfile.ZipFile(io.BytesIO(saved(book))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[part] = files[part][: len(files[part]) // 2]
    with pytest.raises(InvalidError, match="damaged"):
        read(zipped(files), XLSX, "a.xlsx")


def test_a_workbook_with_a_password_says_so(read) -> None:
    from tests.unit.ingestion.ole import compound

    with pytest.raises(InvalidError, match="protected by a password"):
        read(compound({"EncryptedPackage": b"x" * 100}), XLSX, "a.xlsx")


def sheet_of(rows: str) -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="T">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def test_an_open_sheet_that_repeats_a_million_rows_stays_small(read) -> None:
    cell = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    rows = (
        f"<table:table-row>{cell.format('', 'Posten')}{cell.format('', 'Betrag')}</table:table-row>"
        '<table:table-row table:number-rows-repeated="3">'
        f"{cell.format('', 'Miete')}"
        '<table:table-cell office:value-type="date" office:date-value="2024-03-01T00:00:00">'
        "<text:p>1.3.24</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
        'table:number-columns-repeated="16000"/></table:table-row>'
        f"<table:table-row>{cell.format('', 'Ende')}</table:table-row>"
    )
    document = read(sheet_of(rows), ODS, "a.ods")
    line = "Miete | 2024-03-01"
    assert kinds(document) == [
        ("heading", "T"),
        ("table", "\n".join(["Posten | Betrag", line, line, line])),
        ("paragraph", "Ende"),
    ]


def test_an_old_workbook_reads_the_same(read) -> None:
    data = old_workbook({"Kosten": [["Posten", "Betrag"], ["Miete", 780.0]], "B": [["Nur das."]]})
    document = read(data, XLS, "a.xls")
    assert kinds(document) == [
        ("heading", "Kosten"), ("table", "Posten | Betrag\nMiete | 780"),
        ("heading", "B"), ("paragraph", "Nur das."),
    ]  # fmt: skip
    assert [block.page for block in document.blocks] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("value", "number_format", "words"),
    [
        (True, "General", "True"),
        (3.0, "General", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (0.075, "0.0%", "7.5%"),
        (5, '0" %"', "5"),
        (1e20, "0", "1e+20"),
        (float("nan"), "0", ""),
        (dt.datetime(2024, 3, 1, tzinfo=None), "dd.mm.yyyy", "2024-03-01"),  # noqa: DTZ001
        (dt.datetime(2024, 3, 1, 8, 30), "dd.mm.yyyy hh:mm", "2024-03-01 08:30:00"),  # noqa: DTZ001
        (dt.time(8, 30), "hh:mm", "08:30:00"),
        ("  Wort ", "@", "Wort"),
    ],
)
def test_values_are_written_as_people_read_them(value, number_format: str, words: str) -> None:
    assert shown(value, number_format) == words


def grid(*rows: str) -> Grid:
    made = Grid()
    for row, line in enumerate(rows):
        for column, sign in enumerate(line):
            if sign != ".":
                made.put(row, column, sign)
    return made


@pytest.mark.parametrize(
    ("rows", "areas"),
    [
        (["ab", "cd"], ["abcd"]),
        (["ab....", "......", "cd.xy.", "ef.zw."], ["ab", "cdef", "xyzw"]),
        (["a.", ".b"], ["a", "b"]),  # corners do not touch
        (["ab.x", "cd.y", "ef.z"], ["abxcdyefz"]),  # a column behind a spacer
        (["ab..x", "cd...", "ef..y"], ["abxcdefy"]),  # lone cells in a table's rows
        (["a.b", "aab", "c.b"], ["abaabcb"]),  # a bridge makes one
    ],
)
def test_cells_that_touch_are_one_area(rows: list[str], areas: list[str]) -> None:
    found = areas_of(grid(*rows))
    assert ["".join(cell.text for cell in area.cells) for area in found] == areas


def test_a_merged_cell_holds_an_area_together() -> None:
    made = grid("a...", "b..c")
    made.merge(Span(0, 0, 1, 4))
    (area,) = areas_of(made)
    assert (area.row_count, area.column_count) == (2, 4)
