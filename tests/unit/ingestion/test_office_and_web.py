"""Word documents and web pages keep their words exactly and their structure in full."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest

from shared.ingestion.parsers.registry import DOCX
from shared.kernel.errors import InvalidError

HTML = "text/html"


def saved(document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def kinds(document) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


@pytest.fixture
def contract() -> bytes:
    document = docx.Document()
    document.core_properties.title = "Mietvertrag"
    document.add_heading("Teil A", level=1)
    paragraph = document.add_paragraph("Wasser ist H")
    paragraph.add_run("2").font.subscript = True
    paragraph.add_run("O, und ")
    paragraph.add_run("fett").bold = True
    paragraph.add_run("gedruckt.")
    document.add_heading("§ 1 Miete", level=2)
    document.add_paragraph("Kaution", style="List Bullet")
    document.add_paragraph("Nebenkosten", style="List Bullet")
    table = document.add_table(rows=3, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Monat", "Betrag"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "Mai"
    table.cell(1, 1).text, table.cell(2, 1).text = "500 €", "20 €"
    document.sections[0].header.paragraphs[0].text = "Kopfzeile"
    return saved(document)


def test_a_word_document_keeps_words_headings_lists_and_tables(read, contract: bytes) -> None:
    document = read(contract, DOCX, "vertrag.docx")
    assert kinds(document) == [
        ("heading", "Teil A"),
        ("paragraph", "Wasser ist H2O, und fettgedruckt."),
        ("heading", "§ 1 Miete"),
        ("list_item", "- Kaution"),
        ("list_item", "- Nebenkosten"),
        ("table", "Monat | Betrag\nMai | 500 €\n20 €"),
    ]
    assert document.title == "Mietvertrag"
    assert document.language == "de"
    assert document.blocks[-1].heading_path == ("Teil A", "§ 1 Miete")
    cells = {document.text[c.start : c.end]: c for c in document.tables[0].cells}
    assert (cells["Mai"].row_span, cells["20 €"].row, cells["20 €"].column) == (2, 2, 1)


def test_a_word_document_without_its_main_part_is_damaged(read) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/other.xml", "<a/>")
    with pytest.raises(InvalidError, match="damaged"):
        read(buffer.getvalue(), DOCX, "a.docx")


def test_a_word_document_cut_short_is_damaged(read, contract: bytes) -> None:
    with pytest.raises(InvalidError, match="damaged"):
        read(contract[: len(contract) // 2], DOCX, "a.docx")


def test_a_word_document_with_broken_xml_is_damaged(read, contract: bytes) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(contract)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data[:-200] if name == "word/document.xml" else data)
    with pytest.raises(InvalidError, match="damaged"):
        read(buffer.getvalue(), DOCX, "a.docx")


def test_an_empty_word_document_holds_no_text(read) -> None:
    with pytest.raises(InvalidError, match="holds no text"):
        read(saved(docx.Document()), DOCX, "leer.docx")


PAGE = """<!DOCTYPE html><html><head><title>Über uns</title><meta charset="{charset}">
<style>p {{color: red}}</style><meta name="author" content="Eva"></head><body>
<p>Vorwort vor jeder Überschrift.</p><h1>Firma</h1><p>Wir ver<b>kauf</b>en H<sub>2</sub>O.</p>
<script>alert(1)</script><h2>Preise</h2><ul><li>Brot</li><li>Käse <i>alt</i></li></ul>
<table><tr><th>Ware</th><th>Preis</th></tr><tr><td>Brot</td><td>3 €</td></tr></table>
<img src="http://127.0.0.1:9/nie.png"><pre>a = 1
b = 2</pre></body></html>"""


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-15", "windows-1252"])
def test_a_web_page_reads_the_same_in_any_charset(read, charset: str) -> None:
    document = read(PAGE.format(charset=charset).encode(charset), HTML, "seite.html")
    assert kinds(document) == [
        ("paragraph", "Vorwort vor jeder Überschrift."),
        ("heading", "Firma"),
        ("paragraph", "Wir verkaufen H2O."),
        ("heading", "Preise"),
        ("list_item", "- Brot"),
        ("list_item", "- Käse alt"),
        ("table", "Ware | Preis\nBrot | 3 €"),
        ("code", "a = 1\nb = 2"),
    ]
    assert document.title == "Über uns"
    assert document.metadata["author"] == "Eva"
    assert document.blocks[4].heading_path == ("Firma", "Preise")


def test_a_page_without_words_holds_no_text(read) -> None:
    with pytest.raises(InvalidError, match="holds no"):
        read("<html><body><script>var a</script></body></html>", HTML, "a.html")


def test_a_page_nested_absurdly_deep_is_refused(read) -> None:
    page = "<html><body>" + "<div>" * 5000 + "Kern" + "</div>" * 5000
    with pytest.raises(InvalidError, match="nested too deeply"):
        read(page, HTML, "tief.html")


def test_what_a_logo_above_the_first_heading_is_called_is_no_content(read) -> None:
    page = '<body><img alt="Firmenlogo" src="a.png">{}<p>Text.</p><img alt="Ein Plan" src="b.png">'
    with_heading = read(page.format("<h1>Firma</h1>"), HTML, "a.html").text
    assert with_heading == "Firma\n\nText.\n\nEin Plan"
    assert "Firmenlogo" in read(page.format(""), HTML, "a.html").text


def test_an_ordered_list_of_a_page_keeps_its_numbers(read) -> None:
    document = read("<body><ol><li>Eins</li><li>Zwei</li></ol>", HTML, "a.html")
    assert document.text == "1. Eins\n2. Zwei"
