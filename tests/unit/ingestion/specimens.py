"""The rental agreement of tests/fixtures/documents, written in every other format that is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping

from shared.files.formats import DOC, MSG, ODP, ODS, ODT, PPT, PPTX, XLS, XLSX
from tests.unit.ingestion.conftest import DOCUMENTS
from tests.unit.ingestion.old_office import (
    IN_TABLE,
    ROW_END,
    old_slides,
    old_word,
    old_workbook,
    outlook_message,
)

TITLE = "Mietvertrag über Wohnraum"
SECTIONS = {
    "1 Mietsache": (
        "Vermietet wird die Wohnung im zweiten Obergeschoss der Lindenstraße 12 in Köln.",
        "Sie hat drei Zimmer, eine Küche und ein Bad mit zusammen 78 Quadratmetern.",
    ),
    "2 Miete und Kaution": (
        "Die monatliche Miete beträgt 940 Euro und ist am dritten Werktag fällig.",
        "Die Kaution beträgt drei Monatsmieten nach § 551 Abs. 1 BGB.",
    ),
    "3 Kündigung": (
        "Die Kündigungsfrist beträgt für den Mieter drei Monate.",
        "Die Kündigung bedarf der Schriftform, z. B. eines eingeschriebenen Briefes.",
    ),
}
COSTS = (
    ("Posten", "Betrag"),
    ("Grundmiete", "780 Euro"),
    ("Heizkosten", "95 Euro"),
    ("Betriebskosten", "65 Euro"),
)


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip archive; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def saved(document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _pptx() -> bytes:
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[0])
    first.shapes.title.text = TITLE
    for heading, lines in SECTIONS.items():
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = heading
        box = slide.shapes.add_textbox(Inches(1), Inches(2), Inches(8), Inches(1))
        box.text_frame.text = " ".join(lines)
    table = slide.shapes.add_table(4, 2, Inches(1), Inches(4), Inches(6), Inches(2)).table
    for row, line in enumerate(COSTS):
        for column, words in enumerate(line):
            table.cell(row, column).text = words
    return saved(deck)


def _xlsx() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.properties.title = TITLE
    book.remove(book.active)
    for heading, lines in SECTIONS.items():
        sheet = book.create_sheet(heading)
        for row, line in enumerate(lines, 1):
            sheet.cell(row * 2, 1, line)
    for row, (name, amount) in enumerate(COSTS, 6):
        sheet.cell(row, 1, name)
        sheet.cell(row, 2, amount)
    return saved(book)


def _odf(kind: str) -> bytes:
    from odfdo import Document, Header, Paragraph, Table

    document = Document("spreadsheet" if kind == "ods" else "text")
    document.meta.title = TITLE
    body = document.body
    body.clear()
    if kind == "ods":
        for heading, lines in SECTIONS.items():
            sheet = Table(heading)
            sheet.set_values([[line] for line in lines])
            if heading == "3 Kündigung":
                sheet.set_values([*([line] for line in lines), [], *map(list, COSTS)])
            body.append(sheet)
        return saved(document)
    body.append(Header(1, TITLE))
    for heading, lines in SECTIONS.items():
        body.append(Header(2, heading))
        for line in lines:
            body.append(Paragraph(line))
    table = Table("Kosten")
    table.set_values([list(row) for row in COSTS])
    body.append(table)
    return saved(document)


def _odp() -> bytes:
    from odfdo import Document, DrawPage, Frame, Table

    deck = Document("presentation")
    deck.meta.title = TITLE
    body = deck.body
    body.clear()
    for number, (heading, lines) in enumerate(SECTIONS.items(), 1):
        page = DrawPage(f"p{number}", name=f"Seite {number}")
        page.append(_frame(Frame, heading, is_title=True))
        for line in lines:
            page.append(_frame(Frame, line))
        if heading == "3 Kündigung":
            table = Table("Kosten")
            table.set_values([list(row) for row in COSTS])
            frame = Frame(size=("10cm", "4cm"), position=("1cm", "8cm"))
            frame.append(table)
            page.append(frame)
        body.append(page)
    return saved(deck)


def _frame(frame, words: str, *, is_title: bool = False):
    box = frame.text_frame(words, size=("20cm", "2cm"), position=("1cm", "2cm"))
    if is_title:
        box.set_attribute("presentation:class", "title")
    return box


def _adoc() -> bytes:
    parts = [f"= {TITLE}\n"]
    for heading, lines in SECTIONS.items():
        parts.append(f"== {heading}\n\n" + "\n\n".join(lines) + "\n")
    rows = "\n".join(f"| {name} | {amount}" for name, amount in COSTS)
    return "\n".join([*parts, f"|===\n{rows}\n|===\n"]).encode()


def _rst() -> bytes:
    parts = [f"{TITLE}\n{'=' * 30}\n"]
    for heading, lines in SECTIONS.items():
        parts.append(f"{heading}\n{'-' * 30}\n\n" + "\n".join(lines) + "\n")
    rule = "============== ========="
    rows = [f"{name:14} {amount}" for name, amount in COSTS]
    return "\n".join([*parts, rule, rows[0], rule, *rows[1:], rule, ""]).encode()


def _latex() -> bytes:
    parts = [r"\documentclass{article}", rf"\title{{{TITLE}}}", r"\begin{document}", r"\maketitle"]
    for heading, lines in SECTIONS.items():
        parts += [rf"\section*{{{heading}}}", "\n".join(lines)]
    rows = " \\\\\n".join(f"{name} & {amount}" for name, amount in COSTS)
    parts += [rf"\begin{{tabular}}{{ll}} {rows} \end{{tabular}}", r"\end{document}"]
    return "\n\n".join(parts).encode()


def _page() -> str:
    sections = "".join(
        f"<h2>{heading}</h2><p>{' '.join(lines)}</p>" for heading, lines in SECTIONS.items()
    )
    rows = "".join(f"<tr><td>{name}</td><td>{amount}</td></tr>" for name, amount in COSTS)
    return f"<h1>{TITLE}</h1>{sections}<table>{rows}</table>"


def _epub() -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
        '<rootfiles><rootfile full-path="b.opf" media-type="application/oebps-package+xml"/>'
        "</rootfiles></container>"
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="i">x</dc:identifier><dc:title>{TITLE}</dc:title></metadata><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{_page()}</body></html>'
    return zipped(
        {"mimetype": "application/epub+zip", "META-INF/container.xml": container,
         "b.opf": package, "a.xhtml": page}
    )  # fmt: skip


def _jats() -> bytes:
    sections = "".join(
        f"<sec><title>{heading}</title><p>{' '.join(lines)}</p>{{}}</sec>"
        for heading, lines in SECTIONS.items()
    )
    rows = "".join(f"<tr><td>{name}</td><td>{amount}</td></tr>" for name, amount in COSTS)
    table = f"<table-wrap><table><tbody>{rows}</tbody></table></table-wrap>"
    body = sections.format("", "", table)
    return (
        '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Publishing DTD v1.2 '
        '20190208//EN" "JATS-journalpublishing1.dtd">'
        "<article><front><article-meta><title-group>"
        f"<article-title>{TITLE}</article-title></title-group></article-meta></front>"
        f"<body>{body}</body></article>"
    ).encode()


def _json() -> bytes:
    costs = [{"Posten": name, "Betrag": amount} for name, amount in COSTS[1:]]
    data: dict[str, object] = {"title": TITLE}
    data |= {heading: {"Text": " ".join(lines)} for heading, lines in SECTIONS.items()}
    data["3 Kündigung"] = {"Text": " ".join(SECTIONS["3 Kündigung"]), "Kosten": costs}
    return json.dumps(data, ensure_ascii=False).encode()


def _xml() -> bytes:
    parts = "".join(
        f"<abschnitt><title>{heading}</title><text>{' '.join(lines)}</text></abschnitt>"
        for heading, lines in SECTIONS.items()
    )
    rows = "".join(
        f"<posten><Posten>{n}</Posten><Betrag>{a}</Betrag></posten>" for n, a in COSTS[1:]
    )
    return f"<vertrag><title>{TITLE}</title>{parts}<kosten>{rows}</kosten></vertrag>".encode()


def _rtf() -> bytes:
    def spelt(words: str) -> str:
        return "".join(c if c.isascii() else f"\\u{ord(c)}?" for c in words)

    parts = [r"{\rtf1\ansi{\stylesheet{\s1 heading 1;}{\s2 heading 2;}}"]
    parts.append(rf"\pard\s1 {spelt(TITLE)}\par")
    for heading, lines in SECTIONS.items():
        parts.append(rf"\pard\s2 {spelt(heading)}\par")
        parts += [rf"\pard {spelt(line)}\par" for line in lines]
    for name, amount in COSTS:
        parts.append(rf"\trowd\cellx1000\cellx2000\intbl {name}\cell {amount}\cell\row")
    return "\n".join([*parts, r"\pard}"]).encode()


def _spoken(*, is_srt: bool) -> bytes:
    cues = [TITLE + ".", *(line for lines in SECTIONS.values() for line in lines)]
    mark = "," if is_srt else "."
    parts = [] if is_srt else ["WEBVTT"]
    for number, words in enumerate(cues):
        times = f"00:00:{number * 5:02d}{mark}000 --> 00:00:{number * 5 + 2:02d}{mark}000"
        parts.append(f"{number + 1}\n{times}\n{words}")
    return ("\n\n".join(parts) + "\n").encode()


def _eml() -> bytes:
    from email.message import EmailMessage
    from email.policy import SMTP

    message = EmailMessage(policy=SMTP)
    message["Subject"], message["From"], message["To"] = TITLE, "eva@example.org", "a@example.org"
    message["Date"] = "Tue, 27 Feb 2024 10:00:00 +0100"
    message.set_content("Die Kündigungsfrist beträgt drei Monate.")
    message.add_alternative(f"<html><body>{_page()}</body></html>", subtype="html")
    message.add_attachment(
        b"Posten;Betrag\nMiete;780", maintype="text", subtype="csv", filename="kosten.csv"
    )
    return message.as_bytes()


def _msg() -> bytes:
    page = f"<html><body>{_page()}</body></html>".encode()
    return outlook_message(TITLE, "", page=page, files=[("kosten.csv", b"Posten;Betrag")])


def _doc() -> bytes:
    paragraphs = [(TITLE + "\r", 1, b"")]
    for heading, lines in SECTIONS.items():
        paragraphs.append((heading + "\r", 2, b""))
        paragraphs += [(line + "\r", 0, b"") for line in lines]
    for row in COSTS:
        paragraphs += [(words + "\x07", 0, IN_TABLE) for words in row]
        paragraphs.append(("\x07", 0, IN_TABLE + ROW_END))
    return old_word(paragraphs)


def _xls() -> bytes:
    sheets = {heading: [[line] for line in lines] for heading, lines in SECTIONS.items()}
    return old_workbook({**sheets, "3 Kündigung": [*sheets["3 Kündigung"], [], *map(list, COSTS)]})


def _ppt() -> bytes:
    slides = [(TITLE, "Köln", "")]
    slides += [(heading, " ".join(lines), "") for heading, lines in SECTIONS.items()]
    return old_slides(slides)


def _zip() -> bytes:
    lease = DOCUMENTS / "rental-agreement.md"
    return zipped({"vertrag/mietvertrag.md": lease.read_bytes(), "kosten.csv": b"Posten;Betrag"})


def _picture(kind: str) -> bytes:
    """Photograph the agreement: the pages of its PDF below each other."""
    from PIL import Image
    from pypdfium2 import PdfDocument

    with PdfDocument(DOCUMENTS / "rental-agreement.pdf") as pdf:
        pages = [page.render(scale=150 / 72).to_pil().convert("RGB") for page in pdf]
    whole = Image.new("RGB", (pages[0].width, sum(page.height for page in pages)), "white")
    for number, page in enumerate(pages):
        whole.paste(page, (0, sum(before.height for before in pages[:number])))
    buffer = io.BytesIO()
    whole.save(buffer, kind, dpi=(150, 150))
    return buffer.getvalue()


SPECIMENS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    PPTX: ("pptx", _pptx),
    XLSX: ("xlsx", _xlsx),
    ODT: ("odt", lambda: _odf("odt")),
    ODS: ("ods", lambda: _odf("ods")),
    ODP: ("odp", _odp),
    "text/asciidoc": ("adoc", _adoc),
    "text/x-rst": ("rst", _rst),
    "application/x-latex": ("tex", _latex),
    "application/epub+zip": ("epub", _epub),
    "application/jats+xml": ("jats", _jats),
    "application/json": ("json", _json),
    "application/xml": ("xml", _xml),
    "application/rtf": ("rtf", _rtf),
    "text/vtt": ("vtt", lambda: _spoken(is_srt=False)),
    "application/x-subrip": ("srt", lambda: _spoken(is_srt=True)),
    "message/rfc822": ("eml", _eml),
    MSG: ("msg", _msg),
    DOC: ("doc", _doc),
    XLS: ("xls", _xls),
    PPT: ("ppt", _ppt),
    "application/zip": ("zip", _zip),
    "image/png": ("png", lambda: _picture("PNG")),
    "image/jpeg": ("jpg", lambda: _picture("JPEG")),
    "image/tiff": ("tif", lambda: _picture("TIFF")),
    "image/webp": ("webp", lambda: _picture("WEBP")),
    "image/gif": ("gif", lambda: _picture("GIF")),
    "image/bmp": ("bmp", lambda: _picture("BMP")),
}
