"""Word documents, new and old: accepted text only, notes, links, pictures, nested tables."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from PIL import Image

from shared.files.formats import DOC, DOCX, PPTX
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.packages import MACROS_IGNORED
from shared.kernel.errors import InvalidError
from tests.unit.ingestion.old_office import IN_TABLE, ROW_END, old_word
from tests.unit.ingestion.specimens import SPECIMENS, saved, zipped

WORD = "application/vnd.ms-word"
OPEN_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
SLIDES = "application/vnd.ms-powerpoint"
OPEN_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml"


def words(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


def marked(kind: str, text: str, paragraph) -> None:
    """Append a tracked insertion or deletion."""
    change = OxmlElement(f"w:{kind}")
    change.set(qn("w:id"), "1")
    change.set(qn("w:author"), "Eva")
    run = OxmlElement("w:r")
    letters = OxmlElement("w:t" if kind == "ins" else "w:delText")
    letters.text = text
    run.append(letters)
    change.append(run)
    paragraph._p.append(change)


def test_tracked_changes_are_read_as_accepted_and_comments_left_out(read) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Die Miete beträgt ")
    marked("del", "900", paragraph)
    marked("ins", "940", paragraph)
    run = paragraph.add_run(" Euro.")
    document.add_comment(run, text="Stimmt das?", author="Eva")
    assert words(read(saved(document), DOCX, "a.docx")) == [
        ("paragraph", "Die Miete beträgt 940 Euro.")
    ]


def test_links_and_pictures_are_kept(read, tmp_path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Mehr dazu ")
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), document.part.relate_to(
        "https://example.org/", "http://schemas.openxmlformats.org/officeDocument/2006/"
        "relationships/hyperlink", is_external=True))  # fmt: skip
    run = OxmlElement("w:r")
    letters = OxmlElement("w:t")
    letters.text = "hier"
    run.append(letters)
    link.append(run)
    paragraph._p.append(link)
    buffer = io.BytesIO()
    Image.new("RGB", (70, 50), "red").save(buffer, "PNG")
    document.add_picture(buffer)
    found = read(saved(document), DOCX, "a.docx")
    (kept,) = found.links
    assert (found.text[kept.start : kept.end], kept.target) == ("hier", "https://example.org/")
    (figure,) = found.figures
    assert (figure.width_px, figure.height_px) == (70, 50)
    assert (tmp_path / "files" / figure.file).read_bytes().startswith(b"\x89PNG")


def test_a_cell_keeps_its_list_and_the_table_inside_it(read) -> None:
    document = docx.Document()
    outer = document.add_table(rows=2, cols=2)
    outer.cell(0, 0).text, outer.cell(0, 1).text = "Name", "Inhalt"
    outer.cell(1, 0).text = "innen"
    inner = outer.cell(1, 1).add_table(rows=1, cols=2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "Mai", "500"
    (table,) = [w for kind, w in words(read(saved(document), DOCX, "a.docx")) if kind == "table"]
    assert table == "Name | Inhalt\ninnen | Mai 500"


@pytest.mark.parametrize(
    ("media_type", "plain", "variant"),
    [
        (DOCX, f"{OPEN_WORD}.document", f"{WORD}.document.macroEnabled"),
        (DOCX, f"{OPEN_WORD}.document", f"{OPEN_WORD}.template"),
        (DOCX, f"{OPEN_WORD}.document", f"{WORD}.template.macroEnabledTemplate"),
        (PPTX, f"{OPEN_SLIDES}.presentation", f"{SLIDES}.presentation.macroEnabled"),
        (PPTX, f"{OPEN_SLIDES}.presentation", f"{OPEN_SLIDES}.template"),
        (PPTX, f"{OPEN_SLIDES}.presentation", f"{OPEN_SLIDES}.slideshow"),
    ],
)
def test_templates_shows_and_files_with_macros_read_like_documents(
    read, media_type: str, plain: str, variant: str
) -> None:
    document = docx.Document()
    document.add_paragraph("Hallo Welt.")
    data = saved(document) if media_type == DOCX else SPECIMENS[PPTX][1]()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    types = files["[Content_Types].xml"]
    files["[Content_Types].xml"] = types.replace(plain.encode(), variant.encode())
    assert files["[Content_Types].xml"] != types
    found = read(zipped({**files, "word/vbaProject.bin": b"x"}), media_type, "a.docm")
    assert found.text == read(data, media_type, "a.docx").text
    assert found.warnings == (MACROS_IGNORED,)


OLD = [
    ("Mietvertrag\r", 1, b""),
    ("§ 1 \x13 REF x \x14Miete\x15\r", 2, b""),
    ("Siehe \x13 HYPERLINK \"https://example.org/\" \x14hier\x15.\x02\r", 0, b""),
    ("Posten\x07", 0, IN_TABLE), ("Betrag\x07", 0, IN_TABLE), ("\x07", 0, IN_TABLE + ROW_END),
    ("Miete\x07", 0, IN_TABLE), ("940\x07", 0, IN_TABLE), ("\x07", 0, IN_TABLE + ROW_END),
    ("Ende\x0bneue Zeile\x1e1\r", 0, b""),
]  # fmt: skip


def test_an_old_word_document_keeps_headings_tables_links_and_notes(read) -> None:
    document = read(old_word(OLD, notes="Eine Fußnote.\r"), DOC, "alt.doc")
    assert words(document) == [
        ("heading", "Mietvertrag"),
        ("heading", "§ 1 Miete"),
        ("paragraph", "Siehe hier."),
        ("table", "Posten | Betrag\nMiete | 940"),
        ("paragraph", "Ende\nneue Zeile-1"),
        ("footnote", "Eine Fußnote."),
    ]
    assert [link.target for link in document.links] == ["https://example.org/"]


def test_an_old_word_document_with_a_password_says_so(read) -> None:
    with pytest.raises(InvalidError, match="protected by a password"):
        read(old_word(OLD, encrypted=True), DOC, "alt.doc")


@pytest.mark.parametrize("place", range(512, 6000, 400))
def test_a_broken_old_word_document_is_damaged_or_read(read, place: int) -> None:
    data = bytearray(old_word(OLD))
    data[place : place + 64] = b"\xff" * len(data[place : place + 64])
    try:
        read(bytes(data), DOC, "alt.doc")
    except InvalidError as error:
        found = error.detail
    else:
        found = "damaged"
    assert "damaged" in found or "holds no text" in found


def test_markdown_links_are_kept(read) -> None:
    document = read("Siehe [hier](https://a.de) und [da **fett**](b.md).", "text/markdown", "a.md")
    found = [(document.text[k.start : k.end], k.target) for k in document.links]
    assert found == [("hier", "https://a.de"), ("da fett", "b.md")]
