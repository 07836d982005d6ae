"""The layout of PDF pages: reading order, tables without cells, notes, links, forms, pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.pdf.parser import PdfParser
from shared.ingestion.parsers.port import Source
from tests.unit.ingestion.test_pdf import HEIGHT, PDF, WIDTH, kinds, made, write

PROSE = "Dies ist ein gewöhnlicher Satz im Fließtext,"


def texts(document: ParsedDocument) -> list[str]:
    return [text for _, text in kinds(document)]


def column(name: str, count: int = 12) -> list[str]:
    return [f"{name} {n} mit einigen Worten darin" for n in range(count)] + [f"Ende {name}."]


def grid_of(document: ParsedDocument) -> list[list[str]]:
    """Return the first table's texts by row and column, empty where nothing begins."""
    table = document.tables[0]
    rows = [[""] * table.column_count for _ in range(table.row_count)]
    for cell in table.cells:
        rows[cell.row][cell.column] = document.text[cell.start : cell.end]
    return rows


def test_columns_are_read_in_order_although_the_file_writes_them_backwards(read) -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, 140, *column("rechts"), x=320)
        write(canvas, 140, *column("links"), x=60)
        write(
            canvas, 90, "Eine Überschrift über beide Spalten, die der Satz zuletzt schreibt.", x=60
        )
        write(canvas, 500, "Ein Schluss, der wieder unter beiden Spalten des Blattes steht.", x=60)

    found = texts(read(made(draw), PDF, "spalten.pdf"))
    starts = [text.split()[0] for text in found]
    assert starts == ["Eine", "links", "rechts", "Ein"]


def test_a_title_across_stands_before_three_columns_and_these_before_two(read) -> None:
    def draw(canvas: Canvas) -> None:
        for x, name in ((400, "c"), (60, "a"), (230, "b")):
            write(canvas, 150, *[f"{name}{n} drei Spalten" for n in range(9)], x=x)
        for x, name in ((320, "e"), (60, "d")):
            write(canvas, 400, *[f"{name}{n} zwei Spalten breiter" for n in range(9)], x=x)
        write(canvas, 330, "Ein Satz, der quer über das ganze Blatt reicht und die Spalten "
              "sauber voneinander trennt.", x=60)  # fmt: skip

    text = read(made(draw), PDF, "a.pdf").text
    order = [text.index(word) for word in ("a0", "b0", "c0", "Ein Satz", "d0", "e0")]
    assert order == sorted(order)


def test_labels_stay_with_their_values(read) -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, 80, f"{PROSE} der über das ganze Blatt bis an den rechten Rand reicht.")
        for n, (label, value) in enumerate((("Nummer", "4711"), ("Datum", "5. März"))):
            write(canvas, 130 + 16 * n, label)
            write(canvas, 130 + 16 * n, value, x=300)

    text = read(made(draw), PDF, "a.pdf").text
    order = [text.index(word) for word in ("Nummer", "4711", "Datum", "5. März")]
    assert order == sorted(order)


def test_level_lines_of_two_columns_are_no_table(read) -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, 100, *column("eine Frage", 14), x=60)
        write(canvas, 100, *[f"Antwort {n}, die lang genug ist" for n in range(14)], x=330)
        for n in range(4):
            write(canvas, 100 + 13.2 * n, "ja", x=540)

    document = read(made(draw), PDF, "a.pdf")
    rows = [document.text[c.start : c.end] for t in document.tables for c in t.cells]
    assert not any("eine Frage" in text for text in rows)


def test_a_paragraph_torn_by_a_column_goes_on_behind_the_footnote(read) -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, 100, *[f"{PROSE}" for _ in range(8)], x=50)
        write(canvas, 560, "1) Eine kleine Anmerkung am Fuß.", x=50, size=8)
        write(canvas, 100, "der in der zweiten Spalte weitergeht und", "dort endet.", x=330)

    document = read(made(draw), PDF, "a.pdf")
    assert kinds(document)[-1] == ("footnote", "1) Eine kleine Anmerkung am Fuß.")
    assert len(document.blocks) == 2
    assert f"{PROSE} der in der zweiten Spalte weitergeht und dort endet." in document.text


def test_wrapped_lines_between_rules_are_one_row(read) -> None:
    def draw(canvas: Canvas) -> None:
        for level in (100, 125, 165, 205, 245):
            canvas.line(72, HEIGHT - level, 500, HEIGHT - level)
        for n, cells in enumerate((("Name", "Aufgabe"), ("Anna", "schreibt"), ("Bert", "liest"),
                                   ("Cora", "rechnet"))):  # fmt: skip
            top = 117 if n == 0 else 100 + 40 * n
            write(canvas, top, cells[0])
            write(canvas, top, *([cells[1]] if n == 0 else [f"{cells[1]} jeden Tag", "sehr viel"]),
                  x=250)  # fmt: skip

    assert grid_of(read(made(draw), PDF, "a.pdf")) == [
        ["Name", "Aufgabe"],
        ["Anna", "schreibt jeden Tag sehr viel"],
        ["Bert", "liest jeden Tag sehr viel"],
        ["Cora", "rechnet jeden Tag sehr viel"],
    ]


def test_full_rows_between_two_rules_stay_rows_and_double_rules_are_one(read) -> None:
    def draw(canvas: Canvas) -> None:
        for level in (100, 102, 120, 180, 182):
            canvas.line(72, HEIGHT - level, 500, HEIGHT - level)
        for n, cells in enumerate(
            (("Jahr", "Zahl"), ("2001", "10"), ("2002", "20"), ("2003", "30"))
        ):
            for x, text in zip((80, 300), cells, strict=True):
                write(canvas, 114 + 18 * n, text, x=x)

    assert grid_of(read(made(draw), PDF, "a.pdf")) == [
        ["Jahr", "Zahl"], ["2001", "10"], ["2002", "20"], ["2003", "30"]
    ]  # fmt: skip


def test_text_between_two_ruled_tables_stays_text(read) -> None:
    def draw(canvas: Canvas) -> None:
        for top in (100, 300):
            for level in (top, top + 18, top + 56):
                canvas.line(72, HEIGHT - level, 500, HEIGHT - level)
            for n, cells in enumerate((("Jahr", "Zahl"), ("2001", "10"), ("2002", "20"))):
                for x, text in zip((80, 300), cells, strict=True):
                    write(canvas, top + 13 + 18 * n, text, x=x)
        write(canvas, 200, f"{PROSE} der quer über die ganze Breite der beiden Tabellen reicht.")

    document = read(made(draw), PDF, "a.pdf")
    assert [kind for kind, _ in kinds(document)] == ["table", "paragraph", "table"]
    assert [(t.row_count, t.column_count) for t in document.tables] == [(3, 2), (3, 2)]


def test_a_program_between_rules_is_no_table(read) -> None:
    def draw(canvas: Canvas) -> None:
        for level in (80, 100, 260):
            canvas.line(72, HEIGHT - level, 500, HEIGHT - level)
        write(canvas, 95, "Beispiel")
        write(canvas, 95, "klassisch", x=300)
        write(canvas, 120, *[f"port {n} create" for n in range(9)])

    assert read(made(draw), PDF, "a.pdf").tables == ()


def test_a_header_with_its_page_number_is_dropped_from_a_single_page(read) -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, 60, "Über Tabellen", x=200, size=9)
        write(canvas, 60, "9", x=500, size=9)
        write(canvas, 110, PROSE, "der hier endet.")

    assert read(made(draw), PDF, "a.pdf").text == f"{PROSE} der hier endet."


def test_lines_of_a_program_stay_lines(read) -> None:
    def draw(canvas: Canvas) -> None:
        y = write(canvas, 100, PROSE, "der hier endet:")
        canvas.setFont("Courier", 10)
        for n, line in enumerate(("for x in y:", "print(x)")):
            canvas.drawString(72 + 24 * n, HEIGHT - y - 14 - 12 * n, line)

    assert kinds(read(made(draw), PDF, "a.pdf"))[-1] == ("code", "for x in y:\n    print(x)")


def test_lists_in_lists_know_their_depth(read) -> None:
    def draw(canvas: Canvas) -> None:
        y = write(canvas, 100, PROSE, "der hier endet:")
        for n, (x, text) in enumerate(((72, "• Obst"), (90, "– Apfel"), (90, "– Birne"),
                                       (72, "• Gemüse vs. Kraut"))):  # fmt: skip
            write(canvas, y + 14 * n, text, x=x)

    document = read(made(draw), PDF, "a.pdf")
    items = [(b.level, document.text[b.start : b.end]) for b in document.blocks[1:]]
    assert items == [(0, "- Obst"), (1, "- Apfel"), (1, "- Birne"), (0, "- Gemüse vs. Kraut")]


def test_the_mark_of_a_note_is_parted_from_its_word_but_a_square_metre_is_not(read) -> None:
    def draw(canvas: Canvas) -> None:
        line = canvas.beginText(72, HEIGHT - 100)
        line.setFont("Helvetica", 11)
        line.textOut("Der Verlust")
        for raised, plain in (("12", " betrug je 40 km"), ("2", " viel Geld.")):
            line.setFont("Helvetica", 6)
            line.setRise(5)
            line.textOut(raised)
            line.setRise(0)
            line.setFont("Helvetica", 11)
            line.textOut(plain)
        canvas.drawText(line)

    assert read(made(draw), PDF, "a.pdf").text == "Der Verlust 12 betrug je 40 km2 viel Geld."


def test_links_lie_over_the_words_they_lead_from(read) -> None:
    def first(canvas: Canvas) -> None:
        write(canvas, 100, "Mehr steht im Handbuch und hier im Handbuch auf Seite zwei.")
        at = HEIGHT - 103
        width = canvas.stringWidth
        start = 72 + width("Mehr steht im Handbuch und hier im ", "Helvetica", 11)
        end = start + width("Handbuch", "Helvetica", 11)
        canvas.linkURL("https://example.org/buch", (start, at, end, at + 12))
        canvas.linkURL("javascript:alert(1)", (72, at, 100, at + 12))
        seite = 72 + width("Mehr steht im Handbuch und hier im Handbuch auf ", "Helvetica", 11)
        canvas.linkAbsolute("", "zwei", (seite, at, seite + 60, at + 12))

    def second(canvas: Canvas) -> None:
        canvas.bookmarkPage("zwei")
        write(canvas, 100, "Die zweite Seite.")

    document = read(made(first, second), PDF, "a.pdf")
    found = [(link.start, document.text[link.start : link.end], link.target)
             for link in document.links]  # fmt: skip
    assert found == [
        (document.text.rindex("Handbuch"), "Handbuch", "https://example.org/buch"),
        (document.text.index("Seite zwei"), "Seite zwei", "#page=2"),
    ]


def test_form_fields_are_named_and_their_values_stand_beside_their_labels(read) -> None:
    def draw(canvas: Canvas) -> None:
        form = canvas.acroForm
        write(canvas, 100, "Vorname:")
        form.textfield(name="vorname", value="Erika", x=140, y=HEIGHT - 104, width=150, height=16)
        write(canvas, 140, "Zusage:")
        form.checkbox(name="zusage", checked=True, x=140, y=HEIGHT - 144, size=14)
        write(canvas, 180, "Absage:")
        form.checkbox(name="absage", checked=False, x=140, y=HEIGHT - 184, size=14)

    document = read(made(draw), PDF, "antrag.pdf")
    assert [(f.name, f.value, f.page) for f in document.fields] == [
        ("vorname", "Erika", 1), ("zusage", "Yes", 1), ("absage", "", 1)
    ]  # fmt: skip
    text = " ".join(document.text.split())
    assert "Vorname: Erika Zusage: ☒ Absage: ☐" in text


def photo(folder: Path, colour: int) -> str:
    from PIL import Image

    path = folder / f"{colour}.jpg"
    Image.new("RGB", (120, 90), (colour, 80, 200)).save(path)
    return str(path)


@pytest.fixture
def illustrated(tmp_path: Path) -> tuple[ParsedDocument, Path]:
    def draw(canvas: Canvas) -> None:
        write(canvas, 80, PROSE, "der hier endet.")
        canvas.drawImage(photo(tmp_path, 10), 72, HEIGHT - 320, 200, 150)
        write(canvas, 335, "Abbildung 1: Ein blaues Feld.")
        canvas.drawImage(photo(tmp_path, 10), 400, HEIGHT - 320, 100, 75)
        canvas.drawImage(photo(tmp_path, 90), 400, HEIGHT - 80, 12, 12)

    path = tmp_path / "bild.pdf"
    path.write_bytes(made(draw))
    files = tmp_path / "files"
    files.mkdir()
    source = Source(path=path, media_type=PDF, filename="bild.pdf", files=files)
    return PdfParser().parse(source), files


def test_a_picture_is_taken_out_once_with_its_place_and_caption(illustrated) -> None:
    document, files = illustrated
    (figure,) = document.figures
    assert [f.name for f in files.iterdir() if f.is_file()] == [figure.file]
    assert (figure.media_type, figure.width_px, figure.height_px) == ("image/jpeg", 120, 90)
    assert (files / figure.file).read_bytes().startswith(b"\xff\xd8")
    assert (figure.x0, figure.y0, figure.x1, figure.y1) == pytest.approx((72, 170, 272, 320), abs=1)
    block = document.blocks[figure.block]
    assert document.text[block.start : block.end] == "Abbildung 1: Ein blaues Feld."


def test_every_page_says_how_large_it_is(read) -> None:
    document = read(made(lambda c: write(c, 90, "Eins"), lambda c: write(c, 90, "Zwei")), PDF, "a")
    assert [(p.number, p.width, p.height, p.confidence) for p in document.pages] == [
        (1, pytest.approx(WIDTH, abs=0.1), pytest.approx(HEIGHT, abs=0.1), None),
        (2, pytest.approx(WIDTH, abs=0.1), pytest.approx(HEIGHT, abs=0.1), None),
    ]
