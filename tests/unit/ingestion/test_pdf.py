"""PDF pages, made here with known contents, come back as the words and structure put in."""

from __future__ import annotations

import io
from collections.abc import Callable

import pypdfium2
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from shared.ingestion.chunking import chunk
from shared.ingestion.model import ParsedDocument, boxes_within
from shared.kernel.errors import InvalidError, TooLargeError
from tests.unit.ingestion.conftest import count_words, cover

PDF = "application/pdf"
WIDTH, HEIGHT = A4
Draw = Callable[[Canvas], None]


def made(*pages: Draw, **options) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True, **options)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def write(
    canvas: Canvas, y: float, *lines: str, x: float = 72, size: float = 11, bold: bool = False
) -> float:
    """Write lines downwards from ``y`` points below the top; returns where the next would be."""
    canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
    for line in lines:
        canvas.drawString(x, HEIGHT - y, line)
        y += size * 1.2
    return y


def kinds(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


TORN = (
    "Die Zeile endet mit einem getrennten Wort, dem Verkäufer, und mit Ein- und Ausgang sowie "
    "dem Nord-Süd-Gefälle."
)
FILLER = "Dies ist ein gewöhnlicher Satz im Fließtext, der die Schriftgröße des Textes bestimmt."


def article(canvas: Canvas) -> None:
    write(canvas, 90, "Der große Vertrag", size=20, bold=True)
    y = write(canvas, 130, "1 Grundlagen", size=14, bold=True)
    y = write(canvas, y + 10, FILLER, "Die Zeile endet mit einem getrennten Wort, dem Verkäu-",
              "fer, und mit Ein- und Ausgang sowie dem Nord-", "Süd-Gefälle.")  # fmt: skip
    y = write(canvas, y + 12, "• Erster Punkt", "• Zweiter Punkt")
    y = write(canvas, y + 12, "1.1 Einzelheiten", size=14, bold=True)
    write(canvas, y + 10, FILLER)


def test_headings_paragraphs_lists_and_torn_words_are_recognised(read) -> None:
    document = read(made(article), PDF, "vertrag.pdf")
    assert kinds(document) == [
        ("heading", "Der große Vertrag"),
        ("heading", "1 Grundlagen"),
        ("paragraph", f"{FILLER} {TORN}"),
        ("list_item", "- Erster Punkt"),
        ("list_item", "- Zweiter Punkt"),
        ("heading", "1.1 Einzelheiten"),
        ("paragraph", FILLER),
    ]  # fmt: skip
    assert document.title == "Der große Vertrag"
    assert document.page_count == 1
    assert document.blocks[-1].heading_path == (
        "Der große Vertrag", "1 Grundlagen", "1.1 Einzelheiten"
    )  # fmt: skip


def test_every_line_has_its_box_where_it_is_printed(read) -> None:
    document = read(made(article), PDF, "vertrag.pdf")
    start = document.text.index("Süd-Gefälle")
    (box,) = boxes_within(document.blocks[2].boxes, start, start + 5)
    assert document.text[box.start : box.end] == "Süd-Gefälle."
    assert box.page == 1
    assert box.x0 == pytest.approx(72, abs=2)
    baseline = 130 + 14 * 1.2 + 10 + 3 * 11 * 1.2
    assert baseline - 12 < box.y0 < box.y1 < baseline + 4


def turned(data: bytes, turn: int) -> bytes:
    """Crop and rotate the first page of a PDF."""
    buffer = io.BytesIO()
    with pypdfium2.PdfDocument(data) as document:
        page = document[0]
        page.set_cropbox(50, 100, WIDTH - 20, HEIGHT - 30)
        page.set_rotation(turn)
        document.save(buffer)
        page.close()
    return buffer.getvalue()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_and_cropped_page_has_its_boxes_where_the_reader_sees_them(
    read, turn: int
) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 12)
        canvas.drawString(72, HEIGHT - 60, "Hallo")

    document = read(turned(made(draw), turn), PDF, "a.pdf")
    (box,) = document.blocks[0].boxes
    width, height = WIDTH - 70, HEIGHT - 130
    left, top = 72 - 50, 60 - 30 - 9
    expected = {
        0: (left, top),
        90: (height - (top + 9), left),
        180: (width - left - 29, height - (top + 9)),
        270: (top, width - left - 29),
    }[turn]
    assert document.text == "Hallo"
    assert (box.x0, box.y0) == pytest.approx(expected, abs=4)


def test_two_columns_are_read_one_after_the_other(read) -> None:
    left = [f"links {i} mit einigen Worten darin" for i in range(20)] + ["Ende links."]
    right = [f"rechts {i} mit einigen Worten darin" for i in range(20)]

    def draw(canvas: Canvas) -> None:
        write(canvas, 100, *left, x=60)
        write(canvas, 100, *right, x=320)

    document = read(made(draw), PDF, "spalten.pdf")
    assert document.text == " ".join(left) + "\n\n" + " ".join(right)


def grid(canvas: Canvas, rows: list[list[str]], *, top: float, merged: bool = False) -> None:
    """Draw a table of two columns; ``merged`` leaves out the rule inside the first row."""
    x0, x1, x2, step = 72, 200, 330, 20
    bottom = top + step * len(rows)
    for i in range(len(rows) + 1):
        canvas.line(x0, HEIGHT - top - i * step, x2, HEIGHT - top - i * step)
    for x in (x0, x1, x2):
        first = top + step if merged and x == x1 else top
        canvas.line(x, HEIGHT - first, x, HEIGHT - bottom)
    for i, row in enumerate(rows):
        for x, words in zip((x0, x1), row, strict=False):
            write(canvas, top + i * step + 14, words, x=x + 4, size=10)


def test_a_drawn_table_keeps_its_cells_and_spans(read) -> None:
    rows = [["Ware und Preis"], ["Brot", "3 Euro"], ["Milch", ""]]
    document = read(made(lambda c: grid(c, rows, top=100, merged=True)), PDF, "t.pdf")
    assert kinds(document) == [("table", "Ware und Preis\nBrot | 3 Euro\nMilch |")]
    (table,) = document.tables
    head = table.cells[0]
    assert (head.column_span, head.is_header) == (2, True)
    assert (table.row_count, table.column_count) == (3, 2)


def test_a_table_that_goes_on_over_the_page_is_one_table(read) -> None:
    head = ["Nummer", "Betrag"]
    first = [head, *([f"A{i}", f"{i} Euro"] for i in range(5))]
    second = [head, *([f"B{i}", f"{i} Euro"] for i in range(5))]
    document = read(
        made(lambda c: grid(c, first, top=600), lambda c: grid(c, second, top=80)), PDF, "t.pdf"
    )
    assert len(document.tables) == 1
    assert document.text.count("Nummer") == 1
    assert document.tables[0].row_count == 11
    assert {box.page for box in document.blocks[0].boxes} == {1, 2}


def test_a_table_between_rules_alone_is_found(read) -> None:
    def draw(canvas: Canvas) -> None:
        for y in (100, 120, 200):
            canvas.line(72, HEIGHT - y, 400, HEIGHT - y)
        for i, row in enumerate([("Jahr", "Umsatz", "Gewinn"), ("2021", "100", "10"),
                                 ("2022", "120", "12"), ("2023", "150", "20")]):  # fmt: skip
            for x, words in zip((80, 200, 320), row, strict=True):
                write(canvas, 114 + i * 24, words, x=x, size=10)

    document = read(made(draw), PDF, "t.pdf")
    assert document.text.split("\n") == [
        "Jahr | Umsatz | Gewinn", "2021 | 100 | 10", "2022 | 120 | 12", "2023 | 150 | 20"
    ]  # fmt: skip


def test_running_headers_footers_and_page_numbers_are_left_out(read) -> None:
    def page(number: int) -> Draw:
        def draw(canvas: Canvas) -> None:
            write(canvas, 40, "Geschäftsbericht der Firma", size=9)
            write(canvas, 200, f"Inhalt der Seite Nummer {number} steht in der Mitte.")
            write(canvas, HEIGHT - 30, f"Seite {number} von 4", size=9)

        return draw

    document = read(made(*(page(n) for n in range(1, 5))), PDF, "b.pdf")
    assert "Geschäftsbericht" not in document.text
    assert "von 4" not in document.text
    assert document.text.count("Inhalt der Seite") == 4
    chunks = chunk(document, count_tokens=count_words, max_tokens=16)
    cover(document, chunks)
    assert [(c.page_from, c.page_to) for c in chunks] == [(n, n) for n in range(1, 5)]


def test_numbered_headings_at_the_top_of_every_page_are_no_running_headers(read) -> None:
    def page(number: int) -> Draw:
        def draw(canvas: Canvas) -> None:
            write(canvas, 60, f"Kapitel {number}", size=18, bold=True)
            write(canvas, 90, *[FILLER] * 3)

        return draw

    document = read(made(*(page(n) for n in range(1, 4))), PDF, "b.pdf")
    headings = [words for kind, words in kinds(document) if kind == "heading"]
    assert headings == ["Kapitel 1", "Kapitel 2", "Kapitel 3"]


def test_a_contents_page_becomes_a_table_of_titles_and_pages(read) -> None:
    lines = [f"Kapitel {n} {'.' * 40} {n * 7}" for n in range(1, 5)]
    document = read(made(lambda c: write(c, 100, *lines)), PDF, "i.pdf")
    assert document.text.split("\n")[0] == "Kapitel 1 | 7"
    assert document.blocks[0].kind == "table"


def test_a_ligature_is_spelt_out(read) -> None:
    document = read("Die \ufb01nanzielle P\ufb02icht der O\ufb03ziere", "text/plain", "a.txt")
    assert document.text == "Die finanzielle Pflicht der Offiziere"


def test_an_empty_pdf_holds_no_text(read) -> None:
    with pytest.raises(InvalidError, match=r"“leer\.pdf” holds no text"):
        read(made(lambda canvas: None), PDF, "leer.pdf")


def test_an_empty_page_among_others_is_nothing_to_worry_about(read) -> None:
    document = read(made(article, lambda canvas: None, article), PDF, "a.pdf")
    assert (document.page_count, document.warnings) == (3, ())


def test_a_pdf_with_a_password_says_so(read) -> None:
    locked = made(article, encrypt=StandardEncryption("geheim", strength=128))
    with pytest.raises(InvalidError, match="is protected by a password"):
        read(locked, PDF, "geheim.pdf")


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.4\n%%EOF", b"%PDF-" + bytes(500)])
def test_a_broken_pdf_is_damaged(read, content: bytes) -> None:
    with pytest.raises(InvalidError, match="is damaged"):
        read(content, PDF, "a.pdf")


def test_a_pdf_whose_index_is_cut_off_is_still_read(read) -> None:
    whole = made(article, article)
    document = read(whole[: whole.rindex(b"xref\n")], PDF, "ohne-index.pdf")
    assert document.page_count == 2
    assert document.text.count("Der große Vertrag") == 2


def test_too_many_pages_are_too_large(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ingestion.parsers.pdf.parser.MAX_PAGES", 2)
    with pytest.raises(TooLargeError, match="has 3 pages; at most 2"):
        read(made(article, article, article), PDF, "a.pdf")


def test_the_same_bytes_read_the_same_twice(read) -> None:
    data = made(article, lambda c: grid(c, [["a", "b"], ["c", "d"]], top=90))
    assert read(data, PDF, "a.pdf") == read(data, PDF, "a.pdf")
