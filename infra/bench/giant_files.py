"""Giant documents to measure memory with: a Word file and a PDF of any number of pages.

Both are written as a stream, page by page, so the writer itself needs no memory to speak of.
"""

from __future__ import annotations

import random
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

LINES_PER_PAGE = 42
WORDS_PER_LINE = 12
PAGES_PER_CHAPTER = 10
VOCABULARY = 4000
_DOCX_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.wordprocessingml.document.main+xml"/>'
        '<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.wordprocessingml.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
    ),
    "word/_rels/document.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/styles" Target="styles.xml"/></Relationships>'
    ),
    "word/styles.xml": (
        '<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>'
        '</w:style><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/>'
        '<w:basedOn w:val="Normal"/></w:style></w:styles>'
    ),
}
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def write_docx(path: Path, pages: int, *, seed: int = 0) -> None:
    """Write a Word file: a heading every ten pages, a table in every chapter, prose."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in _DOCX_PARTS.items():
            archive.writestr(name, body)
        with archive.open("word/document.xml", "w", force_zip64=True) as stream:
            stream.write(f'<w:document xmlns:w="{_W}"><w:body>'.encode())
            for number, lines in enumerate(_pages(pages, seed), 1):
                stream.write(_docx_page(number, lines).encode())
            stream.write(b"</w:body></w:document>")


def write_pdf(path: Path, pages: int, *, seed: int = 0) -> None:
    """Write a PDF of text in Helvetica, one content stream a page."""
    offsets: list[int] = []
    with path.open("wb") as stream:
        stream.write(b"%PDF-1.5\n")

        def put(number: int, body: bytes) -> None:
            offsets.append(stream.tell())
            stream.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")

        kids = b" ".join(b"%d 0 R" % (4 + 2 * page) for page in range(pages))
        put(1, b"<</Type/Catalog/Pages 2 0 R>>")
        put(2, b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids))
        put(3, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
        for page, lines in enumerate(_pages(pages, seed)):
            at = 4 + 2 * page
            box = b"/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>"
            put(at, b"<</Type/Page/Parent 2 0 R%s/Contents %d 0 R>>" % (box, at + 1))
            content = zlib.compress(_pdf_page(page + 1, lines).encode("latin-1"))
            head = b"<</Filter/FlateDecode/Length %d>>\nstream\n" % len(content)
            put(at + 1, head + content + b"\nendstream")
        start = stream.tell()
        stream.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
        stream.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
        stream.write(b"trailer<</Size %d/Root 1 0 R>>\n" % (len(offsets) + 1))
        stream.write(b"startxref\n%d\n%%%%EOF\n" % start)


def _pages(count: int, seed: int) -> Iterator[list[str]]:
    chance = random.Random(seed)  # noqa: S311 - test material, not a secret
    words = ["".join(chance.choices("abdegiklmnoprstu", k=chance.randint(3, 9)))
             for _ in range(VOCABULARY)]  # fmt: skip
    for _ in range(count):
        yield [" ".join(chance.choices(words, k=WORDS_PER_LINE)) for _ in range(LINES_PER_PAGE)]


def _docx_page(number: int, lines: list[str]) -> str:
    parts = []
    if number % PAGES_PER_CHAPTER == 1:
        style = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>'
        parts.append(f"<w:p>{style}{_run(f'Chapter {number // PAGES_PER_CHAPTER + 1}')}</w:p>")
        rows = "".join(_row(line.split()[:4]) for line in lines[:6])
        parts.append(f"<w:tbl><w:tblPr/>{rows}</w:tbl>")
    parts += [
        f"<w:p>{_run(' '.join(lines[start : start + 6]) + '.')}</w:p>"
        for start in range(0, len(lines), 6)
    ]
    return "".join(parts)


def _row(cells: list[str]) -> str:
    return "<w:tr>" + "".join(f"<w:tc><w:p>{_run(cell)}</w:p></w:tc>" for cell in cells) + "</w:tr>"


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def _pdf_page(number: int, lines: list[str]) -> str:
    shown = []
    if number % PAGES_PER_CHAPTER == 1:
        title = f"Chapter {number // PAGES_PER_CHAPTER + 1}"
        shown.append(f"BT /F1 20 Tf 56 800 Td ({title}) Tj ET")
    body = " ".join(f"({line}) '" for line in lines)
    shown.append(f"BT /F1 9 Tf 16 TL 56 785 Td {body} ET")
    return "\n".join(shown)
